using Npgsql;
using NpgsqlTypes;

namespace Mesh.Controller.Journal;

internal sealed partial class PostgresJournal
{
    private NpgsqlConnection? _writer;

    /// <inheritdoc/>
    protected override bool MayShare(Operation before, Operation next) => before is Append && next is Append;

    /// <inheritdoc/>
    protected override bool IsWorthTryingAlone(Exception failure) => failure is JournalWriteException { InnerException: PostgresException refused }
        // The data of one of them: a text that the database does not take, a row that is too long for it.
        && refused.SqlState[..2] is "22" or "23" or "54";

    /// <inheritdoc/>
    protected override Exception? TryCommit(IReadOnlyList<Operation> group)
    {
        try
        {
            var connection = OpenWriter();
            switch (group[0])
            {
                case Append:
                    Store(connection, [.. group.Cast<Append>()]);
                    break;
                case HighestSequenceNr query:
                    query.Result = ReadHighest(connection, query.PersistenceId);
                    break;
                case Delete delete:
                    Run(connection, delete);
                    break;
                case Prune prune:
                    Run(connection, prune);
                    break;
                case Import import:
                    Run(connection, import);
                    break;
            }

            return null;
        }
        catch (PostgresException refused)
        {
            // Refused and rolled back, unless the server ends the session with it.
            if (refused.IsTransient && refused.SqlState is not (PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.QueryCanceled))
                DropWriter();
            return Explain(refused) as JournalCorruptException ?? (Exception)new JournalWriteException(Reason(refused), refused);
        }
#pragma warning disable CA1031 // Whatever it is, it belongs to the caller who waits; the writer thread must go on for the others.
        catch (Exception broken)
#pragma warning restore CA1031
        {
            DropWriter();
            return new JournalWriteException(Reason(broken), broken);
        }
    }

    private static void Store(NpgsqlConnection connection, IReadOnlyList<Append> appends)
    {
        JournalRow[] rows = [.. appends.SelectMany(append => append.Rows)];
        using var command = new NpgsqlCommand("SELECT mesh_journal_append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)", connection);
        Add(NpgsqlDbType.Integer, appends.Select(append => append.Rows.Count).ToArray());
        Add(NpgsqlDbType.Text, Column(row => row.PersistenceId));
        Add(NpgsqlDbType.Bigint, Column(row => row.SequenceNr));
        Add(NpgsqlDbType.Bigint, Column(row => row.CreatedTicks));
        Add(NpgsqlDbType.Bytea, Column(row => row.Message));
        Add(NpgsqlDbType.Integer, Column(row => row.Identifier));
        Add(NpgsqlDbType.Text, Column(row => row.Manifest));
        Add(NpgsqlDbType.Text, Column(row => row.WriterUuid));
        Add(NpgsqlDbType.Text, Column(row => row.CommandId));
        Add(NpgsqlDbType.Boolean, Column(row => row.IsDeleted));
        var results = (long[])command.ExecuteScalar()!;
        for (var i = 0; i < results.Length; i++)
        {
            if (results[i] < 0)
                appends[i].Refusal = new JournalConflictException(appends[i].PersistenceId, appends[i].Rows[0].SequenceNr);
            else
                appends[i].Ordering = results[i];
        }

        void Add(NpgsqlDbType element, Array values) =>
            command.Parameters.Add(new NpgsqlParameter { Value = values, NpgsqlDbType = NpgsqlDbType.Array | element });

        T[] Column<T>(Func<JournalRow, T> of) => Array.ConvertAll(rows, row => of(row));
    }

    private static long ReadHighest(NpgsqlConnection connection, string persistenceId)
    {
        using var command = new NpgsqlCommand("SELECT COALESCE(MAX(sequence_number), 0) FROM journal WHERE persistence_id = $1", connection)
        {
            Parameters = { new() { Value = persistenceId } },
        };
        return (long)command.ExecuteScalar()!;
    }

    private static void Run(NpgsqlConnection connection, Prune prune)
    {
        using var command = new NpgsqlCommand(
            """
            UPDATE journal SET message = sha256(message), identifier = $3
            WHERE persistence_id = $1 AND ordering <= $2 AND NOT deleted AND identifier IS DISTINCT FROM $3
            """,
            connection)
        {
            Parameters = { new() { Value = prune.PersistenceId }, new() { Value = prune.UpTo }, new() { Value = JournalRow.PrunedIdentifier } },
        };
        command.ExecuteNonQuery();
    }

    private static void Run(NpgsqlConnection connection, Delete delete)
    {
        using var command = new NpgsqlCommand("SELECT mesh_journal_delete($1, $2)", connection)
        {
            Parameters = { new() { Value = delete.PersistenceId }, new() { Value = delete.ToSequenceNr } },
        };
        command.ExecuteNonQuery();
    }

    private void Run(NpgsqlConnection connection, Import import)
    {
        using var transaction = connection.BeginTransaction();
        foreach (var sql in PostgresSchema.BeginImport)
            Execute(sql);
        if (Execute("SELECT EXISTS (SELECT 1 FROM journal)") is true)
        {
            import.Refusal = new JournalNotEmptyException(Place);
            return;
        }

        using (var copy = connection.BeginBinaryImport(PostgresSchema.Copy))
        {
            try
            {
                foreach (var (ordering, row) in import.Rows)
                    Write(copy, ordering, row);
            }
            catch (JournalArchiveException unreadable)
            {
                // What was copied goes with the transaction.
                import.Refusal = unreadable;
                return;
            }

            copy.Complete();
        }

        Execute("SELECT setval(pg_get_serial_sequence('journal', 'ordering'), (SELECT MAX(ordering) FROM journal))");
        transaction.Commit();

        object? Execute(string sql)
        {
            using var command = new NpgsqlCommand(sql, connection);
            return command.ExecuteScalar();
        }
    }

    private static void Write(NpgsqlBinaryImporter copy, long ordering, JournalRow row)
    {
        copy.StartRow();
        copy.Write(ordering, NpgsqlDbType.Bigint);
        copy.Write(row.IsDeleted, NpgsqlDbType.Boolean);
        copy.Write(row.PersistenceId, NpgsqlDbType.Text);
        copy.Write(row.SequenceNr, NpgsqlDbType.Bigint);
        copy.Write(row.CreatedTicks, NpgsqlDbType.Bigint);
        copy.Write(row.Message, NpgsqlDbType.Bytea);
        copy.Write(row.Identifier, NpgsqlDbType.Integer);
        copy.Write(row.Manifest, NpgsqlDbType.Text);
        WriteText(row.WriterUuid);
        WriteText(row.CommandId);

        void WriteText(string? text)
        {
            if (text is null)
                copy.WriteNull();
            else
                copy.Write(text, NpgsqlDbType.Text);
        }
    }

    private NpgsqlConnection OpenWriter()
    {
        if (_writer is { FullState: System.Data.ConnectionState.Open })
            return _writer;
        DropWriter();
        _writer = _writers.OpenConnection();
        // An append that has returned must be durable, whatever the server's default; one that asks for more is left as it is.
        using var durable = new NpgsqlCommand(
            "SELECT set_config('synchronous_commit', 'on', FALSE) WHERE current_setting('synchronous_commit') = 'off'", _writer);
        durable.ExecuteNonQuery();
        return _writer;
    }

    private void DropWriter()
    {
        _writer?.Dispose();
        _writer = null;
    }
}
