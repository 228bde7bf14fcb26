using Mesh.Actors.Engine.Persistence;

namespace Mesh.Tests.Engine.Persistence;

public sealed class CircuitBreakerTests
{
    private static readonly TimeSpan Reset = TimeSpan.FromSeconds(30);

    private readonly CircuitBreaker _breaker;
    private TimeSpan _now;
    private int _calls;

    public CircuitBreakerTests() => _breaker = new CircuitBreaker(3, TimeSpan.FromSeconds(20), Reset, () => _now);

    [Fact]
    public async Task Opens_after_so_many_failures_in_a_row()
    {
        await FailAsync(2);
        await SucceedAsync();
        await FailAsync(3);
        Assert.Equal(6, _calls);
        await Assert.ThrowsAsync<OpenCircuitException>(SucceedAsync);
        Assert.Equal(6, _calls);
    }

    [Fact]
    public async Task Tries_one_call_after_the_pause_and_closes_when_it_succeeds()
    {
        await FailAsync(3);
        _now += Reset;
        await SucceedAsync();
        await FailAsync(2);
        await SucceedAsync();
    }

    [Fact]
    public async Task Opens_again_when_the_one_call_fails()
    {
        await FailAsync(3);
        _now += Reset;
        await FailAsync(1);
        await Assert.ThrowsAsync<OpenCircuitException>(SucceedAsync);
        _now += Reset;
        await SucceedAsync();
    }

    [Fact]
    public async Task Lets_only_one_call_try()
    {
        await FailAsync(3);
        _now += Reset;
        var gate = new TaskCompletionSource<int>();
        var trying = _breaker.CallAsync(() => gate.Task);
        await Assert.ThrowsAsync<OpenCircuitException>(SucceedAsync);
        gate.SetResult(1);
        Assert.Equal(1, await trying);
        await SucceedAsync();
    }

    [Fact]
    public async Task A_call_from_before_that_succeeds_late_does_not_close_it()
    {
        var gate = new TaskCompletionSource<int>();
        var late = _breaker.CallAsync(() => gate.Task);
        await FailAsync(3);
        gate.SetResult(1);
        Assert.Equal(1, await late);
        await Assert.ThrowsAsync<OpenCircuitException>(SucceedAsync);
    }

    [Fact]
    public async Task A_call_from_before_that_fails_late_does_not_prolong_the_pause()
    {
        var gate = new TaskCompletionSource<int>();
        var late = _breaker.CallAsync(() => gate.Task);
        await FailAsync(3);
        _now += Reset / 2;
        gate.SetException(new TestException("late"));
        await Assert.ThrowsAsync<TestException>(() => late);
        _now += Reset / 2;
        await SucceedAsync();
    }

    [Fact]
    public async Task A_call_from_before_decides_nothing_while_another_tries()
    {
        var (before, trial) = (new TaskCompletionSource<int>(), new TaskCompletionSource<int>());
        var late = _breaker.CallAsync(() => before.Task);
        await FailAsync(3);
        _now += Reset;
        var trying = _breaker.CallAsync(() => trial.Task);
        before.SetResult(1);
        await late;
        await Assert.ThrowsAsync<OpenCircuitException>(SucceedAsync);
        trial.SetResult(2);
        await trying;
        await SucceedAsync();
    }

    [Fact]
    public async Task A_call_that_takes_too_long_has_failed()
    {
        var hasty = new CircuitBreaker(1, TimeSpan.FromMilliseconds(20), Reset, () => _now);
        await Assert.ThrowsAsync<TimeoutException>(() => hasty.CallAsync(() => new TaskCompletionSource<int>().Task));
        await Assert.ThrowsAsync<OpenCircuitException>(() => hasty.CallAsync(() => Task.FromResult(1)));
    }

    [Fact]
    public async Task A_throw_before_the_task_counts_too()
    {
        for (var i = 0; i < 3; i++)
            await Assert.ThrowsAsync<TestException>(() => _breaker.CallAsync<int>(() => throw new TestException("at once")));
        await Assert.ThrowsAsync<OpenCircuitException>(SucceedAsync);
    }

    [Fact]
    public async Task Many_callers_at_once_each_get_an_outcome_and_none_keeps_the_try()
    {
        const int callers = 8;
        const int each = 2_000;
        var seed = Environment.TickCount;
        var counts = new int[4];
        var calls = 0;
        var elapsed = 0L;
        var breaker = new CircuitBreaker(
            3, TimeSpan.FromMinutes(1), TimeSpan.FromTicks(5), () => TimeSpan.FromTicks(Interlocked.Increment(ref elapsed)));
        await Task.WhenAll(Enumerable.Range(0, callers).Select(caller => Task.Run(async () =>
        {
            var random = new Random(seed + caller);
            for (var round = 0; round < each; round++)
                Interlocked.Increment(ref counts[await OutcomeAsync(random.Next(3))]);
        })));
        Assert.True(counts.Sum() == callers * each, $"seed {seed}");

        // What was called is what came back, and the open circuit kept some from being called.
        Assert.True(counts[0] + counts[1] == Volatile.Read(ref calls), $"seed {seed}");
        Assert.True(counts[0] > 0 && counts[1] > 0 && counts[2] > 0 && counts[3] == 0, $"seed {seed}: {string.Join(' ', counts)}");

        // However it was left, after the pause one call goes through and closes it.
        elapsed += 1_000;
        Assert.Equal(1, await breaker.CallAsync(() => Task.FromResult(1)));
        Assert.Equal(1, await breaker.CallAsync(() => Task.FromResult(1)));

        async Task<int> OutcomeAsync(int kind)
        {
            try
            {
                await breaker.CallAsync(async () =>
                {
                    Interlocked.Increment(ref calls);
                    if (kind > 0)
                        await Task.Yield();
                    return kind == 2 ? throw new TestException("failed") : 1;
                });
                return 0;
            }
            catch (TestException)
            {
                return 1;
            }
            catch (OpenCircuitException)
            {
                return 2;
            }
            catch (Exception)
            {
                return 3;
            }
        }
    }

    private async Task FailAsync(int times)
    {
        for (; times > 0; times--)
        {
            await Assert.ThrowsAsync<TestException>(() => _breaker.CallAsync(() =>
            {
                _calls++;
                return Task.FromException<int>(new TestException("failed"));
            }));
        }
    }

    private Task SucceedAsync() => _breaker.CallAsync(() =>
    {
        _calls++;
        return Task.FromResult(1);
    });
}
