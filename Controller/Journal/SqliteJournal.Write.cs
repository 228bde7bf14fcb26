using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Microsoft.Data.Sqlite;

namespace Mesh.Controller.Journal;

internal sealed partial class SqliteJournal
{
    private readonly SqliteCommand _insert;

    private static SqliteCommand PrepareInsert(SqliteConnection connection)
    {
        var insert = connection.CreateCommand();
        insert.CommandText = """
            INSERT INTO journal(deleted, persistence_id, sequence_number, created, message, identifier, manifest, writer_uuid, command_id)
            SELECT $deleted, $id, $sequence, $created, $message, $identifier, $manifest, $writer, $command
            WHERE $sequence = 1 + COALESCE((SELECT MAX(sequence_number) FROM journal WHERE persistence_id = $id), 0)
            """;
        foreach (var name in (ReadOnlySpan<string>)
            ["$id", "$sequence", "$created", "$message", "$identifier", "$manifest", "$writer", "$command", "$deleted"])
            insert.Parameters.Add(new SqliteParameter { ParameterName = name });
        return insert;
    }

    /// <inheritdoc/>
    protected override Exception? TryCommit(IReadOnlyList<Operation> group)
    {
        // An earlier rollback may have failed. What it left open must not be read from, nor stand in the way of what comes.
        if (RollBack() is { } stuck)
            return ExplainWrite(stuck);
        try
        {
            if (group is [Compact])
            {
                // Pages keep scraps of what moved between them; what is written anew does not.
                _writer.Execute("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
                return null;
            }

            if (!group.Any(operation => operation is not HighestSequenceNr))
            {
                foreach (var operation in group)
                    Run(operation);
                return null;
            }

            _writer.Execute("BEGIN IMMEDIATE");
            foreach (var operation in group)
                Run(operation);
            _writer.Execute("COMMIT");
            return null;
        }
#pragma warning disable CA1031 // Whatever it is, it belongs to the caller who waits; the writer thread must go on for the others.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            var explained = ExplainWrite(failure);
            return RollBack() is { } worse ? new AggregateException(explained, worse) : explained;
        }
    }

    private Exception ExplainWrite(Exception failure) => failure switch
    {
        SqliteException damaged when IsCorruption(damaged) => new JournalCorruptException(_path, Reason(damaged), damaged),
        SqliteException refused => new JournalWriteException(Reason(refused), refused),
        _ => failure,
    };

    /// <summary>Some errors, a full disk among them, have ended the transaction already; rolling back again would be one more error.</summary>
    private SqliteException? RollBack()
    {
        try
        {
            if (SQLitePCL.raw.sqlite3_get_autocommit(_writer.Handle) == 0)
                _writer.Execute("ROLLBACK");
            return null;
        }
        catch (SqliteException failure)
        {
            return failure;
        }
    }

    private void Run(Operation operation)
    {
        switch (operation)
        {
            case Append append:
                Run(append);
                break;
            case HighestSequenceNr query:
                query.Result = _writer.Scalar("SELECT MAX(sequence_number) FROM journal WHERE persistence_id = $id", ("$id", query.PersistenceId));
                break;
            case Delete delete:
                Run(delete);
                break;
            case Prune prune:
                Run(prune);
                break;
            case Import import:
                Run(import);
                break;
        }
    }

    private void Run(Append append)
    {
        foreach (var row in append.Rows)
        {
            _insert.Parameters[0].Value = row.PersistenceId;
            _insert.Parameters[1].Value = row.SequenceNr;
            _insert.Parameters[2].Value = row.CreatedTicks;
            _insert.Parameters[3].Value = row.Message;
            _insert.Parameters[4].Value = row.Identifier;
            _insert.Parameters[5].Value = row.Manifest;
            _insert.Parameters[6].Value = (object?)row.WriterUuid ?? DBNull.Value;
            _insert.Parameters[7].Value = (object?)row.CommandId ?? DBNull.Value;
            _insert.Parameters[8].Value = row.IsDeleted ? 1 : 0;
            if (_insert.ExecuteNonQuery() == 0)
                throw new JournalConflictException(row.PersistenceId, row.SequenceNr);
            if (!row.IsDeleted)
                append.Ordering = SQLitePCL.raw.sqlite3_last_insert_rowid(_writer.Handle);
        }
    }

    private void Run(Import import)
    {
        if (_writer.Scalar("SELECT EXISTS (SELECT 1 FROM journal)") != 0)
            throw new JournalNotEmptyException(Place);
        using var insert = _writer.CreateCommand();
        insert.CommandText = $"""
            INSERT INTO journal({JournalColumns.Row})
            VALUES($ordering, $deleted, $id, $sequence, $created, $message, $identifier, $manifest, $writer, $command)
            """;
        foreach (var (ordering, row) in import.Rows)
        {
            insert.Parameters.Clear();
            insert.Parameters.AddWithValue("$ordering", ordering);
            insert.Parameters.AddWithValue("$deleted", row.IsDeleted ? 1 : 0);
            insert.Parameters.AddWithValue("$id", row.PersistenceId);
            insert.Parameters.AddWithValue("$sequence", row.SequenceNr);
            insert.Parameters.AddWithValue("$created", row.CreatedTicks);
            insert.Parameters.AddWithValue("$message", row.Message);
            insert.Parameters.AddWithValue("$identifier", row.Identifier);
            insert.Parameters.AddWithValue("$manifest", row.Manifest);
            insert.Parameters.AddWithValue("$writer", (object?)row.WriterUuid ?? DBNull.Value);
            insert.Parameters.AddWithValue("$command", (object?)row.CommandId ?? DBNull.Value);
            insert.ExecuteNonQuery();
        }
    }

    private void Run(Prune prune)
    {
        using var select = _writer.CreateCommand();
        select.CommandText = """
            SELECT ordering, message FROM journal
            WHERE persistence_id = $id AND ordering <= $upTo AND deleted = 0 AND identifier IS NOT $pruned
            """;
        select.Parameters.AddWithValue("$id", prune.PersistenceId);
        select.Parameters.AddWithValue("$upTo", prune.UpTo);
        select.Parameters.AddWithValue("$pruned", JournalRow.PrunedIdentifier);
        var hashes = new List<(long Ordering, Digest256 Hash)>();
        using (var rows = select.ExecuteReader())
        {
            while (rows.Read())
                hashes.Add((rows.GetInt64(0), Sha256.Hash(rows.GetFieldValue<byte[]>(1))));
        }
        using var update = _writer.CreateCommand();
        update.CommandText = "UPDATE journal SET message = $hash, identifier = $pruned WHERE ordering = $ordering";
        foreach (var (ordering, hash) in hashes)
        {
            update.Parameters.Clear();
            update.Parameters.AddWithValue("$hash", hash.Value.Span.ToArray());
            update.Parameters.AddWithValue("$pruned", JournalRow.PrunedIdentifier);
            update.Parameters.AddWithValue("$ordering", ordering);
            update.ExecuteNonQuery();
        }
    }

    private void Run(Delete delete)
    {
        using var command = _writer.CreateCommand();
        command.CommandText = """
            UPDATE journal SET deleted = 1 WHERE persistence_id = $id AND sequence_number <= $to AND deleted = 0;
            DELETE FROM journal WHERE persistence_id = $id AND deleted = 1
                AND sequence_number < (SELECT MAX(sequence_number) FROM journal WHERE persistence_id = $id AND deleted = 1);
            """;
        command.Parameters.AddWithValue("$id", delete.PersistenceId);
        command.Parameters.AddWithValue("$to", delete.ToSequenceNr);
        command.ExecuteNonQuery();
    }
}
