namespace Mesh.Tests.Kit.Persistence;

/// <summary>
/// What every snapshot plugin must do. A plugin's test is a subclass whose configuration names the plugin as the default store. Five
/// snapshots, numbers 11 to 15, a minute apart, are saved before each test.
/// </summary>
public abstract class SnapshotStoreSpec(Config config) : TestKit(config, "SnapshotStoreSpec"), IAsyncLifetime
{
    private const string Pid = "snapshots";
    private static readonly DateTime Noon = new(2026, 1, 2, 12, 0, 0, DateTimeKind.Utc);

    private readonly List<SnapshotMetadata> _metadata = [];

    protected IActorRef Store => PersistenceProvider.Instance.Apply(Sys).SnapshotStoreFor("");

    /// <summary>How big a snapshot must fit.</summary>
    protected virtual int SnapshotByteSizeLimit => 10_000;

    public async Task InitializeAsync()
    {
        for (var i = 1; i <= 5; i++)
        {
            var metadata = new SnapshotMetadata(Pid, 10 + i, Noon.AddMinutes(i));
            Store.Tell(new SaveSnapshot(metadata, $"s-{i}"), TestActor);
            Assert.Equal(metadata, (await ExpectMsgAsync<SaveSnapshotSuccess>()).Metadata);
            _metadata.Add(metadata);
        }
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task SnapshotStore_should_not_load_a_snapshot_given_an_invalid_persistence_id() =>
        Assert.Null(await LoadAsync(SnapshotSelectionCriteria.Latest, persistenceId: "nobody"));

    [Fact]
    public async Task SnapshotStore_should_not_load_a_snapshot_given_non_matching_timestamp_criteria() =>
        Assert.Null(await LoadAsync(new SnapshotSelectionCriteria(long.MaxValue, Noon)));

    [Fact]
    public async Task SnapshotStore_should_not_load_a_snapshot_given_non_matching_sequence_number_criteria()
    {
        Assert.Null(await LoadAsync(new SnapshotSelectionCriteria(7)));
        Assert.Null(await LoadAsync(SnapshotSelectionCriteria.Latest, to: 7));
    }

    [Fact]
    public async Task SnapshotStore_should_load_the_most_recent_snapshot() => Same(5, await LoadAsync(SnapshotSelectionCriteria.Latest));

    [Fact]
    public async Task SnapshotStore_should_load_the_most_recent_snapshot_matching_an_upper_sequence_number_bound()
    {
        Same(3, await LoadAsync(new SnapshotSelectionCriteria(13)));
        Same(3, await LoadAsync(SnapshotSelectionCriteria.Latest, to: 13));
    }

    [Fact]
    public async Task SnapshotStore_should_load_the_most_recent_snapshot_matching_an_upper_sequence_number_and_timestamp_bound()
    {
        Same(3, await LoadAsync(new SnapshotSelectionCriteria(13, Noon.AddMinutes(3))));
        Same(2, await LoadAsync(new SnapshotSelectionCriteria(13, Noon.AddMinutes(2))));
        Same(3, await LoadAsync(new SnapshotSelectionCriteria(long.MaxValue, Noon.AddMinutes(3)), to: 13));
    }

    [Fact]
    public async Task SnapshotStore_should_delete_a_single_snapshot_identified_by_SequenceNr_in_snapshot_metadata()
    {
        await DeleteAsync(_metadata[2]);
        Same(2, await LoadAsync(new SnapshotSelectionCriteria(13)));
    }

    [Fact]
    public async Task SnapshotStore_should_delete_a_single_snapshot_identified_by_SequenceNr_in_snapshot_metadata_if_timestamp_is_MinValue()
    {
        await DeleteAsync(new SnapshotMetadata(Pid, 13, DateTime.MinValue));
        Same(2, await LoadAsync(new SnapshotSelectionCriteria(13)));
    }

    [Fact]
    public async Task SnapshotStore_should_not_delete_snapshot_identified_by_SequenceNr_if_metadata_timestamp_is_less_than_stored_timestamp()
    {
        await DeleteAsync(new SnapshotMetadata(Pid, 13, Noon));
        Same(3, await LoadAsync(new SnapshotSelectionCriteria(13)));
    }

    [Fact]
    public async Task SnapshotStore_should_delete_all_snapshots_matching_upper_sequence_number_and_timestamp_bounds()
    {
        await DeleteAsync(new SnapshotSelectionCriteria(13, Noon.AddMinutes(3)));
        Assert.Null(await LoadAsync(new SnapshotSelectionCriteria(13)));
        Same(4, await LoadAsync(new SnapshotSelectionCriteria(14)));
    }

    [Fact]
    public async Task SnapshotStore_should_not_delete_snapshots_with_non_matching_upper_timestamp_bounds()
    {
        await DeleteAsync(new SnapshotSelectionCriteria(13, Noon));
        Same(3, await LoadAsync(new SnapshotSelectionCriteria(13)));
    }

    [Fact]
    public async Task SnapshotStore_should_save_and_overwrite_snapshot_with_same_sequence_number()
    {
        var metadata = _metadata[4];
        Store.Tell(new SaveSnapshot(metadata, "s-5-again"), TestActor);
        await ExpectMsgAsync<SaveSnapshotSuccess>();
        Assert.Equal(new SelectedSnapshot(metadata, "s-5-again"), await LoadAsync(SnapshotSelectionCriteria.Latest));
        await DeleteAsync(metadata);
        Same(4, await LoadAsync(SnapshotSelectionCriteria.Latest));
    }

    [Fact]
    public async Task SnapshotStore_should_keep_apart_entities_whose_ids_begin_alike()
    {
        foreach (var id in (string[])[$"{Pid}-1", $"{Pid}-1-1", Pid[..^1], $"{Pid}_"])
        {
            Assert.Null(await LoadAsync(SnapshotSelectionCriteria.Latest, persistenceId: id));
            Store.Tell(new SaveSnapshot(new SnapshotMetadata(id, 20, Noon.AddHours(1)), $"of {id}"), TestActor);
            await ExpectMsgAsync<SaveSnapshotSuccess>();
            Assert.Equal($"of {id}", (await LoadAsync(SnapshotSelectionCriteria.Latest, persistenceId: id))!.Snapshot);
            Same(5, await LoadAsync(SnapshotSelectionCriteria.Latest));
        }

        Store.Tell(new DeleteSnapshots(Pid, SnapshotSelectionCriteria.Latest), TestActor);
        await ExpectMsgAsync<DeleteSnapshotsSuccess>();
        Assert.Equal($"of {Pid}-1", (await LoadAsync(SnapshotSelectionCriteria.Latest, persistenceId: $"{Pid}-1"))!.Snapshot);
    }

    [Theory]
    [InlineData("MultipleSnapshotsWithNoPersistTest", 0)]
    [InlineData("MultipleSnapshotsWithPersistTest", 2)]
    public async Task SnapshotStore_should_keep_the_last_of_many_that_are_saved_at_once(string name, int events)
    {
        for (var round = 0; round < 20; round++)
        {
            var id = $"rapid-{events}-{round}";
            var saver = Sys.ActorOf(Props.Create(() => new Saver(id)));
            for (var number = 0; number < events; number++)
            {
                saver.Tell("persist", TestActor);
                await ExpectMsgAsync("persisted");
            }

            saver.Tell((string[])["first", "second", "third", "last"], TestActor);
            await ExpectMsgAsync("saved");
            await WatchAsync(saver);
            Sys.Stop(saver);
            await ExpectTerminatedAsync(saver);
            Sys.ActorOf(Props.Create(() => new Saver(id))).Tell("state", TestActor);
            await ExpectMsgAsync("last");
        }

        Assert.StartsWith("Multiple", name);
    }

    [Fact]
    public async Task SnapshotStore_should_save_bigger_size_snapshot()
    {
        var metadata = new SnapshotMetadata(Pid, 100, Noon.AddHours(1));
        var big = new string('x', SnapshotByteSizeLimit);
        Store.Tell(new SaveSnapshot(metadata, big), TestActor);
        await ExpectMsgAsync<SaveSnapshotSuccess>();
        Assert.Equal(big, (await LoadAsync(SnapshotSelectionCriteria.Latest))!.Snapshot);
    }

    private async Task<SelectedSnapshot?> LoadAsync(SnapshotSelectionCriteria criteria, long to = long.MaxValue, string persistenceId = Pid)
    {
        Store.Tell(new LoadSnapshot(persistenceId, criteria, to), TestActor);
        var result = await ExpectMsgAsync<LoadSnapshotResult>();
        Assert.Equal(to, result.ToSequenceNr);
        return result.Snapshot;
    }

    private async Task DeleteAsync(SnapshotMetadata metadata)
    {
        Store.Tell(new DeleteSnapshot(metadata), TestActor);
        Assert.Equal(metadata, (await ExpectMsgAsync<DeleteSnapshotSuccess>()).Metadata);
    }

    private async Task DeleteAsync(SnapshotSelectionCriteria criteria)
    {
        Store.Tell(new DeleteSnapshots(Pid, criteria), TestActor);
        Assert.Equal(criteria, (await ExpectMsgAsync<DeleteSnapshotsSuccess>()).Criteria);
    }

    private void Same(int i, SelectedSnapshot? loaded) => Assert.Equal(new SelectedSnapshot(_metadata[i - 1], $"s-{i}"), loaded);

    /// <summary>Saves all that it is told to without waiting for the answers in between.</summary>
    private sealed class Saver : ReceivePersistentActor
    {
        private IActorRef _asker = ActorRefs.Nobody;
        private string _state = "nothing";
        private int _waiting;

        public Saver(string id)
        {
            PersistenceId = id;
            Recover<SnapshotOffer>(offer => _state = (string)offer.Snapshot);
            Command<string>(text => text == "persist", _ => Persist(new TckEvent("event"), _ => Sender.Tell("persisted")));
            Command<string>(text => text == "state", _ => Sender.Tell(_state));
            Command<string[]>(states =>
            {
                _asker = Sender;
                _waiting = states.Length;
                foreach (var state in states)
                    SaveSnapshot(state);
            });
            Command<SaveSnapshotSuccess>(_ =>
            {
                if (--_waiting == 0)
                    _asker.Tell("saved");
            });
        }

        public override string PersistenceId { get; }
    }
}
