using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;

namespace Mesh.Controller.Journal;

internal sealed partial class JournalDatabase
{
    /// <summary>How many appends share one transaction, and so one disk flush.</summary>
    private const int GroupLimit = 256;

    private readonly BlockingCollection<Operation> _operations = [];
    private readonly SqliteCommand _insert;

    /// <summary>
    /// Stores all rows or none. Fails with <see cref="JournalConflictException"/> when a row's sequence number does not follow the highest that
    /// its id ever had: whoever wrote behind that had not seen it. Fails with <see cref="JournalWriteException"/> when the disk refuses; a failure of one caller never fails another.
    /// </summary>
    public Task AppendAsync(IReadOnlyList<JournalRow> rows) => EnqueueAsync(new Append(rows));

    /// <summary>
    /// Reads the highest sequence number ever stored for an id, deleted events included; 0 when there is none. Runs behind the
    /// writes queued before it, so an in-flight write of the same id counts.
    /// </summary>
    public async Task<long> HighestSequenceNrAsync(string persistenceId)
    {
        var query = new HighestSequenceNr(persistenceId);
        await EnqueueAsync(query).ConfigureAwait(false);
        return query.Result;
    }

    /// <summary>
    /// Deletes events up to a sequence number (inclusive). The newest deleted row stays, marked and without replay, so that the
    /// highest number survives.
    /// </summary>
    public Task DeleteToAsync(string persistenceId, long toSequenceNr) => EnqueueAsync(new Delete(persistenceId, toSequenceNr));

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

    private Task EnqueueAsync(Operation operation)
    {
        try
        {
            _operations.Add(operation);
        }
        catch (Exception closed) when (closed is InvalidOperationException or ObjectDisposedException)
        {
            operation.Done.SetException(new ObjectDisposedException(nameof(JournalDatabase)));
        }

        return operation.Done.Task;
    }

    private void RunWriter()
    {
        var group = new List<Operation>(GroupLimit);
        foreach (var first in _operations.GetConsumingEnumerable())
        {
            group.Clear();
            group.Add(first);
            while (group.Count < GroupLimit && _operations.TryTake(out var next))
                group.Add(next);

            var failure = TryCommit(group);
            if (failure is null)
                group.ForEach(operation => operation.Done.SetResult());
            else if (group.Count == 1)
                group[0].Done.SetException(failure);
            else
                RunEachAlone(group);
        }
    }

    /// <summary>After a failed group nobody knows whose fault it was; alone, a fenced writer fails and nobody else does.</summary>
    private void RunEachAlone(List<Operation> group)
    {
        foreach (var operation in group)
        {
            if (TryCommit([operation]) is { } failure)
                operation.Done.SetException(failure);
            else
                operation.Done.SetResult();
        }
    }

    private Exception? TryCommit(IReadOnlyList<Operation> group)
    {
        Operation current = group[0];

        // An earlier rollback may have failed. What it left open must not be read from, nor stand in the way of what comes.
        if (RollBack() is { } stuck)
            return Explain(stuck, current);
        try
        {
            if (!group.Any(operation => operation.Writes))
            {
                foreach (var operation in group)
                    operation.Run(this);
                return null;
            }

            _writer.Execute("BEGIN IMMEDIATE");
            foreach (var operation in group)
            {
                current = operation;
                operation.Run(this);
            }

            var highest = group.Max(operation => operation is Append append ? append.Ordering : 0);
            _writer.Execute("COMMIT");
            Committed(highest);
            return null;
        }
#pragma warning disable CA1031 // Whatever it is, it belongs to the caller who waits; the writer thread must go on for the others.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            var explained = Explain(failure, current);
            return RollBack() is { } worse ? new AggregateException(explained, worse) : explained;
        }
    }

    private Exception Explain(Exception failure, Operation operation) => failure switch
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

    private abstract class Operation
    {
        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public abstract string PersistenceId { get; }

        public abstract bool Writes { get; }

        public abstract void Run(JournalDatabase database);
    }

    private sealed class Append(IReadOnlyList<JournalRow> rows) : Operation
    {
        public override string PersistenceId => rows.Count > 0 ? rows[0].PersistenceId : "";

        public override bool Writes => true;

        /// <summary>The ordering of the last event, 0 while there is none: whoever follows the journal is not woken for spent numbers.</summary>
        public long Ordering { get; private set; }

        public override void Run(JournalDatabase database)
        {
            var insert = database._insert;
            foreach (var row in rows)
            {
                insert.Parameters[0].Value = row.PersistenceId;
                insert.Parameters[1].Value = row.SequenceNr;
                insert.Parameters[2].Value = row.CreatedTicks;
                insert.Parameters[3].Value = row.Message;
                insert.Parameters[4].Value = row.Identifier;
                insert.Parameters[5].Value = row.Manifest;
                insert.Parameters[6].Value = (object?)row.WriterUuid ?? DBNull.Value;
                insert.Parameters[7].Value = (object?)row.CommandId ?? DBNull.Value;
                insert.Parameters[8].Value = row.IsDeleted ? 1 : 0;
                if (insert.ExecuteNonQuery() == 0)
                    throw new JournalConflictException(row.PersistenceId, row.SequenceNr);
                if (!row.IsDeleted)
                    Ordering = SQLitePCL.raw.sqlite3_last_insert_rowid(database._writer.Handle);
            }
        }
    }

    private sealed class HighestSequenceNr(string persistenceId) : Operation
    {
        public long Result { get; private set; }

        public override string PersistenceId => persistenceId;

        public override bool Writes => false;

        public override void Run(JournalDatabase database)
        {
            using var command = database._writer.CreateCommand();
            command.CommandText = "SELECT MAX(sequence_number) FROM journal WHERE persistence_id = $id";
            command.Parameters.AddWithValue("$id", persistenceId);
            Result = command.ExecuteScalar() is long highest ? highest : 0;
        }
    }

    private sealed class Delete(string persistenceId, long toSequenceNr) : Operation
    {
        public override string PersistenceId => persistenceId;

        public override bool Writes => true;

        public override void Run(JournalDatabase database)
        {
            using var command = database._writer.CreateCommand();
            command.CommandText = """
                UPDATE journal SET deleted = 1 WHERE persistence_id = $id AND sequence_number <= $to AND deleted = 0;
                DELETE FROM journal WHERE persistence_id = $id AND deleted = 1
                    AND sequence_number < (SELECT MAX(sequence_number) FROM journal WHERE persistence_id = $id AND deleted = 1);
                """;
            command.Parameters.AddWithValue("$id", persistenceId);
            command.Parameters.AddWithValue("$to", toSequenceNr);
            command.ExecuteNonQuery();
        }
    }
}
