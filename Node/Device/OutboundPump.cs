using Mesh.Actors.Device;
using Mesh.Protocol.Filter;
using Mesh.Protocol.Routing;
using Mesh.Protocol.Segmentation;
using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;

namespace Mesh.Node.Device;

/// <summary>
/// Carries packets from one queue of the device to the peers: reads what waits, finds each packet's peer, filters, splits it to what fits the
/// wire, seals in place, sends. Owned by one thread; allocates nothing per packet. A packet without a session is held, and the peer's actor
/// is told once.
/// </summary>
/// <remarks>
/// A packet of 64 KiB from the stack is routed and filtered once, split where it lies, and leaves as one segmented send. Reading stops at
/// <see cref="EnoughBytes"/>, so that the far side opens one batch while this side seals the next.
/// </remarks>
sealed class OutboundPump
{
    // Transport header before a packet; padding and tag behind it.
    const int Headroom = TransportMessage.HeaderSize;
    const int Tailroom = TransportMessage.TagSize + TunnelSpecification.PaddingMultiple;
    const int EnoughBytes = 48 * 1024;
    const int MaxPackets = 128;
    const int ArenaSize = 192 * 1024;
    const int RoomForOne = Headroom + ITunPort.MaxPacket + Tailroom;

    readonly DataPlane _plane;
    readonly ITunPort _tun;
    readonly ReleaseQueue _releases;
    readonly PinnedMemory _arena = new(ArenaSize);
    readonly OutboundBatch _batch;
    readonly HeldPacketPool _held;
    readonly byte[] _notice = new byte[PacketTooBig.MaxLength];
    int _mtu;
    int _used;

    public OutboundPump(DataPlane plane, ITunPort tun, ReleaseQueue releases)
    {
        (_plane, _tun, _releases) = (plane, tun, releases);
        _batch = new OutboundBatch(plane, MaxPackets);
        _held = new HeldPacketPool(DataPlane.MaxHeldPackets / plane.Lanes, Headroom, Tailroom);
    }

    /// <summary>Sends by these sockets from now on; set while the pump stands still.</summary>
    public IDatagramSender Sender { set => _batch.Sender = value; }

    /// <summary>Carries what waits, up to one batch, after held packets whose session has come.</summary>
    /// <param name="errno">0, or what ended the device.</param>
    /// <returns>Whether there was anything to do.</returns>
    public bool RunOnce(out int errno)
    {
        errno = 0;
        _mtu = _plane.Mtu;
        var any = Release();
        var now = _plane.Clock.Now;
        var routes = _plane.Routes;
        _used = 0;
        while (_used < EnoughBytes && !_batch.IsFull && ArenaSize - _used >= RoomForOne)
        {
            var length = _tun.Read(_arena.Start + _used + Headroom, out var header);
            if (length <= 0)
            {
                errno = -length;
                break;
            }

            any = true;
            Carry(length, header, routes, now);
        }

        _batch.Flush();
        return any;
    }

    void Carry(int length, in VirtioHeader header, RouteSnapshot routes, Instant now)
    {
        var room = _arena.From(_used);
        if (IpPacket.TryRead(room.Slice(Headroom, length), out var inner) != IpPacketError.None)
        {
            _plane.Drops.Count(DropReason.InnerPacket);
            return;
        }

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

        if (PacketSplitter.TryPlan(inner.Bytes, header, out var plan) != SplitError.None)
        {
            _plane.Drops.Count(DropReason.InnerPacket);
            return;
        }

        var mtu = slot.InnerMtu(_mtu, now);
        if (mtu < _mtu && !Narrow(room.Slice(Headroom, inner.TotalLength), inner.Destination, plan, mtu))
            return;
        var stride = TransportMessage.Overhead + TransportMessage.PaddedLength(plan.SegmentLength, mtu);
        if (stride * plan.SegmentCount + Tailroom > room.Length)
        {
            _plane.Drops.Count(DropReason.InnerPacket);
            return;
        }

        plan.Expand(room, Headroom, stride);
        // Only now has the packet a whole checksum to correct; a SYN is one segment.
        if (mtu < _mtu)
            TcpMss.Clamp(room.Slice(Headroom, plan.LengthOf(0)), mtu);
        var lane = slot.Lane(_releases.Number);
        if (lane is { HasHeld: true } && slot.Session is not null)
        {
            // Packets held before this one go first.
            _batch.Flush();
            Release(slot, lane, now);
        }

        if (slot.Session is { } session)
        {
            var sealing = session.SealRun(room, stride, plan.SegmentCount, plan.SegmentLength, plan.LastLength, mtu, now);
            if (sealing.Signals != SessionSignals.None)
                slot.Signal(session, sealing.Signals);
            if (sealing.Drop == DropReason.None)
            {
                var last = sealing.Length - stride * (plan.SegmentCount - 1);
                _batch.Add(new DatagramRun(_arena.Start + _used, stride, plan.SegmentCount, last), slot, endpoint, null);
                // What is sent next starts on a cache line of its own.
                _used += (stride * plan.SegmentCount + Tailroom + 63) & ~63;
                return;
            }

            if (sealing.Drop is not (DropReason.SessionExpired or DropReason.SessionRetired))
            {
                _plane.Drops.Count(sealing.Drop, plan.SegmentCount);
                return;
            }
        }

        for (var i = 0; i < plan.SegmentCount; i++)
            Hold(slot, room.Slice(i * stride + Headroom, plan.LengthOf(i)));
    }

    // Makes a packet fit a path that is narrower than the device. False: it does not, and its sender was told.
    bool Narrow(Span<byte> packet, ReadOnlySpan<byte> destination, in SplitPlan plan, int mtu)
    {
        // An IPv4 packet without DF goes in outer fragments: its sender does not look for the path's MTU. So does what every IPv6 link must
        // carry (RFC 8200, section 5): nobody sends less for being told.
        const int dontFragment = 0x40, minimumMtu6 = 1280;
        if (destination.Length == 16)
            mtu = Math.Max(mtu, minimumMtu6);
        if (plan.SegmentLength <= mtu || (destination.Length == 4 && (packet[6] & dontFragment) == 0))
            return true;
        // The peer speaks: a message from an address of our own would be taken for a forged one.
        var length = PacketTooBig.Write(packet, destination, mtu, _notice);
        if (length > 0)
            _tun.TryWrite(_notice.AsSpan(0, length));
        _plane.Drops.Count(DropReason.TooBig, plan.SegmentCount);
        return false;
    }

    void Hold(PeerSlot slot, ReadOnlySpan<byte> packet)
    {
        if (_held.Rent(packet) is not { } held)
        {
            _plane.Drops.Count(DropReason.StagingOverflow);
            return;
        }

        var lane = slot.LaneForHolding(_releases.Number);
        if (lane.Held.Add(held, out var displaced))
        {
            _held.Return(displaced!);
            _plane.Drops.Count(DropReason.StagingOverflow);
        }

        if (lane.HasHeld)
            return;
        lane.HasHeld = true;
        slot.Signal(PeerSignals.SessionWanted);
    }

    bool Release()
    {
        var any = false;
        while (_releases.TryTake(out var slot))
        {
            slot.BeginRelease(_releases.Number);
            if (slot.Lane(_releases.Number) is { } lane)
                Release(slot, lane, _plane.Clock.Now);
            any = true;
        }

        return any;
    }

    void Release(PeerSlot slot, HeldLane lane, Instant now)
    {
        var reason = lane.DiscardReason;
        if (reason != DropReason.None)
        {
            lane.DiscardReason = DropReason.None;
            while (lane.Held.TryTake(out var dropped))
            {
                _held.Return(dropped);
                _plane.Drops.Count(reason);
            }

            lane.HasHeld = false;
            return;
        }

        if (slot.Session is not { } session || slot.SocketEndpoint is not { } endpoint)
            return;
        lane.HasHeld = false;
        while (lane.Held.TryTake(out var held))
        {
            var sealing = session.Seal(held.Slot, held.Length, _mtu, now);
            if (sealing.Drop != DropReason.None)
            {
                _held.Return(held);
                _plane.Drops.Count(sealing.Drop);
                continue;
            }

            if (_batch.IsFull)
                _batch.Flush();
            _batch.Add(new DatagramRun(held.Start, sealing.Length, 1, sealing.Length), slot, endpoint, held);
            if (sealing.Signals != SessionSignals.None)
                slot.Signal(session, sealing.Signals);
        }

        _batch.Flush();
        while (_batch.TryTakeSpent(out var spent))
            _held.Return(spent);
    }
}
