using Mesh.Actors.Ports;
using Microsoft.Data.Sqlite;

namespace Mesh.Controller.Journal;

internal sealed partial class SqliteJournal
{
    // Of what ReadAsync returns: one that is not would be waited for no longer, and looked for over and over.
    private const string Highest = "SELECT ordering FROM journal WHERE deleted = 0 ORDER BY ordering DESC LIMIT 1";

    /// <inheritdoc/>
    public override Task ReplayAsync(string persistenceId, long fromSequenceNr, long toSequenceNr, long max, Action<JournalRow> replay) =>
        Task.Run(() => WithReader(reader =>
        {
            using var command = reader.CreateCommand();
            command.CommandText = """
                SELECT sequence_number, created, message, identifier, manifest, writer_uuid, command_id FROM journal
                WHERE persistence_id = $id AND sequence_number BETWEEN $from AND $to AND deleted = 0
                ORDER BY sequence_number LIMIT $max
                """;
            command.Parameters.AddWithValue("$id", persistenceId);
            command.Parameters.AddWithValue("$from", fromSequenceNr);
            command.Parameters.AddWithValue("$to", toSequenceNr);
            command.Parameters.AddWithValue("$max", max);
            using var rows = command.ExecuteReader();
            while (rows.Read())
            {
                replay(new JournalRow(
                    persistenceId,
                    rows.GetInt64(0),
                    rows.GetInt64(1),
                    rows.GetFieldValue<byte[]>(2),
                    rows.IsDBNull(3) ? 0 : rows.GetInt32(3),
                    rows.IsDBNull(4) ? "" : rows.GetString(4),
                    rows.IsDBNull(5) ? null : rows.GetString(5),
                    rows.IsDBNull(6) ? null : rows.GetString(6)));
            }

            return true;
        }));

    /// <inheritdoc/>
    public override async ValueTask<IReadOnlyList<JournalEvent>> ReadAsync(long afterOrdering, int limit, CancellationToken cancellationToken) =>
        await Task.Run(() => WithReader(reader => ReadEvents(reader, afterOrdering, limit)), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    protected override Task<long> ReadHighestOrderingAsync(CancellationToken cancellationToken) =>
        Task.Run(() => WithReader(reader => reader.Scalar(Highest)), cancellationToken);

    /// <inheritdoc/>
    public override IEnumerable<StoredRow> ReadAll()
    {
        using var reader = Connect(_path, SqliteOpenMode.ReadOnly);
        using var command = reader.CreateCommand();
        command.CommandText = """
            SELECT ordering, deleted, persistence_id, sequence_number, created, message, identifier, manifest, writer_uuid, command_id
            FROM journal ORDER BY ordering
            """;
        using var rows = command.ExecuteReader();
        while (rows.Read())
        {
            yield return new StoredRow(
                rows.GetInt64(0),
                new JournalRow(
                    rows.GetString(2),
                    rows.GetInt64(3),
                    rows.GetInt64(4),
                    rows.GetFieldValue<byte[]>(5),
                    rows.IsDBNull(6) ? 0 : rows.GetInt32(6),
                    rows.IsDBNull(7) ? "" : rows.GetString(7),
                    rows.IsDBNull(8) ? null : rows.GetString(8),
                    rows.IsDBNull(9) ? null : rows.GetString(9))
                {
                    IsDeleted = rows.GetInt64(1) != 0,
                });
        }
    }

    private static List<JournalEvent> ReadEvents(SqliteConnection reader, long afterOrdering, int limit)
    {
        using var command = reader.CreateCommand();
        command.CommandText = """
            SELECT ordering, persistence_id, sequence_number, created, manifest, command_id, message FROM journal
            WHERE ordering > $after AND deleted = 0 ORDER BY ordering LIMIT $limit
            """;
        command.Parameters.AddWithValue("$after", afterOrdering);
        command.Parameters.AddWithValue("$limit", limit);
        using var rows = command.ExecuteReader();
        var events = new List<JournalEvent>();
        while (rows.Read())
        {
            events.Add(new JournalEvent(
                rows.GetInt64(0),
                rows.GetString(1),
                rows.GetInt64(2),
                (rows.GetInt64(3) - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMillisecond,
                rows.IsDBNull(4) ? "" : rows.GetString(4),
                rows.IsDBNull(5) ? null : rows.GetString(5),
                rows.GetFieldValue<byte[]>(6)));
        }

        return events;
    }

    private T WithReader<T>(Func<SqliteConnection, T> read)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (!_idleReaders.TryTake(out var reader))
            reader = Connect(_path, SqliteOpenMode.ReadOnly);
        var healthy = false;
        try
        {
            var result = read(reader);
            healthy = true;
            return result;
        }
        catch (SqliteException failure) when (IsCorruption(failure))
        {
            throw new JournalCorruptException(_path, Reason(failure), failure);
        }
        finally
        {
            if (healthy)
                _idleReaders.Add(reader);
            else
                reader.Dispose();
            if (IsDisposed)
                CloseIdleReaders();
        }
    }
}
