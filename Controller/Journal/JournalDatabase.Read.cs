using Microsoft.Data.Sqlite;

namespace Mesh.Controller.Journal;

internal sealed partial class JournalDatabase
{
    /// <summary>Hands over the events of one id in order, both bounds inclusive, at most <paramref name="max"/>; deleted ones are left out.</summary>
    public Task ReplayAsync(string persistenceId, long fromSequenceNr, long toSequenceNr, long max, Action<JournalRow> replay) =>
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

    private T WithReader<T>(Func<SqliteConnection, T> read)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
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
            if (_disposed)
                CloseIdleReaders();
        }
    }
}
