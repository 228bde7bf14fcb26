namespace Mesh.Tests.Engine.Persistence;

/// <summary>A journal that fails too often is not asked for a while, in virtual time.</summary>
public sealed class JournalGuardSpec() : TestKit("""
    akka.scheduler.implementation = "TestScheduler"
    akka.persistence.journal {
      plugin = akka.persistence.journal.failing
      failing {
        class = "Mesh.Tests.Engine.Persistence.FailingJournal, Mesh.Tests.Engine"
        circuit-breaker { max-failures = 2, call-timeout = 10m, reset-timeout = 30s }
      }
      undeleting {
        class = "Mesh.Tests.Engine.Persistence.UndeletingJournal, Mesh.Tests.Engine"
        circuit-breaker { max-failures = 2, call-timeout = 10m, reset-timeout = 30s }
      }
      gated {
        class = "Mesh.Tests.Engine.Persistence.GatedJournal, Mesh.Tests.Engine"
        circuit-breaker { max-failures = 1, call-timeout = 20ms, reset-timeout = 30s }
      }
    }
    """)
{
    private const string Open = "OpenCircuitException";

    private TestScheduler Time => (TestScheduler)Sys.Scheduler;

    [Fact]
    public async Task Failed_writes_open_it_and_after_the_pause_one_is_tried()
    {
        // All have recovered before: the reading of the highest number is guarded too, and a success forgets what failed.
        var entities = new Queue<IActorRef>();
        for (var number = 0; number < 7; number++)
        {
            entities.Enqueue(Sys.ActorOf(Props.Create(() => new Guarded($"entity-{number}", null, TestActor))));
            await ExpectMsgAsync("recovered");
        }

        foreach (var (pause, data, outcome) in new[]
        {
            (0, "wrong", "TestException"), (0, "wrong", "TestException"), (0, "fine", Open), (30, "wrong", "TestException"),
            (0, "fine", Open), (30, "fine", "stored"), (0, "fine", "stored"),
        })
        {
            Time.Advance(TimeSpan.FromSeconds(pause));
            entities.Dequeue().Tell(new Evt(data));
            await ExpectMsgAsync(outcome);
        }
    }

    [Fact]
    public async Task Rejections_are_no_failures()
    {
        for (var round = 0; round < 5; round++)
            await WritesAsync($"rejected {round}", "unfit", "rejected");
        await WritesAsync("after", "fine", "stored");
    }

    [Fact]
    public async Task Failed_deletions_open_it_for_the_reading_of_the_highest_number_as_well()
    {
        const string Journal = "akka.persistence.journal.undeleting";
        var entity = Sys.ActorOf(Props.Create(() => new Guarded("entity", Journal, TestActor)));
        await ExpectMsgAsync("recovered");
        for (var round = 0; round < 2; round++)
        {
            entity.Tell("delete");
            await ExpectMsgAsync("TestException");
        }

        entity.Tell("delete");
        await ExpectMsgAsync(Open);
        Sys.ActorOf(Props.Create(() => new Guarded("another", Journal, TestActor)));
        await ExpectMsgAsync($"recovery failed: {Open}");
    }

    [Fact]
    public async Task Failed_replays_do_not_open_it()
    {
        await WritesAsync("corrupt", "corrupt", "stored");
        for (var round = 0; round < 5; round++)
        {
            Sys.ActorOf(Props.Create(() => new Guarded("corrupt", null, TestActor)));
            await ExpectMsgAsync("recovery failed: TestException");
        }

        await WritesAsync("after", "fine", "stored");
    }

    [Fact]
    public async Task A_write_that_takes_too_long_has_failed_and_its_actor_stops()
    {
        var entity = Sys.ActorOf(Props.Create(() => new Guarded(Guid.NewGuid().ToString(), "akka.persistence.journal.gated", TestActor)));
        await ExpectMsgAsync("recovered");
        await WatchAsync(entity);
        entity.Tell(new Evt("slow"));
        await ExpectMsgAsync("TimeoutException");
        await ExpectTerminatedAsync(entity);
    }

    private async Task WritesAsync(string id, string data, string outcome)
    {
        var entity = Sys.ActorOf(Props.Create(() => new Guarded(id, null, TestActor)));
        await ExpectMsgAsync("recovered");
        entity.Tell(new Evt(data));
        await ExpectMsgAsync(outcome);
    }

    private sealed class Guarded : ReceivePersistentActor
    {
        private readonly IActorRef _probe;

        public Guarded(string id, string? journal, IActorRef probe)
        {
            PersistenceId = id;
            JournalPluginId = journal!;
            _probe = probe;
            Recover<RecoveryCompleted>(_ => probe.Tell("recovered"));
            Command<Evt>(evt => Persist(evt, _ => probe.Tell("stored")));
            Command<string>(_ => DeleteMessages(long.MaxValue));
            Command<DeleteMessagesFailure>(failure => probe.Tell(failure.Cause.GetType().Name));
        }

        public override string PersistenceId { get; }

        protected override void OnPersistFailure(Exception cause, object @event, long sequenceNr) => _probe.Tell(cause.GetType().Name);

        protected override void OnPersistRejected(Exception cause, object @event, long sequenceNr) => _probe.Tell("rejected");

        protected override void OnRecoveryFailure(Exception reason, object? message = null) =>
            _probe.Tell($"recovery failed: {reason.GetType().Name}");
    }
}
