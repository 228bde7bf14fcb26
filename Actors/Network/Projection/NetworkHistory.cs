using Mesh.Actors.Events;
using Mesh.Actors.Persistence;
using Mesh.Actors.Ports;
using Mesh.Actors.Registry;
using Mesh.Actors.Retention;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Projection;

/// <summary>Names a moment in the life of a network.</summary>
public abstract record Moment
{
    Moment() { }

    /// <summary>Is the moment right after a revision: that event and all before it count.</summary>
    public sealed record AtRevision(long Revision) : Moment;

    /// <summary>
    /// Is a time. Counted is everything up to the last event, in the order of commits, that was decided at that time or before. Where the
    /// clocks of two controllers differ, an event that carries a later time may come before one that carries an earlier: the order of
    /// commits is what nodes were told in, so both count.
    /// </summary>
    public sealed record AtTime(WallTime Time) : Moment;
}

/// <summary>Is the network as it was.</summary>
/// <param name="View">The projection as it was then; its revision is that of the last event that counts.</param>
/// <param name="Time">The time that was asked for; for a revision the one at which it was decided.</param>
public sealed record PastView(NetworkView View, WallTime Time)
{
    /// <summary>Gets how many of the events up to then have lost their content: of whom they told nothing is shown.</summary>
    public long Pruned { get; init; }
}

/// <summary>
/// Answers what was true at a moment by folding the journal up to it. Costs a reading of the journal, so only a few are done at once.
/// Safe for concurrent use.
/// </summary>
public sealed class NetworkHistory(IJournalTail journal)
{
    /// <summary>How many may be under way.</summary>
    public const int MostAtOnce = 4;

    const int Batch = 1000;

    int _underWay;

    /// <summary>Folds the journal; refused where there was no network yet, or no such revision, or too many are asking.</summary>
    public async Task<Outcome<PastView>> AtAsync(Moment moment, CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref _underWay) > MostAtOnce)
        {
            Interlocked.Decrement(ref _underWay);
            return new Refusal(RefusalKind.Unavailable, "busy", $"{MostAtOnce} questions about the past are being answered: try again");
        }
        try
        {
            return await FoldAsync(moment, cancellationToken);
        }
        catch (Exception unknown) when (unknown is UnknownEventException or InvalidDataException)
        {
            return new Refusal(RefusalKind.Conflict, "unreadable", $"the journal cannot be read back: {unknown.Message}");
        }
        finally
        {
            Interlocked.Decrement(ref _underWay);
        }
    }

    async Task<Outcome<PastView>> FoldAsync(Moment moment, CancellationToken cancellationToken)
    {
        var (view, then) = (NetworkView.Empty, NetworkView.Empty);
        var (pruned, lost) = (PrunedEntities.None, 0L);
        WallTime? first = null;
        WallTime decided = default;
        while (true)
        {
            var events = await journal.ReadAsync(view.Revision, Batch, cancellationToken);
            foreach (var journaled in events)
            {
                var happened = NetworkEvents.Read(journaled);
                pruned = pruned.Apply(journaled, happened, view);
                first ??= happened.At;
                if (moment is Moment.AtRevision(var last) && journaled.Ordering > last)
                    return Found(moment, then, decided, first, lost);
                view = view.Apply(journaled.Ordering, happened).View;
                // A later event may still carry an earlier time, so the whole journal is looked at.
                if (moment is not Moment.AtTime(var time) || happened.At <= time)
                    (then, decided, lost) = (view, happened.At, pruned.Events);
            }
            if (events.Count < Batch)
                return Found(moment, then, decided, first, lost);
        }
    }

    static Outcome<PastView> Found(Moment moment, NetworkView then, WallTime decided, WallTime? first, long lost) => moment switch
    {
        _ when then.Network is null => new Refusal(
            RefusalKind.NotFound, "no-network", first is { } began ? $"there was no network then: it was made {began}" : "there is no network yet"),
        Moment.AtTime(var time) => new PastView(then, time) { Pruned = lost },
        Moment.AtRevision(var revision) when then.Revision != revision => new Refusal(
            RefusalKind.NotFound, "no-revision", $"there is no revision {revision}: the one before it is {then.Revision}"),
        _ => new PastView(then, decided) { Pruned = lost },
    };
}
