namespace Mesh.Actors.Engine.Persistence.Snapshot;

/// <summary>Has no snapshots and takes none: every recovery replays all events. The default.</summary>
public sealed class NoSnapshotStore : SnapshotStore
{
    /// <inheritdoc/>
    protected override Task<SelectedSnapshot?> LoadAsync(string persistenceId, SnapshotSelectionCriteria criteria) =>
        Task.FromResult<SelectedSnapshot?>(null);

    /// <inheritdoc/>
    protected override Task SaveAsync(SnapshotMetadata metadata, object snapshot) => Task.FromException(NoStore());

    /// <inheritdoc/>
    protected override Task DeleteAsync(SnapshotMetadata metadata) => Task.FromException(NoStore());

    /// <inheritdoc/>
    protected override Task DeleteAsync(string persistenceId, SnapshotSelectionCriteria criteria) => Task.FromException(NoStore());

    private static NotSupportedException NoStore() => new("No snapshot store is configured: set akka.persistence.snapshot-store.plugin.");
}
