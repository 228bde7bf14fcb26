using System.Data.Common;
using Mesh.Actors.Ports;

namespace Mesh.Controller.Journal;

/// <summary>What is selected from the journal's table, in every database, and how it is read.</summary>
internal static class JournalColumns
{
    /// <summary>The columns of a <see cref="StoredRow"/>.</summary>
    public const string Row = "ordering, deleted, persistence_id, sequence_number, created, message, identifier, manifest, writer_uuid, command_id";

    /// <summary>The columns of a <see cref="JournalEvent"/>.</summary>
    public const string Event = "ordering, persistence_id, sequence_number, created, manifest, command_id, message, identifier";

    /// <summary>Reads a row that was selected by <see cref="Row"/>.</summary>
    public static StoredRow ReadRow(DbDataReader from) => new(
        from.GetInt64(0),
        new JournalRow(
            from.GetString(2),
            from.GetInt64(3),
            from.GetInt64(4),
            from.GetFieldValue<byte[]>(5),
            from.IsDBNull(6) ? 0 : from.GetInt32(6),
            TextOrNull(from, 7) ?? "",
            TextOrNull(from, 8),
            TextOrNull(from, 9))
        {
            IsDeleted = from.GetBoolean(1),
        });

    /// <summary>Reads an event that was selected by <see cref="Event"/>.</summary>
    public static JournalEvent ReadEvent(DbDataReader from) => new(
        from.GetInt64(0),
        from.GetString(1),
        from.GetInt64(2),
        (from.GetInt64(3) - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMillisecond,
        TextOrNull(from, 4) ?? "",
        TextOrNull(from, 5),
        from.GetFieldValue<byte[]>(6))
    {
        IsPruned = !from.IsDBNull(7) && from.GetInt32(7) == JournalRow.PrunedIdentifier,
    };

    private static string? TextOrNull(DbDataReader from, int column) => from.IsDBNull(column) ? null : from.GetString(column);
}
