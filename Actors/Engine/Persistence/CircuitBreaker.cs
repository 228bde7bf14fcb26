using Mesh.Actors.Engine.Actor;
using Mesh.Actors.Engine.Configuration;

namespace Mesh.Actors.Engine.Persistence;

/// <summary>A plugin failed so often that it is not asked for a while.</summary>
public sealed class OpenCircuitException(string message) : AkkaException(message);

/// <summary>
/// Keeps a failing plugin from being asked over and over. Closed: calls go through, and a success forgets the failures before it. After so
/// many failures in a row open: calls fail at once. After a pause half-open: one call tries. A call that takes too long counts as failed
/// and its caller stops waiting; its outcome is unknown. What began before the circuit opened says nothing of the plugin afterwards. Safe
/// for concurrent use.
/// </summary>
internal sealed class CircuitBreaker(int maxFailures, TimeSpan callTimeout, TimeSpan resetTimeout, Func<TimeSpan> clock)
{
    private readonly Lock _lock = new();
    private int _failures;
    private TimeSpan? _openUntil;
    private bool _isTrying;

    /// <summary>Counts openings and tries. How a call ends matters in the period in which it began only.</summary>
    private int _period;

    public static CircuitBreaker From(Config config, IScheduler scheduler) => new(
        config.GetInt("circuit-breaker.max-failures"),
        config.GetTimeSpan("circuit-breaker.call-timeout"),
        config.GetTimeSpan("circuit-breaker.reset-timeout"),
        () => scheduler.MonotonicClock);

    /// <summary>Calls at once, on the caller's thread, or fails with <see cref="OpenCircuitException"/>.</summary>
    public async Task<T> CallAsync<T>(Func<Task<T>> call)
    {
        var period = Enter();
        try
        {
            var result = await call().WaitAsync(callTimeout).ConfigureAwait(false);
            Succeeded(period);
            return result;
        }
        catch
        {
            Failed(period);
            throw;
        }
    }

    /// <inheritdoc cref="CallAsync{T}"/>
    public Task CallAsync(Func<Task> call) => CallAsync(async () =>
    {
        await call().ConfigureAwait(false);
        return true;
    });

    private int Enter()
    {
        lock (_lock)
        {
            if (_openUntil is not { } until)
                return _period;
            if (_isTrying || clock() < until)
                throw new OpenCircuitException("The plugin failed too often and is not asked for a while.");
            _isTrying = true;
            return ++_period;
        }
    }

    private void Succeeded(int period)
    {
        lock (_lock)
        {
            if (period != _period)
                return;
            _failures = 0;
            _openUntil = null;
            _isTrying = false;
        }
    }

    private void Failed(int period)
    {
        lock (_lock)
        {
            if (period != _period || (!_isTrying && ++_failures < maxFailures))
                return;
            _isTrying = false;
            _openUntil = clock() + resetTimeout;
            _period++;
        }
    }
}
