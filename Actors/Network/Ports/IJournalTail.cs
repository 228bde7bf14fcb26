namespace Mesh.Actors.Ports;

/// <summary>
/// An event as the journal keeps it. <paramref name="Ordering"/> grows in commit order over all entities and may have gaps;
/// <paramref name="CreatedMs"/> is wall-clock time in milliseconds since 1970-01-01 UTC; <paramref name="Payload"/> is decoded
/// by <paramref name="Manifest"/>; <paramref name="CommandId"/> names the command that caused the event.
/// </summary>
public sealed record JournalEvent(
    long Ordering,
    string PersistenceId,
    long SequenceNr,
    long CreatedMs,
    string Manifest,
    string? CommandId,
    ReadOnlyMemory<byte> Payload)
{
    /// <summary>Gets whether the content was pruned: then the payload is its SHA-256.</summary>
    public bool IsPruned { get; init; }
}

/// <summary>
/// Reads the journal across entities, for projections. Every committed event is seen once and in commit order by whoever asks
/// again from the last ordering it got. Safe for concurrent use.
/// </summary>
public interface IJournalTail
{
    /// <summary>Reads up to <paramref name="limit"/> events with an ordering above <paramref name="afterOrdering"/> (exclusive), in commit order.</summary>
    ValueTask<IReadOnlyList<JournalEvent>> ReadAsync(long afterOrdering, int limit, CancellationToken cancellationToken);

    /// <summary>
    /// Returns when there may be an event above <paramref name="afterOrdering"/>, and after <paramref name="atMost"/> in any case.
    /// What it returns on is a hint; <see cref="ReadAsync"/> is the truth.
    /// </summary>
    ValueTask WaitAsync(long afterOrdering, TimeSpan atMost, CancellationToken cancellationToken);

    /// <summary>Reads the highest ordering committed so far; 0 in an empty journal.</summary>
    ValueTask<long> HighestOrderingAsync(CancellationToken cancellationToken);
}
