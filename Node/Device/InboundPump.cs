using Mesh.Actors.Device;
using Mesh.Protocol.Filter;
using Mesh.Protocol.Routing;
using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;

namespace Mesh.Node.Device;

/// <summary>
/// Carries datagrams from the network to the device: finds the session by its index, opens in place, follows the sender's endpoint, checks
/// source, destination and rules of the inner packet, writes it. Handshake messages go through the gate to the worker or to the peer's actor.
/// Owned by one thread; allocates nothing per packet.
/// </summary>
sealed class InboundPump
{
    const int Units = 16;
    const int MaxPackets = 256;

    readonly DataPlane _plane;
    readonly ITunPort _tun;
    readonly IDatagramPort _datagrams;
    readonly HandshakeWorker _worker;
    readonly ReceiveBatch _batch = new(Units);
    readonly PacketRef[] _packets = new PacketRef[MaxPackets];
    int _count;

    public InboundPump(DataPlane plane, ITunPort tun, IDatagramPort datagrams, HandshakeWorker worker)
    {
        _plane = plane;
        _tun = tun;
        _datagrams = datagrams;
        _worker = worker;
    }

    /// <summary>Carries what waits on one descriptor, one batch.</summary>
    /// <param name="descriptor">One of the port's descriptors.</param>
    /// <param name="errno">0, or what ended the port.</param>
    /// <returns>Whether there was anything.</returns>
    public bool RunOnce(int descriptor, out int errno)
    {
        errno = _datagrams.Receive(descriptor, _batch);
        if (_batch.Count == 0)
            return false;
        var now = _plane.Clock.Now;
        var routes = _plane.Routes;
        for (var i = 0; i < _batch.Count; i++)
        {
            var unit = _batch.Unit(i);
            var segment = _batch.SegmentSize(i);
            ref readonly var source = ref _batch.Source(i);
            for (var at = 0; at < unit.Length; at += segment)
                Carry(new PacketRef(unit.Data + at, Math.Min(segment, unit.Length - at)), source, routes, now);
        }

        Flush();
        return true;
    }

    void Carry(PacketRef datagram, in RawEndpoint source, RouteSnapshot routes, Instant now)
    {
        var message = datagram.Span;
        if (!TransportMessage.TryReadHeader(message, out var receiver, out _))
        {
            CarryHandshake(message, source, now);
            return;
        }

        if (!_plane.Sessions.TryFind(receiver, out var entry) || entry.Session is not { } session)
        {
            _plane.Drops.Count(DropReason.UnknownSession);
            return;
        }

        var opening = session.Open(message, now);
        var slot = entry.Peer;
        if (opening.Drop != DropReason.None || slot.Removed)
        {
            _plane.Drops.Count(slot.Removed ? DropReason.Down : opening.Drop);
            return;
        }

        slot.FollowEndpoint(source);
        Interlocked.Add(ref slot.Received.Bytes, message.Length);
        if (opening.Signals != SessionSignals.None)
            slot.Signal(session, opening.Signals);
        if (opening.Length == 0)
            return;

        var packet = message.Slice(TransportMessage.HeaderSize, opening.Length);
        if (IpPacket.TryRead(packet, out var inner) != IpPacketError.None)
        {
            _plane.Drops.Count(DropReason.InnerPacket);
            return;
        }

        if (routes.Find(inner.Source) != slot)
        {
            _plane.Drops.Count(DropReason.InnerSource);
            return;
        }

        if (!routes.IsOwn(inner.Destination))
        {
            _plane.Drops.Count(DropReason.InnerDestination);
            return;
        }

        var verdict = _plane.Filter.Inbound(inner.Bytes, slot.Number, slot.Rules, now);
        if (verdict != FilterVerdict.Pass)
        {
            _plane.Drops.Count(FilterDrops.Reason(verdict));
            return;
        }

        Volatile.Write(ref slot.Received.Packets, slot.Received.Packets + 1);
        if (_count == MaxPackets)
            Flush();
        _packets[_count++] = new PacketRef(datagram.Data + TransportMessage.HeaderSize, inner.TotalLength);
    }

    void CarryHandshake(ReadOnlySpan<byte> message, in RawEndpoint source, Instant now)
    {
        var from = Endpoints.ToAddress(source);
        switch (TunnelMessage.Classify(message))
        {
            case MessageType.Initiation:
                if (Passes(message, source, from, now))
                    _worker.Enqueue(message, source, now);
                break;
            case MessageType.Response:
                if (FindAnswered(message) is { } responder && Passes(message, source, from, now))
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

    bool Passes(ReadOnlySpan<byte> message, in RawEndpoint source, EndpointAddress from, Instant now)
    {
        if (_plane.Identity is not { } identity)
        {
            _plane.Drops.Count(DropReason.Down);
            return false;
        }

        Span<byte> reply = stackalloc byte[CookieReply.Size];
        var verdict = identity.Gate.Examine(message, from, reply, now);
        if (verdict.Action == GateAction.Accept)
            return true;
        _plane.Drops.Count(verdict.Reason);
        if (verdict.Action == GateAction.Reply)
            _worker.Reply(reply[..verdict.ReplyLength], source);
        return false;
    }

    void Flush()
    {
        if (_count == 0)
            return;
        var written = _tun.Write(_packets.AsSpan(0, _count));
        if (written != _count)
            _plane.Drops.Count(DropReason.Io, _count - written);
        _count = 0;
    }
}
