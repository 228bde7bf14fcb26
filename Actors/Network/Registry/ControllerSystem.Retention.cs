using Mesh.Actors.Events;
using Mesh.Actors.Projection;
using Mesh.Actors.Retention;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Registry;

/// <summary>Is what was pruned, or would be.</summary>
/// <param name="Entities">How many credentials, nodes and tokens.</param>
/// <param name="Events">How many events of theirs lost their content.</param>
public sealed record PruneReport(int Entities, long Events);

public sealed partial class ControllerSystem
{
    readonly SemaphoreSlim _pruneTurn = new(1);

    /// <summary>
    /// Forgets the credentials, nodes and tokens of which nothing happened since a moment and that had ended by then: their events lose their
    /// content for good, and keep place and hash. Reads the whole journal. Carried out in pieces: what is left undone by a failure is done by
    /// the next call.
    /// </summary>
    /// <param name="before">The moment, at least <see cref="NetworkState.ShortestRetention"/> ago.</param>
    /// <param name="dryRun">Only say what would be done.</param>
    /// <param name="cause">Who and which command.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<Outcome<PruneReport>> PruneAsync(WallTime before, bool dryRun, Cause cause, CancellationToken cancellationToken = default)
    {
        if (_pruning is null)
            return new Refusal(RefusalKind.Conflict, "no-pruning", "this journal cannot be pruned");
        if (NetworkState.TooRecent(before, _clock.Now) is { } tooRecent)
            return tooRecent;
        await _pruneTurn.WaitAsync(cancellationToken);
        try
        {
            var plan = new RetentionPlan(before);
            var read = await ReadOnAsync(plan, 0, cancellationToken);
            var ended = plan.Ended((await ViewAsync(read, cancellationToken)).WithoutEnded(before));
            if (dryRun || ended.Count == 0)
                return Report(ended);
            if (await DecideAsync(_singletons, "network", new PruneHistory(cause, before)) is { } refusal)
                return refusal;
            // Who came back between the reading and the decision stays.
            read = await ReadOnAsync(plan, read, cancellationToken);
            ended = plan.Ended((await ViewAsync(read, cancellationToken)).WithoutEnded(before));
            await _pruning.PruneAsync([.. ended.Keys], read);
            return Report(ended);
        }
#pragma warning disable CA1031 // Whatever the database throws: what is decided is decided, and the rest is done the next time.
        catch (Exception failure) when (failure is not OperationCanceledException)
#pragma warning restore CA1031
        {
            return new Refusal(RefusalKind.Unavailable, "unfinished", $"not everything was pruned: {failure.Message}: try again");
        }
        finally
        {
            _pruneTurn.Release();
        }
    }

    static PruneReport Report(IReadOnlyDictionary<string, int> ended) => new(ended.Count, ended.Values.Sum(events => (long)events));

    async Task<NetworkView> ViewAsync(long revision, CancellationToken cancellationToken) =>
        (await _feed.WaitAsync(view => view.Revision >= revision, Timeout.InfiniteTimeSpan, cancellationToken))!;

    async Task<long> ReadOnAsync(RetentionPlan plan, long after, CancellationToken cancellationToken)
    {
        while (true)
        {
            var events = await _journal.ReadAsync(after, _options.TailBatch, cancellationToken);
            foreach (var journaled in events)
            {
                plan.Take(journaled, NetworkEvents.Read(journaled));
                after = journaled.Ordering;
            }
            if (events.Count < _options.TailBatch)
                return after;
        }
    }
}
