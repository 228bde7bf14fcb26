namespace Mesh.Tests.Engine.Persistence;

/// <summary>Timers of a persistent actor, by a clock and a journal that wait for the test.</summary>
public sealed class PersistentTimerSpec() : TestKit("""
    akka.scheduler.implementation = "TestScheduler"
    akka.persistence.journal {
      plugin = akka.persistence.journal.gated
      gated.class = "Mesh.Tests.Engine.Persistence.GatedJournal, Mesh.Tests.Engine"
    }
    """)
{
    [Fact]
    public async Task PersistentActor_with_Timer_must_not_discard_timer_msg_due_to_stashing()
    {
        var id = Guid.NewGuid().ToString();
        var actor = Sys.ActorOf(Props.Create(() => new Timed(id)));
        actor.Tell("msg", TestActor);
        await ExpectMsgAsync("timer is started");

        // The tick comes while the event is on its way, and so has to wait.
        ((TestScheduler)Sys.Scheduler).Advance(TimeSpan.FromMilliseconds(1));
        await ExpectNoMsgAsync(TimeSpan.FromMilliseconds(50));
        GatedJournal.Gates.GetOrAdd($"{id}/1", static _ => new TaskCompletionSource()).SetResult();
        await ExpectMsgAsync("msg is stored");
        await ExpectMsgAsync("tick");
    }

    private sealed class Timed : ReceivePersistentActor, IWithTimers
    {
        public Timed(string id)
        {
            PersistenceId = id;
            Command<string>(text =>
            {
                Timers.StartSingleTimer("key", new Tick(Sender), TimeSpan.FromMilliseconds(1));
                Persist(text, stored => Sender.Tell($"{stored} is stored"));
                Sender.Tell("timer is started");
            });
            Command<Tick>(tick => tick.For.Tell("tick"));
        }

        public override string PersistenceId { get; }

        public ITimerScheduler Timers { get; set; } = null!;
    }

    private sealed record Tick(IActorRef For);
}
