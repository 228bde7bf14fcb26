namespace Mesh.Tests.Engine.Persistence;

/// <summary>A snapshot that cannot be loaded ends the recovery; whatever else fails with snapshots is a message.</summary>
public sealed class SnapshotFailureSpec : TestKit
{
    [Theory]
    [InlineData("load", "the snapshot cannot be read")]
    [InlineData("never", "No answer about a snapshot of entity came within 0.1 s.")]
    public async Task PersistentActor_using_Snapshots_only_must_fail_if_snapshots_irrecoverable(string fails, string reason)
    {
        using var kit = new TestKit($"""
            {FailingSnapshotStore.Configuration(fails)}
            akka.persistence.journal.inmem.recovery-event-timeout = 100ms
            """);
        var (failures, completed) = (kit.CreateTestProbe(), kit.CreateTestProbe());
        var entity = kit.Sys.ActorOf(Entity.Of("entity", new Entity.Script
        {
            OnRecoveryFailure = (cause, message) => failures.Ref.Tell((cause.Message, message)),
            Recover = (_, message) =>
            {
                completed.Ref.Tell(message);
                return true;
            },
        }));
        await kit.WatchAsync(entity);
        await failures.ExpectMsgAsync<(string, object?)>((reason, null));
        await kit.ExpectTerminatedAsync(entity);
        await completed.ExpectNoMsgAsync(TimeSpan.FromMilliseconds(50));
    }

    [Fact]
    public async Task PersistentActor_with_a_failing_snapshot_loading_must_fail_recovery_and_stop_actor_when_no_snapshot_could_be_loaded()
    {
        using var kit = new TestKit(FailingSnapshotStore.Configuration("load"));
        var log = kit.CreateTestProbe();
        kit.Sys.EventStream.Subscribe<LogEvent>(log.Ref);
        var supervisor = kit.Sys.ActorOf(Mesh.Tests.Engine.Supervisor.Deciding(_ => Directive.Restart));
        var entity = await supervisor.Ask<IActorRef>(Props.Create(() => new Plain("entity")), TimeSpan.FromSeconds(3));
        await kit.WatchAsync(entity);
        await kit.ExpectTerminatedAsync(entity);

        // Without a hook of its own, the log has it.
        await log.FishForMessageAsync<LogEvent>(entry =>
            entry.ToString().Contains("Recovery of entity failed after event 0", StringComparison.Ordinal)
            && entry.Cause?.Message == "the snapshot cannot be read");
    }

    [Fact]
    public async Task A_store_answers_a_load_that_fails()
    {
        using var kit = new TestKit(FailingSnapshotStore.Configuration("load"));
        var store = PersistenceProvider.Instance.Apply(kit.Sys).SnapshotStoreFor(null);
        store.Tell(new LoadSnapshot("entity", SnapshotSelectionCriteria.Latest, long.MaxValue), kit.TestActor);
        Assert.Equal("the snapshot cannot be read", (await kit.ExpectMsgAsync<LoadSnapshotFailed>()).Cause.Message);

        // Of what nobody wants, it is not asked.
        store.Tell(new LoadSnapshot("entity", SnapshotSelectionCriteria.None, 7), kit.TestActor);
        await kit.ExpectMsgAsync(new LoadSnapshotResult(null!, 7));
    }

    [Fact]
    public async Task A_throw_at_the_offer_of_a_snapshot_ends_the_recovery()
    {
        using var kit = new TestKit(FailingSnapshotStore.Configuration("nothing"));
        var failures = kit.CreateTestProbe();
        var entity = kit.Sys.ActorOf(Entity.Of("entity", new Entity.Script
        {
            OnRecoveryFailure = (cause, _) => failures.Ref.Tell(cause.Message),
            Recover = (_, message) => message is SnapshotOffer ? throw new TestException("at the offer") : false,
        }));
        await kit.WatchAsync(entity);
        await failures.ExpectMsgAsync("at the offer");
        await kit.ExpectTerminatedAsync(entity);
    }

    [Fact]
    public async Task What_cannot_be_saved_or_deleted_is_said_to_the_actor()
    {
        using var kit = new TestKit(FailingSnapshotStore.Configuration("nothing"));
        var entity = kit.Sys.ActorOf(Entity.Of("entity", Command(kit)));
        entity.Tell("save");
        await kit.ExpectMsgAsync<SaveSnapshotFailure>(failure =>
            Assert.Equal((2L, "cannot be saved"), (failure.Metadata.SequenceNr, failure.Cause.Message)));
        entity.Tell("delete");
        await kit.ExpectMsgAsync<DeleteSnapshotFailure>(failure =>
            Assert.Equal((2L, "cannot be deleted"), (failure.Metadata.SequenceNr, failure.Cause.Message)));
        entity.Tell("delete all");
        await kit.ExpectMsgAsync<DeleteSnapshotsFailure>(failure =>
            Assert.Equal((SnapshotSelectionCriteria.Latest, "cannot be deleted in bulk"), (failure.Criteria, failure.Cause.Message)));

        // And nothing has come of it for the actor.
        entity.Tell(GetState.Instance, kit.TestActor);
        await kit.ExpectMsgAsync("of the snapshot");
    }

    [Fact]
    public async Task What_the_actor_does_not_handle_of_it_is_a_warning()
    {
        using var kit = new TestKit(FailingSnapshotStore.Configuration("nothing"));
        var entity = kit.Sys.ActorOf(Props.Create(() => new Plain("entity")));
        foreach (var (command, text) in new[]
        {
            ("save", "cannot be saved"), ("delete", "cannot be deleted"), ("delete all", "cannot be deleted in bulk"),
        })
        {
            await kit.EventFilter.Warning(contains: text).ExpectOneAsync(() =>
            {
                entity.Tell(command);
                return Task.CompletedTask;
            });
        }
    }

    private static Action<Entity, object> Command(TestKit kit) => (e, message) =>
    {
        switch (message)
        {
            case "save":
                e.SaveSnapshot("state");
                break;
            case "delete":
                e.DeleteSnapshot(2);
                break;
            case "delete all":
                e.DeleteSnapshots(SnapshotSelectionCriteria.Latest);
                break;
            default:
                kit.TestActor.Tell(message);
                break;
        }
    };

    private sealed class Plain : ReceivePersistentActor
    {
        public Plain(string id)
        {
            PersistenceId = id;
            Recover<SnapshotOffer>(_ => { });
            Command<string>(text => text == "save", _ => SaveSnapshot("state"));
            Command<string>(text => text == "delete", _ => DeleteSnapshot(2));
            Command<string>(text => text == "delete all", _ => DeleteSnapshots(SnapshotSelectionCriteria.Latest));
        }

        public override string PersistenceId { get; }
    }
}
