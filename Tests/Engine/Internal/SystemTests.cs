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

    [Fact]
    public async Task Handle_extensions_that_fail_to_initialize()
    {
        var system = ActorSystem.Create("failing", "akka.stdout-loglevel = OFF");
        Assert.Throws<ExpectedException>(() => system.RegisterExtension(new FailingId()));
        Assert.Throws<ExpectedException>(() => system.GetExtension(new FailingId()));
        Assert.Same(Counting.Id.Apply(system), system.GetExtension(Counting.Id));
        await system.Terminate().WaitAsync(Patience);
    }

    [Fact]
    public async Task Setup_the_default_scheduler()
    {
        var system = ActorSystem.Create("scheduling", "akka.stdout-loglevel = OFF");
        Assert.IsType<WheelScheduler>(system.Scheduler);
        await system.Terminate().WaitAsync(Patience);
    }

    [Fact]
    public async Task What_AroundReceive_does_it_does_to_every_message_and_behaviour()
    {
        var actor = Sys.ActorOf(Props.Create(() => new Shouting()));
        foreach (var message in new[] { "hello", "become", "hello", "swallow", "last" })
            actor.Tell(message);
        await ExpectMsgAsync("first: HELLO");
        await ExpectMsgAsync("second: HELLO");
        await ExpectMsgAsync("second: LAST");
    }

    sealed class Shouting : ReceiveActor
    {
        public Shouting() => Handle("first");

        protected override bool AroundReceive(Receive receive, object message) =>
            message is "swallow" || base.AroundReceive(receive, message.ToString()!.ToUpperInvariant());

        void Handle(string behaviour)
        {
            Receive<string>(text => text == "BECOME", _ => Become(() => Handle("second")));
            Receive<string>(text => Sender.Tell($"{behaviour}: {text}"));
        }
    }

    sealed class Failing : IExtension;

    sealed class FailingId : ExtensionIdProvider<Failing>
    {
        public override Failing CreateExtension(ExtendedActorSystem system) => throw new ExpectedException();
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
