using System.Collections.Concurrent;

namespace Mesh.Controller.Journal;

internal abstract partial class JournalDatabase
{
    /// <summary>How many operations share one transaction, and so one flush.</summary>
    private const int GroupLimit = 256;

    private readonly BlockingCollection<Operation> _operations = [];

    /// <summary>
    /// Stores all rows or none. Fails with <see cref="JournalConflictException"/> when a row's sequence number does not follow the highest that
    /// its id ever had: whoever wrote behind that had not seen it. Fails with <see cref="JournalWriteException"/> when the database refuses; a
    /// failure of one caller never fails another.
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

    /// <inheritdoc/>
    public async Task PruneAsync(IReadOnlyCollection<string> persistenceIds, long upTo)
    {
        await Task.WhenAll(persistenceIds.Select(id => EnqueueAsync(new Prune(id, upTo)))).ConfigureAwait(false);
        await EnqueueAsync(new Compact()).ConfigureAwait(false);
    }

    /// <summary>
    /// Fills an empty journal with rows, orderings and all: either all of them are stored or, with the exception that reading them threw or a
    /// <see cref="JournalNotEmptyException"/>, none.
    /// </summary>
    public Task ImportAsync(IEnumerable<StoredRow> rows) => EnqueueAsync(new Import(rows));

    /// <summary>
    /// Carries a group out, all of it or nothing, but for those of its members that get a <see cref="Operation.Refusal"/>. Returns null, or why
    /// nothing was done. Runs on the writer's thread.
    /// </summary>
    protected abstract Exception? TryCommit(IReadOnlyList<Operation> group);

    /// <summary>Whether the members of a group that failed so are to be tried one by one: not when it fails each of them for sure.</summary>
    protected virtual bool IsWorthTryingAlone(Exception failure) => true;

    /// <summary>Whether an operation may be in a group with the one before it. What can be read only once is never tried again, so it is alone.</summary>
    protected virtual bool MayShare(Operation before, Operation next) => before is not (Import or Compact) && next is not (Import or Compact);

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
        Operation? left = null;
        while (left is not null || _operations.TryTake(out left, Timeout.Infinite))
        {
            group.Clear();
            group.Add(left);
            left = null;
            while (left is null && group.Count < GroupLimit && _operations.TryTake(out var next))
            {
                if (MayShare(group[^1], next))
                    group.Add(next);
                else
                    left = next;
            }

            var failure = TryCommit(group);
            if (failure is null)
                group.ForEach(Finish);
            else if (group.Count == 1 || !IsWorthTryingAlone(failure))
                group.ForEach(operation => operation.Done.SetException(failure));
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
                Finish(operation);
        }
    }

    private void Finish(Operation operation)
    {
        if (operation.Refusal is { } refusal)
        {
            operation.Done.SetException(refusal);
            return;
        }

        if (operation is Append { Ordering: > 0 } append)
            Committed(append.Ordering);
        operation.Done.SetResult();
    }

    /// <summary>Something to be done by the writer's thread, and who waits for it.</summary>
    protected abstract class Operation(string persistenceId)
    {
        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public string PersistenceId { get; } = persistenceId;

        /// <summary>Why nothing came of this one, where the rest of its group was carried out.</summary>
        public Exception? Refusal { get; set; }
    }

    /// <summary>Stores rows, all of one id.</summary>
    protected sealed class Append(IReadOnlyList<JournalRow> rows) : Operation(rows.Count > 0 ? rows[0].PersistenceId : "")
    {
        public IReadOnlyList<JournalRow> Rows { get; } = rows;

        /// <summary>The ordering of the last event, 0 while there is none: whoever follows the journal is not woken for spent numbers.</summary>
        public long Ordering { get; set; }
    }

    /// <summary>Fills an empty journal.</summary>
    protected sealed class Import(IEnumerable<StoredRow> rows) : Operation("")
    {
        public IEnumerable<StoredRow> Rows { get; } = rows;
    }

    /// <summary>Reads the highest number of an id.</summary>
    protected sealed class HighestSequenceNr(string persistenceId) : Operation(persistenceId)
    {
        public long Result { get; set; }
    }

    /// <summary>Leaves of the events of an id, up to an ordering, the hashes of their content.</summary>
    protected sealed class Prune(string persistenceId, long upTo) : Operation(persistenceId)
    {
        public long UpTo { get; } = upTo;
    }

    /// <summary>Makes sure that nothing lies about in the files that is no longer in the tables, where the database does not see to that itself.</summary>
    protected sealed class Compact() : Operation("");

    /// <summary>Deletes the events of an id up to a number.</summary>
    protected sealed class Delete(string persistenceId, long toSequenceNr) : Operation(persistenceId)
    {
        public long ToSequenceNr { get; } = toSequenceNr;
    }
}
