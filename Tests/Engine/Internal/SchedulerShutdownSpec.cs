using Mesh.Actors.Engine.Actor;

namespace Mesh.Tests.Engine;

public sealed class SchedulerShutdownSpec
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task ActorSystem_default_scheduler_must_never_accept_more_work_after_shutdown()
    {
        var (scheduler, actor) = await EndAsync(_ => { });
        var ran = false;
        Assert.Throws<SchedulerException>(() => scheduler.Advanced.ScheduleOnce(TimeSpan.Zero, () => ran = true));
        Assert.Throws<SchedulerException>(() => scheduler.Advanced.ScheduleRepeatedly(0, 1, () => ran = true));
        Assert.Throws<SchedulerException>(() => scheduler.ScheduleTellOnce(TimeSpan.Zero, actor, "never", ActorRefs.NoSender));
        Assert.Throws<SchedulerException>(() => scheduler.ScheduleTellRepeatedly(0, 1, actor, "never", ActorRefs.NoSender));
        Assert.False(ran);
    }

    [Fact]
    public async Task ActorSystem_must_terminate_scheduler_with_queued_work_on_shutdown()
    {
        var count = 0;
        var seen = new TaskCompletionSource();
        await EndAsync(scheduler =>
        {
            scheduler.Advanced.ScheduleRepeatedly(0, 1, () =>
            {
                Interlocked.Increment(ref count);
                seen.TrySetResult();
            });
            Assert.True(seen.Task.Wait(Patience));
            scheduler.Advanced.ScheduleOnce(TimeSpan.FromMilliseconds(500), () => Interlocked.Add(ref count, 1_000_000));
        });

        // One call may have been under way; the next would have come within a millisecond.
        await Task.Delay(100);
        var atEnd = Volatile.Read(ref count);
        await Task.Delay(600);
        Assert.Equal(atEnd, Volatile.Read(ref count));
    }

    [Fact]
    public async Task ActorSystem_must_terminate_scheduler_on_shutdown()
    {
        // Once it has run: the thread waits for a deadline that is far away.
        await EndAsync(scheduler => scheduler.Advanced.ScheduleOnce(TimeSpan.FromHours(1), () => { }));
        // And when nothing was ever scheduled.
        await EndAsync(_ => { });
    }

    static async Task<(IScheduler Scheduler, IActorRef Actor)> EndAsync(Action<IScheduler> before)
    {
        var system = ActorSystem.Create("ending", "akka.stdout-loglevel = OFF");
        var actor = system.ActorOf(Props.Empty);
        before(system.Scheduler);
        await system.Terminate().WaitAsync(Patience);
        return (system.Scheduler, actor);
    }
}
