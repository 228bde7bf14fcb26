namespace Mesh.Tests.Engine;

/// <summary>
/// The real scheduler with actions. Nothing here measures how soon: what must not happen is looked for behind a mark that is scheduled
/// later, for actions run in the order of their deadlines.
/// </summary>
public sealed class ActionSchedulerTests : TestKit
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task ScheduleOnceTests()
    {
        var started = Sys.Scheduler.MonotonicClock;
        foreach (var delay in new[] { 10, 20, 30, 40 })
            Sys.Scheduler.Advanced.ScheduleOnce(delay, () => Report((delay, Sys.Scheduler.MonotonicClock - started)));
        foreach (var delay in new[] { 10, 20, 30, 40 })
        {
            var (scheduled, came) = await ExpectMsgAsync<(int, TimeSpan)>(Patience);
            Assert.Equal(delay, scheduled);
            Assert.True(came >= TimeSpan.FromMilliseconds(delay), $"{delay} ms came after {came}");
        }
        await MarkAsync();
    }

    [Fact]
    public async Task ScheduleRepeatedly_Tests_and_verify_the_interval()
    {
        var started = Sys.Scheduler.MonotonicClock;
        var count = 0;
        var repeated = Sys.Scheduler.Advanced.ScheduleRepeatedlyCancelable(
            TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(10), () => Report((count++, Sys.Scheduler.MonotonicClock - started)));
        for (var number = 0; number < 10; number++)
        {
            var (round, came) = await ExpectMsgAsync<(int, TimeSpan)>(Patience);
            Assert.Equal(number, round);
            Assert.True(came >= TimeSpan.FromMilliseconds(20 + (number * 10)), $"round {number} came after {came}");
        }
        repeated.Cancel();
    }

    [Fact]
    public async Task ScheduleRepeatedly_in_milliseconds_Tests()
    {
        using var cancelable = new Cancelable(Sys.Scheduler);
        Sys.Scheduler.Advanced.ScheduleRepeatedly(0, 5, () => Report("with a cancelable"), cancelable);
        await ExpectMsgAsync("with a cancelable", Patience);
        await ExpectMsgAsync("with a cancelable", Patience);
        cancelable.Cancel();
        await DrainedAsync();
        var own = Sys.Scheduler.Advanced.ScheduleRepeatedlyCancelable(0, 5, () => Report("with its own"));
        await ExpectMsgAsync("with its own", Patience);
        own.Cancel();
        await DrainedAsync();
        Sys.Scheduler.Advanced.ScheduleOnce(1, () => Report("once"));
        await ExpectMsgAsync("once", Patience);
    }

    [Fact]
    public async Task When_ScheduleOnce_many_at_the_same_time_Then_all_fires()
    {
        const int Many = 1_000;
        for (var number = 0; number < Many; number++)
        {
            var mine = number;
            Sys.Scheduler.Advanced.ScheduleOnce(TimeSpan.FromMilliseconds(10), () => Report(mine));
        }
        var came = await ReceiveNAsync(Many, Patience).Select(message => (int)message).ToListAsync();
        Assert.Equal(Enumerable.Range(0, Many), came.Order());
        await MarkAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task When_scheduled_with_0_delay_Then_action_is_executed_immediately(bool repeats)
    {
        if (repeats)
            Sys.Scheduler.Advanced.ScheduleRepeatedly(TimeSpan.Zero, TimeSpan.FromHours(1), () => Report("now"));
        else
            Sys.Scheduler.Advanced.ScheduleOnce(TimeSpan.Zero, () => Report("now"));
        await ExpectMsgAsync("now", Patience);
        await MarkAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task When_using_canceled_Cancelable_Then_their_actions_should_not_be_invoked(bool repeats)
    {
        Schedule(repeats, 0, "cancelled", Cancelable.CreateCanceled());
        Schedule(repeats, 1, "cancelled", Cancelable.CreateCanceled());
        await MarkAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task When_canceling_before_they_occur_Then_their_actions_should_not_be_invoked(bool repeats)
    {
        using var cancelable = new Cancelable(Sys.Scheduler);
        await WhileBusyAsync(() =>
        {
            for (var number = 0; number < 100; number++)
                Schedule(repeats, 1, "cancelled", cancelable);
            cancelable.Cancel();
        });
        await MarkAsync();
    }

    [Fact]
    public async Task When_canceling_existing_running_repeaters_Then_their_future_actions_should_not_be_invoked()
    {
        var count = 0;
        var repeated = Sys.Scheduler.Advanced.ScheduleRepeatedlyCancelable(
            TimeSpan.Zero, TimeSpan.FromMilliseconds(2), () => Interlocked.Increment(ref count));
        await AwaitConditionAsync(() => Volatile.Read(ref count) >= 3, Patience, "no repetition");
        repeated.Cancel();
        await MarkAsync();
        var atCancel = Volatile.Read(ref count);
        await MarkAsync(TimeSpan.FromMilliseconds(20));
        Assert.Equal(atCancel, Volatile.Read(ref count));
    }

    [Fact]
    public async Task When_canceling_existing_running_repeaters_by_scheduling_the_cancellation_ahead_of_time_Then_their_future_actions_should_not_be_invoked()
    {
        var count = 0;
        using var cancelable = new Cancelable(Sys.Scheduler);
        Sys.Scheduler.Advanced.ScheduleRepeatedly(
            TimeSpan.Zero, TimeSpan.FromMilliseconds(2), () => Interlocked.Increment(ref count), cancelable);
        cancelable.CancelAfter(TimeSpan.FromMilliseconds(30));
        await AwaitConditionAsync(() => cancelable.IsCancellationRequested, Patience, "not cancelled");
        await MarkAsync();
        var atCancel = Volatile.Read(ref count);
        Assert.True(atCancel > 0);
        await MarkAsync(TimeSpan.FromMilliseconds(20));
        Assert.Equal(atCancel, Volatile.Read(ref count));
    }

    [Fact]
    public async Task A_repeated_action_that_crashes_is_logged_and_called_again()
    {
        var count = 0;
        await EventFilter.Exception<ExpectedException>("of an action").ExpectAsync(3, async () =>
        {
            using var cancelable = new Cancelable(Sys.Scheduler);
            Sys.Scheduler.Advanced.ScheduleRepeatedly(
                TimeSpan.Zero,
                TimeSpan.FromMilliseconds(1),
                () =>
                {
                    if (++count == 3)
                    {
                        cancelable.Cancel();
                        Report("third");
                    }
                    throw new ExpectedException("of an action");
                },
                cancelable);
            await ExpectMsgAsync("third", Patience);
        });
    }

    [Theory]
    [InlineData("When_ScheduleOnce_with_invalid_delay_Then_exception_is_thrown", -1, null)]
    [InlineData("When_ScheduleRepeatedly_with_invalid_delay_Then_exception_is_thrown", -1, 100)]
    [InlineData("When_ScheduleRepeatedly_with_invalid_interval_Then_exception_is_thrown", 42, 0)]
    [InlineData("When_ScheduleRepeatedly_with_negative_interval_Then_exception_is_thrown", 42, -1)]
    public async Task When_scheduled_with_invalid_times_Then_exception_is_thrown(string name, int delay, int? interval)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() =>
        {
            if (interval is { } every)
                Sys.Scheduler.Advanced.ScheduleRepeatedly(delay, every, () => Report("never"));
            else
                Sys.Scheduler.Advanced.ScheduleOnce(delay, () => Report("never"));
        });
        await MarkAsync(TimeSpan.FromMilliseconds(60));
        Assert.StartsWith("When", name);
    }

    [Fact]
    public void Now_Should_be_accurate()
    {
        var before = DateTimeOffset.UtcNow;
        var now = Sys.Scheduler.Now;
        Assert.InRange(now, before.AddMilliseconds(-1), DateTimeOffset.UtcNow.AddMilliseconds(1));
        Assert.Equal(TimeSpan.Zero, now.Offset);
        var earlier = Sys.Scheduler.MonotonicClock;
        Assert.True(Sys.Scheduler.MonotonicClock >= earlier);
        Assert.True(Sys.Scheduler.HighResMonotonicClock >= earlier);
    }

    void Schedule(bool repeats, int delay, string text, ICancelable cancelable)
    {
        if (repeats)
            Sys.Scheduler.Advanced.ScheduleRepeatedly(delay, 1, () => Report(text), cancelable);
        else
            Sys.Scheduler.Advanced.ScheduleOnce(delay, () => Report(text), cancelable);
    }

    /// <summary>Does something while the scheduler is kept from firing anything.</summary>
    async Task WhileBusyAsync(Action action)
    {
        using var busy = new SemaphoreSlim(0);
        using var go = new ManualResetEventSlim();
        Sys.Scheduler.Advanced.ScheduleOnce(TimeSpan.Zero, () =>
        {
            busy.Release();
            Assert.True(go.Wait(Patience));
        });
        Assert.True(await busy.WaitAsync(Patience));
        action();
        go.Set();
    }

    void Report(object message) => TestActor.Tell(message, ActorRefs.NoSender);

    /// <summary>The next thing that comes is the mark, so nothing that was due before it did.</summary>
    async Task MarkAsync(TimeSpan? delay = null)
    {
        Sys.Scheduler.Advanced.ScheduleOnce(delay ?? TimeSpan.FromMilliseconds(5), () => Report("mark"));
        await ExpectMsgAsync("mark", Patience);
    }

    async Task DrainedAsync()
    {
        Sys.Scheduler.Advanced.ScheduleOnce(TimeSpan.FromMilliseconds(5), () => Report("mark"));
        await FishForMessageAsync<string>(text => text == "mark", Patience);
    }
}

/// <summary>The same with messages, which carry their sender.</summary>
public sealed class TellSchedulerTests : TestKit
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task ScheduleTellOnceTests()
    {
        var probe = CreateTestProbe();
        Sys.Scheduler.ScheduleTellOnce(TimeSpan.FromMilliseconds(5), TestActor, "with a sender", probe);
        await ExpectMsgAsync("with a sender", Patience);
        Assert.Equal(probe.Ref, LastSender);
        Sys.Scheduler.ScheduleTellOnce(5, TestActor, "without", ActorRefs.NoSender);
        await ExpectMsgAsync("without", Patience);
        Assert.Equal(Sys.DeadLetters, LastSender);
        await MarkAsync();
    }

    [Fact]
    public async Task ScheduleTellRepeatedly_TimeSpan_Tests()
    {
        var started = Sys.Scheduler.MonotonicClock;
        var probe = CreateTestProbe();
        var repeated = Sys.Scheduler.ScheduleTellRepeatedlyCancelable(
            TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(10), TestActor, "tick", probe);
        for (var number = 0; number < 5; number++)
        {
            await ExpectMsgAsync("tick", Patience);
            Assert.Equal(probe.Ref, LastSender);
            Assert.True(Sys.Scheduler.MonotonicClock - started >= TimeSpan.FromMilliseconds(20 + (number * 10)));
        }
        repeated.Cancel();
    }

    [Fact]
    public async Task When_ScheduleTellOnce_many_at_the_same_time_Then_all_fires()
    {
        const int Many = 1_000;
        for (var number = 0; number < Many; number++)
            Sys.Scheduler.ScheduleTellOnce(TimeSpan.FromMilliseconds(10), TestActor, number, ActorRefs.NoSender);
        Assert.Equal(Enumerable.Range(0, Many), await ReceiveNAsync(Many, Patience).Select(message => (int)message).ToListAsync());
        await MarkAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task When_scheduled_with_0_delay_Then_action_is_executed_immediately(bool repeats)
    {
        if (repeats)
            Sys.Scheduler.ScheduleTellRepeatedly(TimeSpan.Zero, TimeSpan.FromHours(1), TestActor, "now", ActorRefs.NoSender);
        else
            Sys.Scheduler.ScheduleTellOnce(TimeSpan.Zero, TestActor, "now", ActorRefs.NoSender);
        await ExpectMsgAsync("now", Patience);
        await MarkAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task When_using_canceled_Cancelable_Then_their_actions_should_not_be_invoked(bool repeats)
    {
        Schedule(repeats, 0, Cancelable.CreateCanceled());
        Schedule(repeats, 1, Cancelable.CreateCanceled());
        await MarkAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task When_canceling_before_they_occur_Then_their_actions_should_not_be_invoked(bool repeats)
    {
        using var busy = new SemaphoreSlim(0);
        using var go = new ManualResetEventSlim();
        using var cancelable = new Cancelable(Sys.Scheduler);
        Sys.Scheduler.Advanced.ScheduleOnce(TimeSpan.Zero, () =>
        {
            busy.Release();
            Assert.True(go.Wait(Patience));
        });
        Assert.True(await busy.WaitAsync(Patience));
        for (var number = 0; number < 100; number++)
            Schedule(repeats, 1, cancelable);
        cancelable.Cancel();
        go.Set();
        await MarkAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task When_canceling_existing_running_repeaters_Then_their_future_actions_should_not_be_invoked(bool aheadOfTime)
    {
        using var cancelable = new Cancelable(Sys.Scheduler);
        Sys.Scheduler.ScheduleTellRepeatedly(0, 2, TestActor, "tick", ActorRefs.NoSender, cancelable);
        if (aheadOfTime)
        {
            cancelable.CancelAfter(30);
            await AwaitConditionAsync(() => cancelable.IsCancellationRequested, Patience, "not cancelled");
        }
        else
        {
            await ExpectMsgAsync("tick", Patience);
            cancelable.Cancel();
        }
        Sys.Scheduler.ScheduleTellOnce(5, TestActor, "mark", ActorRefs.NoSender);
        await FishForMessageAsync<string>(text => text == "mark", Patience);
        await MarkAsync(20);
    }

    [Theory]
    [InlineData("When_ScheduleTellOnce_with_invalid_delay_Then_exception_is_thrown", -1, null)]
    [InlineData("When_ScheduleTellRepeatedly_with_invalid_delay_Then_exception_is_thrown", -1, 100)]
    [InlineData("When_ScheduleTellRepeatedly_with_invalid_interval_Then_exception_is_thrown", 42, 0)]
    public async Task When_scheduled_with_invalid_times_Then_exception_is_thrown(string name, int delay, int? interval)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() =>
        {
            if (interval is { } every)
                Sys.Scheduler.ScheduleTellRepeatedly(delay, every, TestActor, "never", ActorRefs.NoSender);
            else
                Sys.Scheduler.ScheduleTellOnce(delay, TestActor, "never", ActorRefs.NoSender);
        });
        await MarkAsync(60);
        Assert.StartsWith("When", name);
    }

    void Schedule(bool repeats, int delay, ICancelable cancelable)
    {
        if (repeats)
            Sys.Scheduler.ScheduleTellRepeatedly(delay, 1, TestActor, "cancelled", ActorRefs.NoSender, cancelable);
        else
            Sys.Scheduler.ScheduleTellOnce(delay, TestActor, "cancelled", ActorRefs.NoSender, cancelable);
    }

    async Task MarkAsync(int delay = 5)
    {
        Sys.Scheduler.ScheduleTellOnce(delay, TestActor, "mark", ActorRefs.NoSender);
        await ExpectMsgAsync("mark", Patience);
    }
}
