namespace Mesh.Controller.Journal;

/// <summary>A row with its ordering.</summary>
internal readonly record struct StoredRow(long Ordering, JournalRow Row);

/// <summary>
/// A row of the journal table without its ordering, which the database assigns at commit. <paramref name="CreatedTicks"/> counts
/// 100 ns since 0001-01-01 UTC, the unit of the layout's <c>created</c> column.
/// </summary>
internal sealed record JournalRow(
    string PersistenceId,
    long SequenceNr,
    long CreatedTicks,
    byte[] Message,
    int Identifier,
    string Manifest,
    string? WriterUuid,
    string? CommandId)
{
    /// <summary>Gets whether the row only says that its number is spent: never replayed, never told to anybody.</summary>
    public bool IsDeleted { get; init; }

    /// <summary>The serializer's number where there is no content left but its SHA-256.</summary>
    public const int PrunedIdentifier = -1;

    /// <summary>Gets whether the content was pruned: then the message is its SHA-256. It is told, and not replayed.</summary>
    public bool IsPruned => Identifier == PrunedIdentifier;

    /// <summary>Makes the row of an event that was rejected: its number is spent, and nobody else may have it.</summary>
    public static JournalRow Spent(string persistenceId, long sequenceNr, long createdTicks) =>
        new(persistenceId, sequenceNr, createdTicks, [], 0, "", null, null) { IsDeleted = true };
}
