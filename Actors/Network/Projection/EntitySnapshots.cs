using System.Diagnostics.CodeAnalysis;

namespace Mesh.Actors.Projection;

/// <summary>Hands what the tail has folded to the entities of the same actor system. Safe for concurrent use.</summary>
sealed class EntitySnapshots : IExtension
{
    volatile FoldedEntities _current = FoldedEntities.Empty;

    EntitySnapshots() { }

    /// <summary>Gets the newest.</summary>
    public FoldedEntities Current => _current;

    /// <summary>Gets those of an actor system.</summary>
    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(EntitySnapshotStore))]
    public static EntitySnapshots Of(ActorSystem system) => (EntitySnapshots)system.RegisterExtension(Id.Instance);

    /// <summary>Hands out newer ones.</summary>
    public void Publish(FoldedEntities folded) => _current = folded;

    sealed class Id : IExtensionId
    {
        public static Id Instance { get; } = new();

        public Type ExtensionType => typeof(EntitySnapshots);

        public object CreateExtension(ExtendedActorSystem system) => new EntitySnapshots();
    }
}

/// <summary>
/// Is the snapshot plugin whose snapshots are the projection: always fresh, stored nowhere, and so never to be saved or deleted. It is
/// named in HOCON: <c>class = "Mesh.Actors.Projection.EntitySnapshotStore, Mesh.Actors"</c>. Supervises nothing; without it entities
/// replay their whole history.
/// </summary>
public sealed class EntitySnapshotStore : SnapshotStore
{
    readonly EntitySnapshots _snapshots = EntitySnapshots.Of(Context.System);

    /// <inheritdoc/>
    protected override Task<SelectedSnapshot?> LoadAsync(string persistenceId, SnapshotSelectionCriteria criteria)
    {
        var found = _snapshots.Current.Find(persistenceId) is { } fold && fold.SequenceNr <= criteria.MaxSequenceNr
            ? new SelectedSnapshot(new SnapshotMetadata(persistenceId, fold.SequenceNr, default), fold.State)
            : null;
        return Task.FromResult(found);
    }

    /// <inheritdoc/>
    protected override Task SaveAsync(SnapshotMetadata metadata, object snapshot) => throw new NotSupportedException("the projection keeps itself");

    /// <inheritdoc/>
    protected override Task DeleteAsync(SnapshotMetadata metadata) => throw new NotSupportedException("the projection keeps itself");

    /// <inheritdoc/>
    protected override Task DeleteAsync(string persistenceId, SnapshotSelectionCriteria criteria) =>
        throw new NotSupportedException("the projection keeps itself");
}
