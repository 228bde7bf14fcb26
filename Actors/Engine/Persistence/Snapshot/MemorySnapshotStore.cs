namespace Mesh.Actors.Engine.Persistence.Snapshot;

/// <summary>Keeps snapshots in memory, for as long as its actor lives.</summary>
public class MemorySnapshotStore : SnapshotStore
{
    private readonly Lock _lock = new();
    private readonly List<SelectedSnapshot> _snapshots = [];

    /// <inheritdoc/>
    protected override Task<SelectedSnapshot?> LoadAsync(string persistenceId, SnapshotSelectionCriteria criteria)
    {
        lock (_lock)
        {
            return Task.FromResult(_snapshots
                .Where(each => each.Metadata.PersistenceId == persistenceId && criteria.IsMatch(each.Metadata))
                .OrderByDescending(each => each.Metadata.SequenceNr)
                .ThenByDescending(each => each.Metadata.Timestamp)
                .FirstOrDefault());
        }
    }

    /// <inheritdoc/>
    protected override Task SaveAsync(SnapshotMetadata metadata, object snapshot)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        lock (_lock)
        {
            _snapshots.RemoveAll(each => each.Metadata.PersistenceId == metadata.PersistenceId && each.Metadata.SequenceNr == metadata.SequenceNr);
            _snapshots.Add(new SelectedSnapshot(metadata, snapshot));
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    protected override Task DeleteAsync(SnapshotMetadata metadata)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        lock (_lock)
        {
            _snapshots.RemoveAll(each =>
                each.Metadata.PersistenceId == metadata.PersistenceId && each.Metadata.SequenceNr == metadata.SequenceNr
                && (metadata.Timestamp == DateTime.MinValue || metadata.Timestamp == each.Metadata.Timestamp));
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    protected override Task DeleteAsync(string persistenceId, SnapshotSelectionCriteria criteria)
    {
        ArgumentNullException.ThrowIfNull(criteria);
        lock (_lock)
            _snapshots.RemoveAll(each => each.Metadata.PersistenceId == persistenceId && criteria.IsMatch(each.Metadata));
        return Task.CompletedTask;
    }
}
