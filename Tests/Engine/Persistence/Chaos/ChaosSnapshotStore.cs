using System.Collections.Concurrent;

namespace Mesh.Tests.Engine.Persistence.Chaos;

/// <summary>Keeps snapshots in memory; saving and loading take their time and fail.</summary>
internal sealed class ChaosSnapshotStore : SnapshotStore
{
    private readonly ConcurrentDictionary<(string Id, long Number), SelectedSnapshot> _snapshots = new();
    private readonly ChaosWorld _world;

    public ChaosSnapshotStore(Config config) => _world = ChaosWorld.Of(config);

    protected override async Task<SelectedSnapshot?> LoadAsync(string persistenceId, SnapshotSelectionCriteria criteria)
    {
        var dice = _world.Draw($"load {persistenceId}");
        await _world.PauseAsync(dice, _world.Odds.SlowSnapshot);
        if (dice.Rolls(_world.Odds.FailLoad))
            throw new ChaosException("the snapshot could not be loaded");
        return _snapshots.Values
            .Where(each => each.Metadata.PersistenceId == persistenceId && each.Metadata.SequenceNr <= criteria.MaxSequenceNr)
            .MaxBy(each => each.Metadata.SequenceNr);
    }

    protected override async Task SaveAsync(SnapshotMetadata metadata, object snapshot)
    {
        var dice = _world.Draw($"save {metadata.PersistenceId}");
        await _world.PauseAsync(dice, _world.Odds.SlowSnapshot);
        if (dice.Rolls(_world.Odds.SaveLate))
            await Task.Delay(dice.UpTo(_world.Odds.CallTimeout));
        var fails = dice.Rolls(_world.Odds.FailSave);
        if (fails && dice.Rolls(0.5))
            throw new ChaosException("the snapshot was not saved");
        if (_world.Lies(ChaosLie.NumberASnapshotTooHigh))
            metadata = new SnapshotMetadata(metadata.PersistenceId, metadata.SequenceNr + 1000, metadata.Timestamp);
        _snapshots[(metadata.PersistenceId, metadata.SequenceNr)] = new SelectedSnapshot(metadata, snapshot);
        if (fails)
            throw new ChaosException("the snapshot was saved");
    }

    protected override Task DeleteAsync(SnapshotMetadata metadata) => Task.CompletedTask;

    protected override Task DeleteAsync(string persistenceId, SnapshotSelectionCriteria criteria) => Task.CompletedTask;
}
