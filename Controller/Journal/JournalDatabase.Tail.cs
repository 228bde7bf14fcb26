using Mesh.Actors.Ports;

namespace Mesh.Controller.Journal;

internal abstract partial class JournalDatabase : IJournalTail, IJournalPruning
{
    /// <summary>How often a waiting reader looks for what another process wrote; this process's own commits wake it at once.</summary>
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(500);

    private long _highestOrdering;
    private TaskCompletionSource _advanced = NewSignal();

    /// <inheritdoc/>
    public abstract ValueTask<IReadOnlyList<JournalEvent>> ReadAsync(long afterOrdering, int limit, CancellationToken cancellationToken);

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
        var highest = await ReadHighestOrderingAsync(cancellationToken).ConfigureAwait(false);
        Committed(highest);
        return highest;
    }

    /// <summary>Reads the highest ordering of an event, deleted ones left out; 0 when there is none.</summary>
    protected abstract Task<long> ReadHighestOrderingAsync(CancellationToken cancellationToken);

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
