using Mesh.Actors.Engine.Actor;

namespace Mesh.Actors.Engine.Persistence;

/// <summary>Says how far an actor recovers.</summary>
public sealed class Recovery
{
    /// <summary>Recovers from the newest snapshot and all events.</summary>
    public Recovery()
        : this(SnapshotSelectionCriteria.Latest)
    {
    }

    /// <summary>Bounds snapshot, sequence number and count.</summary>
    public Recovery(SnapshotSelectionCriteria? fromSnapshot = null, long toSequenceNr = long.MaxValue, long replayMax = long.MaxValue)
    {
        FromSnapshot = fromSnapshot ?? SnapshotSelectionCriteria.Latest;
        ToSequenceNr = toSequenceNr;
        ReplayMax = replayMax;
    }

    /// <summary>Recovers everything.</summary>
    public static Recovery Default { get; } = new();

    /// <summary>Recovers nothing but the highest sequence number.</summary>
    public static Recovery None { get; } = new(SnapshotSelectionCriteria.None, 0L);

    /// <summary>Which snapshot to start from.</summary>
    public SnapshotSelectionCriteria FromSnapshot { get; }

    /// <summary>The last event to replay, inclusive.</summary>
    public long ToSequenceNr { get; }

    /// <summary>How many events to replay at most.</summary>
    public long ReplayMax { get; }
}

/// <summary>Says that recovery is over. The first message after the events; persisting is allowed from here on.</summary>
public sealed class RecoveryCompleted
{
    /// <summary>The one instance.</summary>
    public static readonly RecoveryCompleted Instance = new();

    private RecoveryCompleted()
    {
    }
}

/// <summary>Neither a snapshot nor an event came for as long as <c>recovery-event-timeout</c>.</summary>
public sealed class RecoveryTimedOutException(string message, Exception? cause = null) : AkkaException(message, cause);

/// <summary>Wakes a recovering actor to see whether anything came.</summary>
internal sealed record RecoveryTick(bool Snapshot) : INotInfluenceReceiveTimeout;
