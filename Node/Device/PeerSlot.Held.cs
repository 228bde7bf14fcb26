using Mesh.Protocol.Tunnel;

namespace Mesh.Node.Device;

// Packets held while there is no session, one lane for each sending thread.
sealed partial class PeerSlot
{
    readonly HeldLane?[] _lanes;
    int _releasesQueued;

    /// <summary>The lane of a sending thread; null while it never held anything.</summary>
    public HeldLane? Lane(int number) => Volatile.Read(ref _lanes[number]);

    /// <summary>The lane of a sending thread, made when there is none; of that thread.</summary>
    public HeldLane LaneForHolding(int number)
    {
        if (_lanes[number] is { } lane)
            return lane;
        lane = new HeldLane();
        Volatile.Write(ref _lanes[number], lane);
        return lane;
    }

    /// <summary>Claims the one place that the peer has in the release queue of a sending thread.</summary>
    public bool TryQueueRelease(int number) => (Interlocked.Or(ref _releasesQueued, 1 << number) & 1 << number) == 0;

    /// <summary>Called when the peer was taken from that queue, before it is looked at.</summary>
    public void BeginRelease(int number) => Interlocked.And(ref _releasesQueued, ~(1 << number));

    /// <inheritdoc/>
    public void DropHeld(DropReason reason)
    {
        for (var i = 0; i < _lanes.Length; i++)
        {
            if (Lane(i) is { } lane)
                lane.DiscardReason = reason;
        }

        _plane.RequestRelease(this);
    }

    bool HasHeld
    {
        get
        {
            for (var i = 0; i < _lanes.Length; i++)
            {
                if (Lane(i) is { HasHeld: true })
                    return true;
            }

            return false;
        }
    }
}
