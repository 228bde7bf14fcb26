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
            command.CommandText = $"""
                SELECT {JournalColumns.Row} FROM journal
                WHERE persistence_id = $id AND sequence_number BETWEEN $from AND $to AND deleted = 0
                ORDER BY sequence_number LIMIT $max
                """;
            command.Parameters.AddWithValue("$id", persistenceId);
            command.Parameters.AddWithValue("$from", fromSequenceNr);
            command.Parameters.AddWithValue("$to", toSequenceNr);
            command.Parameters.AddWithValue("$max", max);
            using var rows = command.ExecuteReader();
            while (rows.Read())
                replay(JournalColumns.ReadRow(rows).Row);
            return true;
        }));

    /// <inheritdoc/>
    public override async ValueTask<IReadOnlyList<JournalEvent>> ReadAsync(long afterOrdering, int limit, CancellationToken cancellationToken) =>
        await Task.Run(() => WithReader(reader => ReadEvents(reader, afterOrdering, limit)), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    protected override Task<long> ReadHighestOrderingAsync(CancellationToken cancellationToken) =>
        Task.Run(() => WithReader(reader => reader.Scalar(Highest)), cancellationToken);

    /// <inheritdoc/>
    protected override IEnumerable<StoredRow> ReadRows()
    {
        using var reader = Connect(_path, SqliteOpenMode.ReadOnly);
        using var command = reader.CreateCommand();
        command.CommandText = $"SELECT {JournalColumns.Row} FROM journal ORDER BY ordering";
        using var rows = command.ExecuteReader();
        while (rows.Read())
            yield return JournalColumns.ReadRow(rows);
    }

    /// <inheritdoc/>
    protected override JournalException? Explain(Exception failure) => failure switch
    {
        SqliteException damaged when IsCorruption(damaged) => new JournalCorruptException(_path, Reason(damaged), damaged),
        SqliteException refused => new JournalUnavailableException(_path, Reason(refused), refused),
        _ => null,
    };

    private static List<JournalEvent> ReadEvents(SqliteConnection reader, long afterOrdering, int limit)
    {
        using var command = reader.CreateCommand();
        command.CommandText =
            $"SELECT {JournalColumns.Event} FROM journal WHERE ordering > $after AND deleted = 0 ORDER BY ordering LIMIT $limit";
        command.Parameters.AddWithValue("$after", afterOrdering);
        command.Parameters.AddWithValue("$limit", limit);
        using var rows = command.ExecuteReader();
        var events = new List<JournalEvent>();
        while (rows.Read())
            events.Add(JournalColumns.ReadEvent(rows));
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
        catch (SqliteException failure) when (Explain(failure) is { } explained)
        {
            throw explained;
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
