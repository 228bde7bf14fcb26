using Mesh.Actors.Engine.Actor;
using Mesh.Actors.Engine.Configuration;

namespace Mesh.Actors.Engine.Persistence;

/// <summary>A plugin failed so often that it is not asked for a while.</summary>
public sealed class OpenCircuitException(string message) : AkkaException(message);

/// <summary>
/// Keeps a failing plugin from being asked over and over. Closed: calls go through, and a success forgets the failures before it. After so
/// many failures in a row open: calls fail at once. After a pause half-open: one call tries. A call that takes too long counts as failed
/// and its caller stops waiting; its outcome is unknown. Safe for concurrent use.
/// </summary>
internal sealed class CircuitBreaker(int maxFailures, TimeSpan callTimeout, TimeSpan resetTimeout, Func<TimeSpan> clock)
{
    private readonly Lock _lock = new();
    private int _failures;
    private TimeSpan? _openUntil;
    private bool _isTrying;

    public static CircuitBreaker From(Config config, IScheduler scheduler) => new(
        config.GetInt("circuit-breaker.max-failures"),
        config.GetTimeSpan("circuit-breaker.call-timeout"),
        config.GetTimeSpan("circuit-breaker.reset-timeout"),
        () => scheduler.MonotonicClock);

    /// <summary>Calls at once, on the caller's thread, or fails with <see cref="OpenCircuitException"/>.</summary>
    public async Task<T> CallAsync<T>(Func<Task<T>> call)
    {
        Enter();
        try
        {
            var result = await call().WaitAsync(callTimeout).ConfigureAwait(false);
            Succeeded();
            return result;
        }
        catch
        {
            Failed();
            throw;
        }
    }

    /// <inheritdoc cref="CallAsync{T}"/>
    public Task CallAsync(Func<Task> call) => CallAsync(async () =>
    {
        await call().ConfigureAwait(false);
        return true;
    });

    private void Enter()
    {
        lock (_lock)
        {
            if (_openUntil is not { } until)
                return;
            if (_isTrying || clock() < until)
                throw new OpenCircuitException("The plugin failed too often and is not asked for a while.");
            _isTrying = true;
        }
    }

    private void Succeeded()
    {
        lock (_lock)
        {
            _failures = 0;
            _openUntil = null;
            _isTrying = false;
        }
    }

    private void Failed()
    {
        lock (_lock)
        {
            if (!_isTrying && ++_failures < maxFailures)
                return;
            _isTrying = false;
            _openUntil = clock() + resetTimeout;
        }
    }
}
