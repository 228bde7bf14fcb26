namespace Mesh.Tests.Engine.Persistence;

/// <summary>Six events a to f, with a snapshot after every second but the last.</summary>
public sealed class SnapshotSpec()
    : TestKit("akka.persistence.snapshot-store.plugin = akka.persistence.snapshot-store.inmem"), IAsyncLifetime
{
    private const string Id = "entity";

    public async Task InitializeAsync()
    {
        var entity = Start(new Recovery());
        foreach (var data in (string[])["a", "b", "snap", "c", "d", "snap", "e", "f"])
            entity.Tell(data, TestActor);
        await ExpectMsgAsync(2L);
        await ExpectMsgAsync(4L);
        await StateIsAsync(entity, "a b c d e f");
        await WatchAsync(entity);
        entity.Tell(PoisonPill.Instance);
        await ExpectTerminatedAsync(entity);
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task PersistentActor_should_recover_state_starting_from_the_most_recent_snapshot() =>
        await RecoversAsync(new Recovery(), "offer-4 e f", "a b c d e f");

    [Fact]
    public async Task PersistentActor_should_recover_completely_if_snapshot_is_not_handled()
    {
        var seen = new List<object>();
        var entity = Sys.ActorOf(Entity.Of(Id, new Entity.Script
        {
            TakesSnapshots = false,
            Recover = (_, message) =>
            {
                seen.Add(message);
                return false;
            },
        }));
        await StateIsAsync(entity, "a b c d e f");
        Assert.IsType<SnapshotOffer>(seen[0]);
    }

    [Fact]
    public async Task PersistentActor_should_recover_state_starting_from_the_most_recent_snapshot_matching_an_upper_sequence_number_bound() =>
        await RecoversAsync(new Recovery(SnapshotSelectionCriteria.Latest, 3), "offer-2 c", "a b c");

    [Fact]
    public async Task PersistentActor_should_recover_state_starting_from_the_most_recent_snapshot_matching_an_upper_sequence_number_bound_without_further_replay() =>
        await RecoversAsync(new Recovery(SnapshotSelectionCriteria.Latest, 4), "offer-4", "a b c d");

    [Fact]
    public async Task PersistentActor_should_recover_state_starting_from_the_most_recent_snapshot_matching_criteria() =>
        await RecoversAsync(new Recovery(new SnapshotSelectionCriteria(2)), "offer-2 c d e f", "a b c d e f");

    [Fact]
    public async Task PersistentActor_should_recover_state_starting_from_the_most_recent_snapshot_matching_criteria_and_an_upper_sequence_number_bound() =>
        await RecoversAsync(new Recovery(new SnapshotSelectionCriteria(2), 3), "offer-2 c", "a b c");

    [Fact]
    public async Task PersistentActor_should_recover_state_from_scratch_if_snapshot_based_recovery_was_disabled() =>
        await RecoversAsync(new Recovery(SnapshotSelectionCriteria.None), "a b c d e f", "a b c d e f");

    [Fact]
    public async Task PersistentActor_should_support_single_snapshot_deletions()
    {
        var entity = Start(new Recovery());
        entity.Tell("delete-4", TestActor);
        Assert.Equal(4, (await ExpectMsgAsync<DeleteSnapshotSuccess>()).Metadata.SequenceNr);
        await RecoversAsync(new Recovery(), "offer-2 c d e f", "a b c d e f");
    }

    [Fact]
    public async Task PersistentActor_should_support_bulk_snapshot_deletions()
    {
        var entity = Start(new Recovery());
        entity.Tell("delete-all", TestActor);
        await ExpectMsgAsync<DeleteSnapshotsSuccess>();
        await RecoversAsync(new Recovery(), "a b c d e f", "a b c d e f");
    }

    [Fact]
    public async Task Persistence_must_get_RecoveryCompleted_but_no_SnapshotOffer_and_events_when_Recovery_none()
    {
        await RecoversAsync(Recovery.None, "", "");
        var entity = Start(Recovery.None);
        entity.Tell("g", TestActor);
        await StateIsAsync(entity, "g");

        // The sequence goes on where it was.
        await RecoversAsync(new Recovery(), "offer-4 e f g", "a b c d e f g");
    }

    [Fact]
    public async Task A_replay_maximum_holds() =>
        await RecoversAsync(new Recovery(SnapshotSelectionCriteria.Latest, long.MaxValue, 1), "offer-4 e", "a b c d e");

    private async Task RecoversAsync(Recovery recovery, string replayed, string state)
    {
        var probe = CreateTestProbe();
        var entity = Start(recovery, probe.Ref);
        await probe.ExpectMsgAsync(replayed);
        await StateIsAsync(entity, state);
    }

    private IActorRef Start(Recovery recovery, IActorRef? replayedTo = null)
    {
        var replayed = new List<object>();
        var probe = TestActor;
        return Sys.ActorOf(Entity.Of(Id, new Entity.Script
        {
            Recovery = recovery,
            Recover = (_, message) =>
            {
                if (message is RecoveryCompleted)
                    replayedTo?.Tell(string.Join(' ', replayed));
                else
                    replayed.Add(message is SnapshotOffer offer ? $"offer-{offer.Metadata.SequenceNr}" : ((Evt)message).Data);
                return false;
            },
            Command = (e, message) =>
            {
                switch (message)
                {
                    case "snap":
                        e.SaveSnapshot(e.Events.ToArray());
                        break;
                    case "delete-4":
                        e.DeleteSnapshot(4);
                        break;
                    case "delete-all":
                        e.DeleteSnapshots(SnapshotSelectionCriteria.Latest);
                        break;
                    case SaveSnapshotSuccess success:
                        probe.Tell(success.Metadata.SequenceNr);
                        break;
                    case string data:
                        e.Persist(new Evt(data), e.Apply);
                        break;
                    default:
                        probe.Tell(message);
                        break;
                }
            },
        }));
    }

    private async Task StateIsAsync(IActorRef entity, string expected)
    {
        entity.Tell(GetState.Instance, TestActor);
        await ExpectMsgAsync(expected);
    }
}
