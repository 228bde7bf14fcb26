using Xunit.Sdk;

namespace Mesh.Tests.Engine;

public sealed class TestKitSpec : TestKit
{
    [Fact]
    public async Task Expectations_that_do_not_hold_fail()
    {
        TestActor.Tell("text");
        await Assert.ThrowsAnyAsync<XunitException>(async () => await ExpectMsgAsync<int>());
        TestActor.Tell("text");
        await Assert.ThrowsAnyAsync<XunitException>(async () => await ExpectMsgAsync("other"));
        TestActor.Tell("text");
        await Assert.ThrowsAnyAsync<XunitException>(async () => await ExpectMsgAsync<string>(text => text.Length == 1));
        TestActor.Tell("text");
        await Assert.ThrowsAnyAsync<XunitException>(async () => await ExpectNoMsgAsync(100));
        await Assert.ThrowsAnyAsync<XunitException>(async () => await ExpectMsgAsync<string>(TimeSpan.FromMilliseconds(10)));
        await Assert.ThrowsAnyAsync<XunitException>(() => AwaitConditionAsync(() => false, TimeSpan.FromMilliseconds(30), "never"));
        await Assert.ThrowsAnyAsync<XunitException>(() =>
            AwaitAssertAsync(() => Assert.Fail("never"), TimeSpan.FromMilliseconds(30)));
        await Assert.ThrowsAnyAsync<XunitException>(() => EventFilter.Error().ExpectOneAsync(
            TimeSpan.FromMilliseconds(20), () => Task.CompletedTask));
    }

    [Fact]
    public async Task Messages_in_any_order_are_expected_together()
    {
        foreach (var number in new[] { 3, 1, 2 })
            TestActor.Tell(number);
        Assert.Equal([3, 1, 2], await ExpectMsgAllOfAsync<int>([1, 2, 3]).ToListAsync());
    }

    [Fact]
    public async Task Ignored_messages_never_come()
    {
        IgnoreMessages<int>(number => number > 10);
        TestActor.Tell(100);
        TestActor.Tell(1);
        await ExpectMsgAsync(1);
        IgnoreNoMessages();
        TestActor.Tell(100);
        await ExpectMsgAsync(100);
    }

    [Fact]
    public async Task Within_bounds_what_is_expected_inside()
    {
        await WithinAsync(TimeSpan.FromSeconds(1), async () =>
        {
            TestActor.Tell("in time");
            await ExpectMsgAsync("in time");
            Assert.True(RemainingOrDefault <= TimeSpan.FromSeconds(1));
        });
        await Assert.ThrowsAnyAsync<XunitException>(() => WithinAsync(
            TimeSpan.FromMilliseconds(50), async () => await ExpectMsgAsync<string>()));
    }

    [Fact]
    public async Task A_probe_sends_replies_forwards_and_pilots()
    {
        var (one, two) = (CreateTestProbe("one"), CreateTestProbe("two"));
        one.Send(two.Ref, "hello");
        await two.ExpectMsgAsync("hello");
        Assert.Equal(one.Ref, two.Sender);
        two.Reply("answer");
        await one.ExpectMsgFromAsync(two.Ref, "answer");
        one.Forward(TestActor);
        await ExpectMsgFromAsync(two.Ref, "answer");

        two.SetAutoPilot(new DelegateAutoPilot((sender, message) =>
        {
            sender.Tell($"piloted {message}", ActorRefs.NoSender);
            return AutoPilot.KeepRunning;
        }));
        one.Send(two, "a");
        one.Send(two, "b");
        await one.ExpectMsgAsync("piloted a");
        await one.ExpectMsgAsync("piloted b");
        await two.ExpectMsgAsync("a");
    }

    [Fact]
    public async Task A_probe_watches_and_is_watched()
    {
        var probe = CreateTestProbe();
        await WatchAsync(probe.Ref);
        var child = probe.ChildActorOf<Silent>("child");
        Assert.Equal(probe.Ref.Path, child.Path.Parent);
        await probe.WatchAsync(child);
        Sys.Stop(child);
        await probe.ExpectTerminatedAsync(child);
        Sys.Stop(probe.Ref);
        await ExpectTerminatedAsync(probe.Ref);
    }

    [Fact]
    public async Task The_test_actor_is_the_sender_of_what_a_test_tells_also_after_an_await()
    {
        var echo = Sys.ActorOf(Scripted.Props(script => script.OnAny(message => script.Sender.Tell(message))));
        echo.Tell(1);
        await ExpectMsgAsync(1);
        await Task.Yield();
        await Task.Delay(1);
        echo.Tell(2);
        await ExpectMsgAsync(2);
    }

    sealed class Silent : UntypedActor
    {
        protected override void OnReceive(object message) { }
    }
}

public sealed class TestSchedulerTests() : TestKit("akka.scheduler.implementation = \"TestScheduler\"")
{
    TestScheduler Scheduler => (TestScheduler)Sys.Scheduler;

    [Fact]
    public async Task Delivers_message_when_scheduled_time_reached()
    {
        Scheduler.ScheduleTellOnce(TimeSpan.FromSeconds(1), TestActor, "x", ActorRefs.NoSender);
        Scheduler.Advance(TimeSpan.FromSeconds(1));
        await ExpectMsgAsync("x");
    }

    [Fact]
    public async Task Does_not_deliver_message_prematurely()
    {
        Scheduler.ScheduleTellOnce(TimeSpan.FromSeconds(1), TestActor, "x", ActorRefs.NoSender);
        Scheduler.Advance(TimeSpan.FromMilliseconds(999));
        await ExpectNoMsgAsync(20);
    }

    [Fact]
    public async Task Delivers_messages_scheduled_for_same_time_in_order_they_were_added()
    {
        for (var number = 0; number < 10; number++)
            Scheduler.ScheduleTellOnce(TimeSpan.FromSeconds(1), TestActor, number, ActorRefs.NoSender);
        Scheduler.Advance(TimeSpan.FromSeconds(1));
        for (var number = 0; number < 10; number++)
            await ExpectMsgAsync(number);
    }

    [Fact]
    public async Task Keeps_delivering_rescheduled_message_and_catches_up()
    {
        Scheduler.ScheduleTellRepeatedly(TimeSpan.Zero, TimeSpan.FromSeconds(1), TestActor, "x", ActorRefs.NoSender);
        Scheduler.Advance(TimeSpan.FromSeconds(5));
        for (var number = 0; number < 6; number++)
            await ExpectMsgAsync("x");
        await ExpectNoMsgAsync(20);
    }

    [Fact]
    public async Task Does_not_deliver_cancelled()
    {
        var cancelable = Scheduler.ScheduleTellRepeatedlyCancelable(
            TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1), TestActor, "x", ActorRefs.NoSender);
        Scheduler.Advance(TimeSpan.FromSeconds(1));
        await ExpectMsgAsync("x");
        cancelable.Cancel();
        Scheduler.Advance(TimeSpan.FromSeconds(5));
        await ExpectNoMsgAsync(20);
    }

    [Fact]
    public void Time_moves_only_when_told_and_never_back()
    {
        var start = Scheduler.Now;
        var seen = TimeSpan.Zero;
        Scheduler.Advanced.ScheduleOnce(TimeSpan.FromDays(1), () => seen = Scheduler.Now - start);
        Scheduler.AdvanceTo(start.AddDays(7));
        Assert.Equal(TimeSpan.FromDays(1), seen);
        Assert.Equal(start.AddDays(7), Scheduler.Now);
        Assert.Throws<InvalidOperationException>(() => Scheduler.AdvanceTo(start));
    }
}
