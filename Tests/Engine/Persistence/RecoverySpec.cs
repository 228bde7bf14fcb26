namespace Mesh.Tests.Engine.Persistence;

/// <summary>The order of a start, and what the actor knows about itself at each step.</summary>
public sealed class RecoverySpec() : TestKit("""
    akka.persistence {
      snapshot-store.plugin = akka.persistence.snapshot-store.inmem
      max-concurrent-recoveries = 1
      journal.failing.class = "Mesh.Tests.Engine.Persistence.FailingJournal, Mesh.Tests.Engine"
    }
    """)
{
    [Fact]
    public async Task PreStart_snapshot_events_replay_success_completion_and_commands_come_in_this_order()
    {
        var writer = Sys.ActorOf(Props.Create(() => new Traced("entity", TestActor)));
        await FishForMessageAsync<string>(text => text.StartsWith("completed", StringComparison.Ordinal));
        foreach (var command in (string[])["a", "b", "snap", "c", "d"])
            writer.Tell(command, TestActor);
        await FishForMessageAsync<string>(text => text == "stored d");
        await FishForMessageAsync<string>(text => text == "saved");
        await StopAsync(writer);

        var reader = Sys.ActorOf(Props.Create(() => new Traced("entity", TestActor)));
        reader.Tell("e", TestActor);
        foreach (var expected in (string[])[
            "preStart: recovering, last 0", "snapshot 2: recovering, last 2", "event c: recovering, last 3", "event d: recovering, last 4",
            "replay success: recovering, last 4", "completed: finished, last 4", "command e: finished, last 4", "stored e"])
        {
            await ExpectMsgAsync(expected);
        }

        reader.Tell("number", TestActor);
        await ExpectMsgAsync((5L, 5L));
    }

    [Theory]
    [InlineData("corrupt")]
    [InlineData("throws")]
    public async Task A_recovery_that_fails_gives_its_permit_back(string how)
    {
        const string Journal = "akka.persistence.journal.failing";
        var writer = Sys.ActorOf(Props.Create(() => new Traced("entity", TestActor, Journal)));
        await FishForMessageAsync<string>(text => text.StartsWith("completed", StringComparison.Ordinal));
        writer.Tell(new Evt(how), TestActor);
        await ExpectMsgAsync("stored");
        await StopAsync(writer);

        // There is one permit, so each needs that of the one before.
        for (var round = 0; round < 3; round++)
        {
            var failing = Sys.ActorOf(Props.Create(() => new Traced("entity", TestActor, Journal)));
            await WatchAsync(failing);
            await FishForMessageAsync<Terminated>(terminated => terminated.ActorRef.Equals(failing));
        }

        Sys.ActorOf(Props.Create(() => new Traced("another", TestActor, Journal)));
        await FishForMessageAsync<string>(text => text == "completed: finished, last 0");
    }

    [Fact]
    public async Task A_throw_after_the_replay_is_a_failure_like_any_other()
    {
        var causes = CreateTestProbe();
        var supervisor = Sys.ActorOf(Mesh.Tests.Engine.Supervisor.Deciding(cause =>
        {
            causes.Ref.Tell(cause.Message);
            return Directive.Resume;
        }));
        var entity = await supervisor.Ask<IActorRef>(
            Entity.Of("entity", new Entity.Script
            {
                Recover = (_, message) => message is RecoveryCompleted ? throw new TestException("in RecoveryCompleted") : false,
                Command = (e, message) => e.Persist((string)message, e.Reply),
            }),
            TimeSpan.FromSeconds(3));
        await causes.ExpectMsgAsync("in RecoveryCompleted");

        // Resumed, it takes commands.
        entity.Tell("after", TestActor);
        await ExpectMsgAsync("after");
    }

    private async Task StopAsync(IActorRef actor)
    {
        await WatchAsync(actor);
        Sys.Stop(actor);
        await ExpectTerminatedAsync(actor);
    }

    /// <summary>Tells of everything on the way to its first command, and what it thinks of itself then.</summary>
    private sealed class Traced : ReceivePersistentActor
    {
        private readonly IActorRef _probe;

        public Traced(string id, IActorRef probe, string? journal = null)
        {
            PersistenceId = id;
            JournalPluginId = journal!;
            _probe = probe;
            Recover<SnapshotOffer>(offer => Tell($"snapshot {offer.Metadata.SequenceNr}"));
            Recover<string>(text => Tell($"event {text}"));
            Recover<Evt>(evt => evt.Data is "throws", _ => throw new TestException("in a handler"));
            Recover<RecoveryCompleted>(_ => Tell("completed"));
            Command<string>(text => text == "snap", _ => SaveSnapshot("state"));
            Command<string>(text => text == "number", _ => Sender.Tell((LastSequenceNr, SnapshotSequenceNr)));
            Command<SaveSnapshotSuccess>(_ => _probe.Tell("saved"));
            Command<Evt>(evt => Persist(evt, _ => Sender.Tell("stored")));
            Command<string>(text =>
            {
                Tell($"command {text}");
                Persist(text, _ => Sender.Tell($"stored {text}"));
            });
        }

        public override string PersistenceId { get; }

        protected override void PreStart() => Tell("preStart");

        protected override void OnReplaySuccess() => Tell("replay success");

        private void Tell(string what) => _probe.Tell($"{what}: {StateOf(this)}");
    }

    private static string StateOf(Eventsourced entity)
    {
        Assert.Equal(entity.IsRecovering, !entity.IsRecoveryFinished);
        return $"{(entity.IsRecovering ? "recovering" : "finished")}, last {entity.LastSequenceNr}";
    }
}
