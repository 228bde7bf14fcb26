namespace Mesh.Controller.Journal;

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
    string? CommandId);
