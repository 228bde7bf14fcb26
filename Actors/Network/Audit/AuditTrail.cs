using Mesh.Protocol.Audit;

namespace Mesh.Actors.Audit;

/// <summary>
/// Remembers where the chain stood as this controller followed the journal: the newest heads, and every so many events one, so that any
/// other is computed from few events. Some 50 bytes for every <see cref="Spacing"/> events. Safe for concurrent use.
/// </summary>
public sealed class AuditTrail
{
    /// <summary>How many events lie between two heads that are kept for ever.</summary>
    public const int Spacing = 256;

    const int Newest = 1024;

    readonly Lock _gate = new();
    readonly List<AuditHead> _checkpoints = [AuditHead.Empty];
    readonly AuditHead[] _newest = new AuditHead[Newest];
    AuditHead _tip = AuditHead.Empty;
    long _oldest = 1;

    /// <summary>Gets the newest head.</summary>
    public AuditHead Tip
    {
        get
        {
            lock (_gate)
                return _tip;
        }
    }

    /// <summary>Finds the head after the event at an ordering, where it is remembered.</summary>
    public AuditHead? Find(long ordering)
    {
        lock (_gate)
        {
            if (Nearest(ordering) is var nearest && nearest.Ordering == ordering)
                return nearest;
            // The newest are in a ring by their number: their orderings grow with it.
            var (low, high) = (Math.Max(_oldest, _tip.Count - Newest + 1), _tip.Count);
            while (low <= high)
            {
                var middle = low + (high - low) / 2;
                var head = _newest[middle % Newest];
                if (head.Ordering == ordering)
                    return head;
                (low, high) = head.Ordering < ordering ? (middle + 1, high) : (low, middle - 1);
            }
            return null;
        }
    }

    /// <summary>Gets the last kept head that is not beyond an ordering: from there it is at most <see cref="Spacing"/> events.</summary>
    public AuditHead Before(long ordering)
    {
        lock (_gate)
            return Nearest(ordering);
    }

    internal void Add(AuditHead head)
    {
        lock (_gate)
        {
            // A follower that was restarted comes by here again.
            if (head.Count <= _tip.Count)
                return;
            var follows = head.Count == _tip.Count + 1;
            if (!follows)
                _oldest = head.Count;
            _tip = head;
            _newest[head.Count % Newest] = head;
            if (head.Count % Spacing == 0 || !follows)
                _checkpoints.Add(head);
        }
    }

    AuditHead Nearest(long ordering)
    {
        var (low, high) = (0, _checkpoints.Count - 1);
        while (low < high)
        {
            var middle = low + (high - low + 1) / 2;
            (low, high) = _checkpoints[middle].Ordering <= ordering ? (middle, high) : (low, middle - 1);
        }
        return _checkpoints[low];
    }
}
