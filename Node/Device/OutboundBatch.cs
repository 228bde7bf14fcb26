using System.Diagnostics.CodeAnalysis;
using Mesh.Protocol.Tunnel;

namespace Mesh.Node.Device;

/// <summary>
/// Sealed runs that wait to be sent, grouped by peer when they are: peers with little to send go first, so that nobody's few packets wait
/// behind another's bulk; order within a peer is kept. Owned by one thread; allocates nothing.
/// </summary>
sealed class OutboundBatch
{
    // What a peer may have in a batch to be sent before the others: some packets, no bulk.
    const int Little = 4096;

    readonly DataPlane _plane;
    readonly DatagramRun[] _runs;
    readonly PeerSlot?[] _slots;
    readonly SocketEndpoint[] _endpoints;
    readonly HeldPacket?[] _lent;
    readonly DatagramRun[] _group;
    readonly Stack<HeldPacket> _spent;
    int _count;

    public OutboundBatch(DataPlane plane, int capacity)
    {
        _plane = plane;
        _runs = new DatagramRun[capacity];
        _slots = new PeerSlot?[capacity];
        _endpoints = new SocketEndpoint[capacity];
        _lent = new HeldPacket?[capacity];
        _group = new DatagramRun[capacity];
        _spent = new Stack<HeldPacket>(capacity);
    }

    /// <summary>What sends.</summary>
    public IDatagramSender? Sender { get; set; }

    /// <summary>Whether no further run fits.</summary>
    public bool IsFull => _count == _runs.Length;

    /// <summary>Adds a run; its memory must stay as it is until <see cref="Flush"/>.</summary>
    public void Add(in DatagramRun run, PeerSlot slot, SocketEndpoint endpoint, HeldPacket? lent)
    {
        (_runs[_count], _slots[_count], _endpoints[_count], _lent[_count]) = (run, slot, endpoint, lent);
        _count++;
    }

    /// <summary>Sends everything.</summary>
    public void Flush()
    {
        if (_count == 0)
            return;
        if (_count == 1 || IsOnePeer())
            SendGroup(0, int.MaxValue);
        else
        {
            SendSome(Little);
            SendSome(int.MaxValue);
        }

        for (var i = 0; i < _count; i++)
        {
            if (_lent[i] is { } held)
                _spent.Push(held);
            (_lent[i], _slots[i]) = (null, null);
        }

        _count = 0;
    }

    /// <summary>Takes back a lent packet that was sent.</summary>
    public bool TryTakeSpent([NotNullWhen(true)] out HeldPacket? held) => _spent.TryPop(out held);

    bool IsOnePeer()
    {
        for (var i = 1; i < _count; i++)
        {
            if (!ReferenceEquals(_slots[i], _slots[0]))
                return false;
        }

        return true;
    }

    void SendSome(int most)
    {
        for (var i = 0; i < _count; i++)
        {
            if (_slots[i] is not null)
                SendGroup(i, most);
        }
    }

    // Sends what the peer of one run has in the batch, unless it is more than the given bytes.
    void SendGroup(int first, int most)
    {
        var slot = _slots[first]!;
        var (count, bytes, packets) = (0, 0, 0);
        for (var i = first; i < _count; i++)
        {
            if (!ReferenceEquals(_slots[i], slot))
                continue;
            _group[count++] = _runs[i];
            bytes += _runs[i].Bytes;
            packets += _runs[i].Count;
        }

        if (bytes > most)
            return;
        // A peer that moved within the batch is followed from its next packets on.
        var endpoint = _endpoints[first];
        for (var i = first; i < _count; i++)
        {
            if (ReferenceEquals(_slots[i], slot))
                _slots[i] = null;
        }

        var result = Sender!.Send(_group.AsSpan(0, count), endpoint);
        Interlocked.Add(ref slot.Sent.Bytes, bytes - result.RefusedBytes);
        Interlocked.Add(ref slot.Sent.Packets, packets - result.Refused);
        if (result.Refused > 0)
            _plane.Drops.Count(DropReason.Io, result.Refused);
        if (result.TooLong)
            _plane.LearnPathMtu(slot, endpoint);
    }
}
