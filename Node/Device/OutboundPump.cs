using Mesh.Actors.Device;
using Mesh.Protocol.Filter;
using Mesh.Protocol.Routing;
using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;

namespace Mesh.Node.Device;

/// <summary>
/// Carries packets from the device to the peers: reads a batch, finds each packet's peer, filters, seals in place, sends. Owned by one thread;
/// allocates nothing per packet. A packet without a session is held, and the peer's actor is told once.
/// </summary>
sealed class OutboundPump
{
    /// <summary>Packets in one batch: as many as one segmented send takes.</summary>
    public const int BatchSize = 64;

    readonly DataPlane _plane;
    readonly ITunPort _tun;
    readonly IDatagramSender _sender;
    readonly PacketBatch _batch;
    readonly HeldPacketPool _held;
    readonly OutgoingDatagram[] _datagrams = new OutgoingDatagram[BatchSize];
    readonly PeerSlot[] _owners = new PeerSlot[BatchSize];
    readonly HeldPacket?[] _lent = new HeldPacket?[BatchSize];
    readonly bool[] _failed = new bool[BatchSize];
    readonly int _mtu;
    int _count;

    public OutboundPump(DataPlane plane, ITunPort tun, IDatagramSender sender)
    {
        _plane = plane;
        _tun = tun;
        _sender = sender;
        _mtu = plane.Mtu;
        _batch = new PacketBatch(BatchSize, _mtu);
        _held = new HeldPacketPool(DataPlane.MaxHeldPackets, PacketBatch.Headroom + _mtu + PacketBatch.Tailroom);
    }

    /// <summary>Carries one batch, after held packets whose session has come.</summary>
    /// <param name="errno">0, or what ended the device.</param>
    /// <returns>Whether there was anything to do.</returns>
    public bool RunOnce(out int errno)
    {
        var released = Release();
        _batch.Clear();
        errno = _tun.Read(_batch);
        if (_batch.Count == 0)
            return released;
        var now = _plane.Clock.Now;
        var routes = _plane.Routes;
        for (var i = 0; i < _batch.Count; i++)
            Carry(i, routes, now);
        Flush();
        return true;
    }

    void Carry(int index, RouteSnapshot routes, Instant now)
    {
        var packet = _batch.Packet(index);
        if (IpPacket.TryRead(packet, out var inner) != IpPacketError.None)
        {
            _plane.Drops.Count(DropReason.InnerPacket);
            return;
        }

        var length = inner.TotalLength;
        if (routes.Find(inner.Destination) is not { } slot)
        {
            _plane.Drops.Count(DropReason.NoRoute);
            return;
        }

        var verdict = _plane.Filter.Outbound(inner.Bytes, slot.Number, slot.Rules, now);
        if (verdict != FilterVerdict.Pass)
        {
            _plane.Drops.Count(FilterDrops.Reason(verdict));
            return;
        }

        if (slot.SocketEndpoint is not { } endpoint)
        {
            _plane.Drops.Count(DropReason.NoEndpoint);
            return;
        }

        if (slot.HasHeld && slot.Session is not null)
        {
            // Packets held before this one go first.
            Flush();
            Release(slot, now);
        }

        if (slot.Session is not { } session)
        {
            Hold(slot, inner.Bytes);
            return;
        }

        var sealing = session.Seal(_batch.Slot(index), length, _mtu, now);
        switch (sealing.Drop)
        {
            case DropReason.None:
                Queue(new OutgoingDatagram(_batch.Reference(index, sealing.Length), endpoint), slot, null);
                break;
            case DropReason.SessionExpired or DropReason.SessionRetired:
                Hold(slot, inner.Bytes);
                break;
            default:
                _plane.Drops.Count(sealing.Drop);
                break;
        }

        if (sealing.Signals != SessionSignals.None)
            slot.Signal(session, sealing.Signals);
    }

    void Hold(PeerSlot slot, ReadOnlySpan<byte> packet)
    {
        if (_held.Rent() is not { } held)
        {
            _plane.Drops.Count(DropReason.StagingOverflow);
            return;
        }

        held.Set(packet);
        if (slot.Held.Add(held, out var displaced))
        {
            _held.Return(displaced!);
            _plane.Drops.Count(DropReason.StagingOverflow);
        }

        if (slot.HasHeld)
            return;
        slot.HasHeld = true;
        slot.Signal(PeerSignals.SessionWanted);
    }

    bool Release()
    {
        var any = false;
        while (_plane.TryTakeRelease(out var slot))
        {
            slot.BeginRelease();
            Release(slot, _plane.Clock.Now);
            any = true;
        }

        return any;
    }

    void Release(PeerSlot slot, Instant now)
    {
        var reason = slot.DiscardReason;
        if (reason != DropReason.None)
        {
            slot.DiscardReason = DropReason.None;
            while (slot.Held.TryTake(out var dropped))
            {
                _held.Return(dropped);
                _plane.Drops.Count(reason);
            }

            slot.HasHeld = false;
            return;
        }

        if (slot.Session is not { } session || slot.SocketEndpoint is not { } endpoint)
            return;
        slot.HasHeld = false;
        while (slot.Held.TryTake(out var held))
        {
            var sealing = session.Seal(held.Slot, held.Length, _mtu, now);
            if (sealing.Drop != DropReason.None)
            {
                _held.Return(held);
                _plane.Drops.Count(sealing.Drop);
                continue;
            }

            Queue(new OutgoingDatagram(held.Reference(sealing.Length), endpoint), slot, held);
            if (sealing.Signals != SessionSignals.None)
                slot.Signal(session, sealing.Signals);
        }

        Flush();
    }

    void Queue(OutgoingDatagram datagram, PeerSlot owner, HeldPacket? lent)
    {
        if (_count == BatchSize)
            Flush();
        _datagrams[_count] = datagram;
        _owners[_count] = owner;
        _lent[_count++] = lent;
    }

    void Flush()
    {
        if (_count == 0)
            return;
        var failures = _sender.Send(_datagrams.AsSpan(0, _count), _failed);
        if (failures > 0)
            _plane.Drops.Count(DropReason.Io, failures);
        for (var i = 0; i < _count; i++)
        {
            if (!_failed[i])
            {
                ref var sent = ref _owners[i].Sent;
                // Handshake messages are counted by other threads, a few times a minute; a plain add would lose those.
                Interlocked.Add(ref sent.Bytes, _datagrams[i].Data.Length);
                Volatile.Write(ref sent.Packets, sent.Packets + 1);
            }

            if (_lent[i] is { } held)
                _held.Return(held);
            _lent[i] = null;
        }

        _count = 0;
    }
}
