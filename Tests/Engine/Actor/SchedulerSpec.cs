namespace Mesh.Tests.Engine;

public sealed class SchedulerSpec : TestKit
{
    IScheduler Scheduler => Sys.Scheduler;

    [Fact]
    public async Task ScheduleTellOnce_should_send_after_the_delay_and_once()
    {
        var before = Scheduler.MonotonicClock;
        Scheduler.ScheduleTellOnce(TimeSpan.FromMilliseconds(30), TestActor, "once", ActorRefs.NoSender);
        await ExpectMsgAsync("once");
        Assert.True(Scheduler.MonotonicClock - before >= TimeSpan.FromMilliseconds(30));
        await ExpectNoMsgAsync(60);
    }

    [Fact]
    public async Task ScheduleTellOnce_with_zero_delay_should_send_at_once()
    {
        Scheduler.ScheduleTellOnce(TimeSpan.Zero, TestActor, "now", TestActor);
        await ExpectMsgAsync("now");
        Assert.Equal(TestActor, LastSender);
    }

    [Fact]
    public async Task Messages_come_in_the_order_of_their_deadlines()
    {
        Scheduler.ScheduleTellOnce(TimeSpan.FromHours(1), TestActor, "first scheduled, last due", ActorRefs.NoSender);
        for (var delay = 0; delay <= 50; delay += 10)
            Scheduler.ScheduleTellOnce(delay, TestActor, delay, ActorRefs.NoSender);
        for (var delay = 0; delay <= 50; delay += 10)
            await ExpectMsgAsync(delay);
    }

    [Fact]
    public async Task ScheduleTellRepeatedly_should_go_on_until_cancelled()
    {
        var cancelable = Scheduler.ScheduleTellRepeatedlyCancelable(
            TimeSpan.Zero, TimeSpan.FromMilliseconds(5), TestActor, "tick", ActorRefs.NoSender);
        for (var round = 0; round < 5; round++)
            await ExpectMsgAsync("tick");
        cancelable.Cancel();
        Assert.True(cancelable.IsCancellationRequested);
        Assert.True(cancelable.Token.IsCancellationRequested);
        await AwaitAssertAsync(async () => await ExpectNoMsgAsync(30));
    }

    [Fact]
    public async Task What_is_cancelled_before_or_after_scheduling_does_not_come()
    {
        Scheduler.ScheduleTellOnce(TimeSpan.Zero, TestActor, "before", ActorRefs.NoSender, Cancelable.CreateCanceled());
        var after = Scheduler.ScheduleTellOnceCancelable(TimeSpan.FromMilliseconds(20), TestActor, "after", ActorRefs.NoSender);
        after.Cancel();
        after.Cancel();
        await ExpectNoMsgAsync(60);
    }

    [Fact]
    public async Task Actions_run_and_one_that_throws_does_not_stop_the_others()
    {
        Scheduler.Advanced.ScheduleOnce(TimeSpan.Zero, () => throw new ExpectedException());
        Scheduler.Advanced.ScheduleOnce(TimeSpan.FromMilliseconds(1), () => TestActor.Tell("action", ActorRefs.NoSender));
        await ExpectMsgAsync("action");
        var repeated = Scheduler.Advanced.ScheduleRepeatedlyCancelable(
            TimeSpan.Zero, TimeSpan.FromMilliseconds(5), () => TestActor.Tell("again", ActorRefs.NoSender));
        await ExpectMsgAsync("again");
        await ExpectMsgAsync("again");
        repeated.Cancel();
    }

    [Fact]
    public void Invalid_delays_and_intervals_are_refused()
    {
        var negative = TimeSpan.FromMilliseconds(-1);
        Assert.Throws<ArgumentOutOfRangeException>(() => Scheduler.ScheduleTellOnce(negative, TestActor, "", ActorRefs.NoSender));
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            Scheduler.ScheduleTellRepeatedly(negative, TimeSpan.FromSeconds(1), TestActor, "", ActorRefs.NoSender));
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            Scheduler.ScheduleTellRepeatedly(TimeSpan.Zero, TimeSpan.Zero, TestActor, "", ActorRefs.NoSender));
        Assert.Throws<ArgumentOutOfRangeException>(() => Scheduler.Advanced.ScheduleOnce(negative, () => { }));
        Assert.Throws<ArgumentOutOfRangeException>(() => Scheduler.Advanced.ScheduleRepeatedly(TimeSpan.Zero, negative, () => { }));
    }
}
