using Mesh.Actors.Ports;

namespace Mesh.Controller.Journal;

internal sealed partial class JournalDatabase : IJournalTail
{
    /// <summary>How often a waiting reader looks for what another process wrote; this process's own commits wake it at once.</summary>
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(500);

    // Of what ReadAsync returns: one that is not would be waited for no longer, and looked for over and over.
    private const string Highest = "SELECT ordering FROM journal WHERE deleted = 0 ORDER BY ordering DESC LIMIT 1";

    private long _highestOrdering;
    private TaskCompletionSource _advanced = NewSignal();

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<JournalEvent>> ReadAsync(long afterOrdering, int limit, CancellationToken cancellationToken) =>
        await Task.Run(() => WithReader(reader => ReadEvents(reader, afterOrdering, limit)), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask WaitAsync(long afterOrdering, TimeSpan atMost, CancellationToken cancellationToken)
    {
        var deadline = TimeProvider.System.GetTimestamp() + (long)(atMost.TotalSeconds * TimeProvider.System.TimestampFrequency);
        while (!_disposed)
        {
            // The signal is taken before the look, so that a commit between the two is not missed.
            var advanced = Volatile.Read(ref _advanced).Task;
            if (Volatile.Read(ref _highestOrdering) > afterOrdering)
                return;
            var left = TimeSpan.FromSeconds((deadline - TimeProvider.System.GetTimestamp()) / (double)TimeProvider.System.TimestampFrequency);
            if (left <= TimeSpan.Zero)
                return;
            try
            {
                await advanced.WaitAsync(left < PollInterval ? left : PollInterval, cancellationToken).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                await HighestOrderingAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask<long> HighestOrderingAsync(CancellationToken cancellationToken)
    {
        var highest = await Task.Run(() => WithReader(reader => reader.Scalar(Highest)), cancellationToken)
            .ConfigureAwait(false);
        Committed(highest);
        return highest;
    }

    private static List<JournalEvent> ReadEvents(Microsoft.Data.Sqlite.SqliteConnection reader, long afterOrdering, int limit)
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

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Committed(long ordering)
    {
        var seen = Volatile.Read(ref _highestOrdering);
        while (ordering > seen)
        {
            var previous = Interlocked.CompareExchange(ref _highestOrdering, ordering, seen);
            if (previous == seen)
            {
                Signal();
                return;
            }

            seen = previous;
        }
    }

    private void Signal() => Interlocked.Exchange(ref _advanced, NewSignal()).TrySetResult();
}
