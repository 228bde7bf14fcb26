using Mesh.Actors.Engine.Actor;

namespace Mesh.Tests.Engine;

/// <summary>What cannot be seen through the published surface.</summary>
public sealed class SystemTests : TestKit
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    IScheduler Scheduler => Sys.Scheduler;

    [Fact]
    public async Task A_hundred_thousand_cancelled_deadlines_do_not_pile_up()
    {
        // What was cancelled is gone at once, however far its deadline is away.
        for (var number = 0; number < 100_000; number++)
            Scheduler.ScheduleTellOnceCancelable(TimeSpan.FromHours(1), TestActor, "never", ActorRefs.NoSender).Cancel();
        var scheduler = Assert.IsType<WheelScheduler>(Scheduler);
        Assert.InRange(scheduler.Count, 0, 1_000);
        Scheduler.ScheduleTellOnce(TimeSpan.Zero, TestActor, "still alive", ActorRefs.NoSender);
        await ExpectMsgAsync("still alive");
    }

    [Fact]
    public async Task Shutdown_when_userguardian_escalates()
    {
        // The guardian restarts what fails, and stops what cannot start; only its own failure ends the system.
        var system = ActorSystem.Create("escalating", "akka.stdout-loglevel = OFF");
        var child = system.ActorOf(Props.Empty);
        ((IInternalActorRef)child).Parent.Tell(Kill.Instance, ActorRefs.NoSender);
        await system.WhenTerminated.WaitAsync(Patience);
        Assert.True(await child.WatchAsync());
    }

    [Fact]
    public async Task An_extension_is_made_once_for_each_system()
    {
        var system = ActorSystem.Create("extended", "akka.stdout-loglevel = OFF");
        var made = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => Counting.Id.Apply(system))));
        Assert.All(made, each => Assert.Same(made[0], each));
        await system.Terminate().WaitAsync(Patience);
    }

    sealed class Counting : IExtension
    {
        public static readonly CountingId Id = new();
    }

    sealed class CountingId : ExtensionIdProvider<Counting>
    {
        public override Counting CreateExtension(ExtendedActorSystem system) => new();
    }
}
