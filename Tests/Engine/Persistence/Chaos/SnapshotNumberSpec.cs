using System.Collections.Concurrent;

namespace Mesh.Tests.Engine.Persistence.Chaos;

/// <summary>Keeps one snapshot once the test lets it be saved.</summary>
public sealed class GatedSnapshotStore(Config config) : SnapshotStore
{
    public static readonly ConcurrentDictionary<string, TaskCompletionSource> Gates = new();

    private readonly Task _gate = Gates[config.GetString("gate")!].Task;
    private SelectedSnapshot? _snapshot;

    protected override Task<SelectedSnapshot?> LoadAsync(string persistenceId, SnapshotSelectionCriteria criteria) =>
        Task.FromResult(_snapshot);

    protected override async Task SaveAsync(SnapshotMetadata metadata, object snapshot)
    {
        await _gate;
        _snapshot = new SelectedSnapshot(metadata, snapshot);
    }

    protected override Task DeleteAsync(SnapshotMetadata metadata) => Task.CompletedTask;

    protected override Task DeleteAsync(string persistenceId, SnapshotSelectionCriteria criteria) => Task.CompletedTask;
}

/// <summary>
/// A rejected event's number is spent for the instance that persisted it, and free for the next, which knows what is stored and nothing
/// else. So a snapshot must not claim it.
/// </summary>
public sealed class SnapshotNumberSpec : TestKit
{
    private readonly TaskCompletionSource _gate = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public SnapshotNumberSpec()
        : this(Guid.NewGuid().ToString())
    {
    }

    private SnapshotNumberSpec(string key)
        : base($$"""
            {{FailingJournal.Configuration}}
            akka.persistence.snapshot-store {
              plugin = akka.persistence.snapshot-store.gated
              gated {
                class = "Mesh.Tests.Engine.Persistence.Chaos.GatedSnapshotStore, Mesh.Tests.Engine"
                gate = "{{key}}"
              }
            }
            """) => GatedSnapshotStore.Gates[key] = _gate;

    [Fact]
    public async Task A_snapshot_saved_late_does_not_hide_the_event_that_got_the_number_of_a_rejected_one()
    {
        var first = Start();
        await TellAsync(first, "a", "a stored as 1");
        await TellAsync(first, "unfit", "Rejected: unfit");
        first.Tell("snapshot", TestActor);
        await StopAsync(first);

        var second = Start();
        await TellAsync(second, "b", "b stored as 2");
        _gate.SetResult();
        await AwaitAssertAsync(async () =>
        {
            var probe = CreateTestProbe();
            PersistenceProvider.Instance.Apply(Sys).SnapshotStoreFor("").Tell(
                new LoadSnapshot("entity", SnapshotSelectionCriteria.Latest, long.MaxValue), probe.Ref);
            Assert.NotNull((await probe.ExpectMsgAsync<LoadSnapshotResult>()).Snapshot);
        });
        await StopAsync(second);

        var third = Start();
        third.Tell(GetState.Instance, TestActor);
        await ExpectMsgAsync("a b");
    }

    private IActorRef Start() => Sys.ActorOf(Entity.Of("entity", (e, message) =>
    {
        if (message is "snapshot")
        {
            e.SaveSnapshot(e.Events.ToArray());
            return;
        }

        e.Persist(new Evt(message), stored =>
        {
            e.Apply(stored);
            e.Reply($"{stored.Data} stored as {e.LastSequenceNr}");
        });
    }));

    private async Task TellAsync(IActorRef entity, string command, string answer)
    {
        entity.Tell(command, TestActor);
        await ExpectMsgAsync(answer);
    }

    private async Task StopAsync(IActorRef entity)
    {
        await WatchAsync(entity);
        entity.Tell(PoisonPill.Instance, TestActor);
        await ExpectTerminatedAsync(entity);
    }
}
