namespace Mesh.Actors.Engine.Persistence;

/// <summary>Part of the talk with a snapshot store.</summary>
public interface ISnapshotMessage : IPersistenceMessage;

/// <summary>What a snapshot store is asked.</summary>
public interface ISnapshotRequest : ISnapshotMessage;

/// <summary>What a snapshot store answers.</summary>
public interface ISnapshotResponse : ISnapshotMessage;

/// <summary>Names a snapshot.</summary>
public sealed record SnapshotMetadata
{
    /// <summary>Makes the message.</summary>
    public SnapshotMetadata(string persistenceId, long sequenceNr, DateTime timestamp)
    {
        PersistenceId = persistenceId;
        SequenceNr = sequenceNr;
        Timestamp = timestamp;
    }

    /// <summary>Names the entity.</summary>
    public string PersistenceId { get; }

    /// <summary>The last event that it includes.</summary>
    public long SequenceNr { get; }

    /// <summary>When it was taken, UTC.</summary>
    public DateTime Timestamp { get; }
}

/// <summary>A snapshot with its name.</summary>
public sealed record SelectedSnapshot
{
    /// <summary>Makes the message.</summary>
    public SelectedSnapshot(SnapshotMetadata metadata, object snapshot)
    {
        Metadata = metadata;
        Snapshot = snapshot;
    }

    /// <summary>Which snapshot.</summary>
    public SnapshotMetadata Metadata { get; }

    /// <summary>The state.</summary>
    public object Snapshot { get; }
}

/// <summary>Brings a recovering actor the newest state that was saved.</summary>
public sealed record SnapshotOffer
{
    /// <summary>Makes the message.</summary>
    public SnapshotOffer(SnapshotMetadata metadata, object snapshot)
    {
        Metadata = metadata;
        Snapshot = snapshot;
    }

    /// <summary>Which snapshot.</summary>
    public SnapshotMetadata Metadata { get; }

    /// <summary>The state.</summary>
    public object Snapshot { get; }
}

/// <summary>Selects snapshots; all bounds are inclusive.</summary>
public sealed record SnapshotSelectionCriteria
{
    /// <summary>Bounds number and time.</summary>
    public SnapshotSelectionCriteria(long maxSequenceNr, DateTime maxTimeStamp, long minSequenceNr = 0L, DateTime? minTimestamp = null)
    {
        MaxSequenceNr = maxSequenceNr;
        MaxTimeStamp = maxTimeStamp;
        MinSequenceNr = minSequenceNr;
        MinTimestamp = minTimestamp ?? DateTime.MinValue;
    }

    /// <summary>Bounds the number from above.</summary>
    public SnapshotSelectionCriteria(long maxSequenceNr)
        : this(maxSequenceNr, DateTime.MaxValue)
    {
    }

    /// <summary>Selects the newest.</summary>
    public static SnapshotSelectionCriteria Latest { get; } = new(long.MaxValue, DateTime.MaxValue);

    /// <summary>Selects none.</summary>
    public static SnapshotSelectionCriteria None { get; } = new(0L, DateTime.MinValue);

    /// <summary>The highest sequence number.</summary>
    public long MaxSequenceNr { get; }

    /// <summary>The latest time.</summary>
    public DateTime MaxTimeStamp { get; }

    /// <summary>The lowest sequence number.</summary>
    public long MinSequenceNr { get; }

    /// <summary>The earliest time.</summary>
    public DateTime? MinTimestamp { get; }

    internal SnapshotSelectionCriteria Limit(long toSequenceNr) =>
        toSequenceNr < MaxSequenceNr ? new SnapshotSelectionCriteria(toSequenceNr, MaxTimeStamp, MinSequenceNr, MinTimestamp) : this;

    internal bool IsMatch(SnapshotMetadata metadata) =>
        metadata.SequenceNr <= MaxSequenceNr && metadata.Timestamp <= MaxTimeStamp
        && metadata.SequenceNr >= MinSequenceNr && metadata.Timestamp >= (MinTimestamp ?? DateTime.MinValue);
}

/// <summary>Asks for the newest snapshot that fits.</summary>
public sealed record LoadSnapshot : ISnapshotRequest
{
    /// <summary>Makes the message.</summary>
    public LoadSnapshot(string persistenceId, SnapshotSelectionCriteria criteria, long toSequenceNr)
    {
        PersistenceId = persistenceId;
        Criteria = criteria;
        ToSequenceNr = toSequenceNr;
    }

    /// <summary>Names the entity.</summary>
    public string PersistenceId { get; }

    /// <summary>Which snapshots.</summary>
    public SnapshotSelectionCriteria Criteria { get; }

    /// <summary>The highest sequence number of interest.</summary>
    public long ToSequenceNr { get; }

    /// <summary>Which instance of the actor asks; 0 if nobody said.</summary>
    internal int ActorInstanceId { get; init; }
}

/// <summary>Brings the snapshot, or none.</summary>
public sealed record LoadSnapshotResult : ISnapshotResponse
{
    /// <summary>Makes the message.</summary>
    public LoadSnapshotResult(SelectedSnapshot? snapshot, long toSequenceNr)
    {
        Snapshot = snapshot;
        ToSequenceNr = toSequenceNr;
    }

    /// <summary>The snapshot; null if none fits.</summary>
    public SelectedSnapshot? Snapshot { get; }

    /// <summary>From the request.</summary>
    public long ToSequenceNr { get; }

    /// <summary>Which instance of the actor asked; 0 if nobody said.</summary>
    internal int ActorInstanceId { get; init; }
}

/// <summary>Says that loading failed.</summary>
public sealed record LoadSnapshotFailed : ISnapshotResponse
{
    /// <summary>Makes the message.</summary>
    public LoadSnapshotFailed(Exception cause)
    {
        Cause = cause;
    }

    /// <summary>What went wrong.</summary>
    public Exception Cause { get; }

    /// <summary>Which instance of the actor asked; 0 if nobody said.</summary>
    internal int ActorInstanceId { get; init; }
}

/// <summary>Asks to save a snapshot.</summary>
public sealed record SaveSnapshot : ISnapshotRequest
{
    /// <summary>Makes the message.</summary>
    public SaveSnapshot(SnapshotMetadata metadata, object snapshot)
    {
        Metadata = metadata;
        Snapshot = snapshot;
    }

    /// <summary>Which snapshot.</summary>
    public SnapshotMetadata Metadata { get; }

    /// <summary>The state.</summary>
    public object Snapshot { get; }
}

/// <summary>Says that a snapshot is saved.</summary>
public sealed record SaveSnapshotSuccess : ISnapshotResponse
{
    /// <summary>Makes the message.</summary>
    public SaveSnapshotSuccess(SnapshotMetadata metadata)
    {
        Metadata = metadata;
    }

    /// <summary>Which snapshot.</summary>
    public SnapshotMetadata Metadata { get; }
}

/// <summary>Says that a snapshot could not be saved.</summary>
public sealed record SaveSnapshotFailure : ISnapshotResponse
{
    /// <summary>Makes the message.</summary>
    public SaveSnapshotFailure(SnapshotMetadata metadata, Exception cause)
    {
        Metadata = metadata;
        Cause = cause;
    }

    /// <summary>Which snapshot.</summary>
    public SnapshotMetadata Metadata { get; }

    /// <summary>What went wrong.</summary>
    public Exception Cause { get; }
}

/// <summary>Asks to delete one snapshot.</summary>
public sealed record DeleteSnapshot : ISnapshotRequest
{
    /// <summary>Makes the message.</summary>
    public DeleteSnapshot(SnapshotMetadata metadata)
    {
        Metadata = metadata;
    }

    /// <summary>Which snapshot.</summary>
    public SnapshotMetadata Metadata { get; }
}

/// <summary>Says that a snapshot is deleted.</summary>
public sealed record DeleteSnapshotSuccess : ISnapshotResponse
{
    /// <summary>Makes the message.</summary>
    public DeleteSnapshotSuccess(SnapshotMetadata metadata)
    {
        Metadata = metadata;
    }

    /// <summary>Which snapshot.</summary>
    public SnapshotMetadata Metadata { get; }
}

/// <summary>Says that a snapshot could not be deleted.</summary>
public sealed record DeleteSnapshotFailure : ISnapshotResponse
{
    /// <summary>Makes the message.</summary>
    public DeleteSnapshotFailure(SnapshotMetadata metadata, Exception cause)
    {
        Metadata = metadata;
        Cause = cause;
    }

    /// <summary>Which snapshot.</summary>
    public SnapshotMetadata Metadata { get; }

    /// <summary>What went wrong.</summary>
    public Exception Cause { get; }
}

/// <summary>Asks to delete several snapshots.</summary>
public sealed record DeleteSnapshots : ISnapshotRequest
{
    /// <summary>Makes the message.</summary>
    public DeleteSnapshots(string persistenceId, SnapshotSelectionCriteria criteria)
    {
        PersistenceId = persistenceId;
        Criteria = criteria;
    }

    /// <summary>Names the entity.</summary>
    public string PersistenceId { get; }

    /// <summary>Which snapshots.</summary>
    public SnapshotSelectionCriteria Criteria { get; }
}

/// <summary>Says that snapshots are deleted.</summary>
public sealed record DeleteSnapshotsSuccess : ISnapshotResponse
{
    /// <summary>Makes the message.</summary>
    public DeleteSnapshotsSuccess(SnapshotSelectionCriteria criteria)
    {
        Criteria = criteria;
    }

    /// <summary>Which snapshots.</summary>
    public SnapshotSelectionCriteria Criteria { get; }
}

/// <summary>Says that snapshots could not be deleted.</summary>
public sealed record DeleteSnapshotsFailure : ISnapshotResponse
{
    /// <summary>Makes the message.</summary>
    public DeleteSnapshotsFailure(SnapshotSelectionCriteria criteria, Exception cause)
    {
        Criteria = criteria;
        Cause = cause;
    }

    /// <summary>Which snapshots.</summary>
    public SnapshotSelectionCriteria Criteria { get; }

    /// <summary>What went wrong.</summary>
    public Exception Cause { get; }
}
