using System.Diagnostics.CodeAnalysis;
using Mesh.Actors.Device;
using Mesh.Protocol.Filter;
using Mesh.Protocol.Routing;
using Mesh.Protocol.Segmentation;
using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;

namespace Mesh.Node.Device;

/// <summary>
/// Carries datagrams from one queue of the network to the device: finds the session by its index, opens in place, follows the sender's endpoint,
/// checks source, destination and rules of the inner packet, merges what belongs together, writes it. Handshake messages go through the gate to
/// the worker or to the peer's actor. Owned by one thread; allocates nothing per packet.
/// </summary>
sealed class InboundPump
{
    const int Units = 64;

    // Under load a batch has this many handshake messages looked at, and their cookies sent; the others are dropped unread. So a flood of
    // them, however large, leaves the time to carry the packets of those who have a session.
    const int HandshakesUnderLoad = 8;

    const int MaxPackets = 256;

    readonly DataPlane _plane;
    readonly ITunPort _tun;
    readonly HandshakeWorker _worker;
    readonly ReceiveBatch _batch = new(Units);
    readonly PacketCoalescer _packets;

    // The packet that was let pass last: one that continues its flow needs no verdict of its own. Forgotten with the batch.
    PeerSlot? _lastSlot;
    int _handshakes;
    PacketRef _last;

    public InboundPump(DataPlane plane, ITunPort tun, HandshakeWorker worker)
    {
        (_plane, _tun, _worker) = (plane, tun, worker);
        _packets = new PacketCoalescer(MaxPackets, tun.Merges.Tcp, tun.Merges.Udp);
    }

    /// <summary>Receives by this port from now on; set while the pump stands still.</summary>
    public IDatagramPort? Datagrams { get; set; }

    /// <summary>Carries what waits on one descriptor, one batch.</summary>
    /// <param name="descriptor">One of the port's descriptors.</param>
    /// <param name="errno">0, or what ended the port.</param>
    /// <returns>Whether there was anything.</returns>
    public bool RunOnce(int descriptor, out int errno)
    {
        errno = Datagrams!.Receive(descriptor, _batch);
        if (_batch.Count == 0)
            return false;
        var now = _plane.Clock.Now;
        var routes = _plane.Routes;
        _handshakes = 0;
        for (var i = 0; i < _batch.Count; i++)
            CarryUnit(_batch.Unit(i), _batch.SegmentSize(i), _batch.Source(i), routes, now);
        Flush();
        return true;
    }

    void CarryUnit(PacketRef unit, int segment, in RawEndpoint source, RouteSnapshot routes, Instant now)
    {
        for (var at = 0; at < unit.Length;)
        {
            var message = new PacketRef(unit.Data + at, Math.Min(segment, unit.Length - at)).Span;
            if (TransportMessage.TryReadHeader(message, out var receiver, out _))
                at = CarrySession(unit, at, segment, receiver, source, routes, now);
            else
            {
                CarryHandshake(message, source, now);
                at += segment;
            }
        }
    }

    // Carries the transport messages of one session that follow each other in a unit; returns where the next message starts.
    int CarrySession(PacketRef unit, int at, int segment, SessionIndex index, in RawEndpoint source, RouteSnapshot routes, Instant now)
    {
        if (!_plane.Sessions.TryFind(index, out var entry) || entry.Session is not { } session)
        {
            _plane.Drops.Count(DropReason.UnknownSession);
            return at + segment;
        }

        var slot = entry.Peer;
        var (bytes, packets, signals) = (0L, 0L, SessionSignals.None);
        using (var opener = session.BeginOpening())
        {
            do
            {
                PacketRef datagram = new(unit.Data + at, Math.Min(segment, unit.Length - at));
                if (!TransportMessage.TryReadHeader(datagram.Span, out var receiver, out _) || receiver != index)
                    break;
                at += segment;
                var opening = opener.Open(datagram.Span, now);
                if (opening.Drop != DropReason.None || slot.Removed)
                {
                    _plane.Drops.Count(slot.Removed ? DropReason.Down : opening.Drop);
                    continue;
                }

                bytes += datagram.Length;
                signals |= opening.Signals;
                if (opening.Length > 0 && Carry(new PacketRef(datagram.Data + TransportMessage.HeaderSize, opening.Length), slot, routes, now))
                    packets++;
            }
            while (at < unit.Length);
        }

        if (bytes == 0)
            return at;
        slot.FollowEndpoint(source);
        Interlocked.Add(ref slot.Received.Bytes, bytes);
        Interlocked.Add(ref slot.Received.Packets, packets);
        if (signals != SessionSignals.None)
            slot.Signal(session, signals);
        return at;
    }

    // Whether a packet from a peer goes on to the device.
    bool Carry(PacketRef plaintext, PeerSlot slot, RouteSnapshot routes, Instant now)
    {
        if (IpPacket.TryRead(plaintext.Span, out var inner) != IpPacketError.None)
        {
            _plane.Drops.Count(DropReason.InnerPacket);
            return false;
        }

        PacketRef packet = new(plaintext.Data, inner.TotalLength);
        if (!ReferenceEquals(slot, _lastSlot) || !FlowRun.Continues(_last.Span, packet.Span))
        {
            var reason = Judge(inner, slot, routes, now);
            if (reason != DropReason.None)
            {
                _plane.Drops.Count(reason);
                return false;
            }

            if (slot.IsNarrow)
                TcpMss.Clamp(packet.Span, slot.InnerMtu(_plane.Mtu, now));
        }

        if (_packets.IsFull)
            Flush();
        (_lastSlot, _last) = (slot, packet);
        _packets.Add(packet.Data, packet.Length);
        return true;
    }

    DropReason Judge(in IpPacket inner, PeerSlot slot, RouteSnapshot routes, Instant now)
    {
        if (routes.Find(inner.Source) != slot)
            return DropReason.InnerSource;
        if (!routes.IsOwn(inner.Destination))
            return DropReason.InnerDestination;
        var verdict = _plane.Filter.Inbound(inner.Bytes, slot.Number, slot.Rules, now);
        return verdict == FilterVerdict.Pass ? DropReason.None : FilterDrops.Reason(verdict);
    }

    void CarryHandshake(ReadOnlySpan<byte> message, in RawEndpoint source, Instant now)
    {
        var from = Endpoints.ToAddress(source);
        switch (TunnelMessage.Classify(message))
        {
            case MessageType.Initiation:
                if (Passes(message, source, from, now, out var identity))
                    _worker.Enqueue(message, source, identity, now);
                break;
            case MessageType.Response:
                if (FindAnswered(message) is { } responder && Passes(message, source, from, now, out _))
                    responder.DeliverAnswer(message, from);
                break;
            case MessageType.CookieReply:
                FindAnswered(message)?.DeliverAnswer(message, from);
                break;
            default:
                _plane.Drops.Count(DropReason.MessageType);
                break;
        }
    }

    PeerSlot? FindAnswered(ReadOnlySpan<byte> message)
    {
        // Response and cookie reply name the index that they answer: bytes 8 to 12 and 4 to 8.
        var offset = message[0] == (byte)MessageType.Response ? 8 : 4;
        var index = new SessionIndex(System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(message[offset..]));
        if (_plane.Sessions.TryFind(index, out var entry))
            return entry.Peer;
        _plane.Drops.Count(DropReason.UnexpectedMessage);
        return null;
    }

    bool Passes(ReadOnlySpan<byte> message, in RawEndpoint source, EndpointAddress from, Instant now, [NotNullWhen(true)] out DeviceIdentity? identity)
    {
        var keys = _plane.DeviceKeys;
        identity = keys.Own;
        if (identity is null)
        {
            _plane.Drops.Count(DropReason.Down);
            return false;
        }

        if (++_handshakes > HandshakesUnderLoad && identity.Gate.IsUnderLoad(now))
        {
            _plane.Drops.Count(DropReason.HandshakeQueueFull);
            return false;
        }

        Span<byte> reply = stackalloc byte[CookieReply.Size];
        var verdict = identity.Gate.Examine(message, from, reply, now);
        if (verdict is { Action: GateAction.Drop, Reason: DropReason.Mac1 } && keys.Alternate is { } alternate)
        {
            identity = alternate;
            verdict = identity.Gate.Examine(message, from, reply, now);
        }

        if (verdict.Action == GateAction.Accept)
            return true;
        _plane.Drops.Count(verdict.Reason);
        if (verdict.Action == GateAction.Reply)
            _worker.Reply(reply[..verdict.ReplyLength], source);
        return false;
    }

    void Flush()
    {
        (_lastSlot, _last) = (null, default);
        if (_packets.PacketCount == 0)
            return;
        var refused = _tun.Write(_packets);
        if (refused > 0)
            _plane.Drops.Count(DropReason.Io, refused);
        _packets.Clear();
    }
}
