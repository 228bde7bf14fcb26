using System.Collections.Frozen;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;

namespace Mesh.Tests.Kit.Network;

/// <summary>
/// Is a WireGuard device of a <see cref="SimNetwork"/>: gate, opener, index table and one machine a peer, wired as a real device wires
/// them, without threads. Packets are opaque and numbered; what arrives is checked against what was sent.
/// </summary>
public sealed partial class SimDevice
{
    readonly SimNetwork _network;
    readonly Dictionary<TunnelPublicKey, SimPeer> _peers = [];
    readonly byte[] _reply = new byte[CookieReply.Size];
    FrozenSet<TunnelPublicKey> _keys = [];

    internal SimDevice(SimNetwork network, EndpointAddress endpoint, int seed, CipherSuite[] announced)
    {
        _network = network;
        Endpoint = endpoint;
        Entropy = new SeededEntropy(seed);
        using var key = new TunnelPrivateKey(Entropy);
        _announced = announced;
        _own = Identify(new X25519(key));
        Indexes = new SessionIndexTable<SimPeer>(Entropy);
    }

    /// <summary>Gets the device's key.</summary>
    public X25519 Key => _own.Key;

    /// <summary>Gets the device's public key.</summary>
    public TunnelPublicKey PublicKey => Key.PublicKey;

    /// <summary>Gets where the device listens.</summary>
    public EndpointAddress Endpoint { get; internal set; }

    /// <summary>Gets the device's randomness.</summary>
    public SeededEntropy Entropy { get; }

    /// <summary>Gets the gate.</summary>
    public InitiationGate Gate => _own.Gate;

    /// <summary>Gets the index table.</summary>
    public SessionIndexTable<SimPeer> Indexes { get; }

    /// <summary>Gets what was dropped, and why.</summary>
    public DropCounters Drops { get; } = new();

    /// <summary>Gets or sets whether the device is kept under load.</summary>
    public bool IsOverloaded { get; set; }

    internal Instant? NextDeadline
    {
        get
        {
            Instant? next = null;
            foreach (var peer in _peers.Values)
            {
                if (peer.Machine.NextDeadline is { } deadline && (next is null || deadline.At < next))
                    next = deadline.At;
            }
            return next;
        }
    }

    /// <summary>Adds a peer; without an endpoint the device waits to hear from it. The suite is what handshakes with it ask for.</summary>
    public SimPeer AddPeer(SimDevice device, EndpointAddress endpoint = default, PresharedKey? presharedKey = null,
        TimeSpan persistentKeepalive = default, CipherSuite suite = default)
    {
        var options = new PeerOptions
        {
            DeviceKey = Key,
            Peer = device.PublicKey,
            PresharedKey = presharedKey,
            Endpoint = endpoint,
            PersistentKeepalive = persistentKeepalive,
            Suite = suite,
        };
        var peer = new SimPeer(this, options, _network.Clock);
        _peers.Add(device.PublicKey, peer);
        _keys = _peers.Keys.ToFrozenSet();
        Drain(peer);
        return peer;
    }

    /// <summary>Sends a packet to a peer, or holds it until there is a session.</summary>
    public void SendPacket(SimPeer peer, ReadOnlySpan<byte> payload) => Transmit(peer, payload.ToArray());

    /// <summary>Takes a datagram as the device's socket does.</summary>
    public void Receive(byte[] datagram, EndpointAddress from)
    {
        var now = _network.Clock.Now;
        switch (TunnelMessage.Classify(datagram))
        {
            case MessageType.Initiation:
            case MessageType.Response:
                ReceiveHandshake(datagram, from, now);
                break;
            case MessageType.CookieReply:
                if (Indexes.TryFind(CookieReply.Receiver(datagram), out var waiting))
                    Finish(waiting.Peer, waiting.Peer.Machine.HandleCookieReply(datagram, now));
                else
                    Drops.Count(DropReason.UnknownSession);
                break;
            case MessageType.Transport:
                ReceiveTransport(datagram, from, now);
                break;
            default:
                Drops.Count(DropReason.MessageType);
                break;
        }
    }

    internal void HandleTimeout()
    {
        foreach (var peer in _peers.Values)
        {
            if (peer.Machine.NextDeadline is { } deadline && deadline.At <= _network.Clock.Now)
                peer.Machine.HandleTimeout(_network.Clock.Now);
            Drain(peer);
        }
    }

    /// <summary>Carries out what the peer's machine has to say; tests call it after they called the machine themselves.</summary>
    public void Drain(SimPeer peer)
    {
        var now = _network.Clock.Now;
        DrainEvents(peer);
        Span<byte> buffer = stackalloc byte[TunnelMessage.MaximumHandshakeSize];
        while (peer.Machine.TryTakeTransmit(buffer, now, _network.Clock.Wall, out var transmit))
        {
            peer.Transmits.Add(transmit);
            _network.Send(Endpoint, transmit.To, buffer[..transmit.Length]);
        }
        DrainEvents(peer);
    }

    void ReceiveHandshake(byte[] datagram, EndpointAddress from, Instant now)
    {
        if (IsOverloaded)
            Gate.ReportBacklog(TunnelTuning.LoadBacklog, now);
        var identity = _own;
        var verdict = Gate.Examine(datagram, from, _reply, now);
        if (verdict is { Action: GateAction.Drop, Reason: DropReason.Mac1 } && _alternate is not null)
        {
            identity = _alternate;
            verdict = identity.Gate.Examine(datagram, from, _reply, now);
        }

        Drops.Count(verdict.Reason);
        if (verdict.Action == GateAction.Reply)
            _network.Send(Endpoint, from, _reply.AsSpan(0, verdict.ReplyLength));
        if (verdict.Action != GateAction.Accept)
            return;
        if (TunnelMessage.Classify(datagram) == MessageType.Initiation)
        {
            if (identity.Opener.TryOpen(datagram, _keys, out var initiation, out var reason))
            {
                var peer = _peers[initiation.Peer];
                Finish(peer, peer.Machine.HandleInitiation(initiation, from, now));
            }
            else
                Drops.Count(reason);
        }
        else if (Indexes.TryFind(HandshakeResponse.Receiver(datagram), out var entry))
            Finish(entry.Peer, entry.Peer.Machine.HandleResponse(datagram, from, now));
        else
            Drops.Count(DropReason.UnknownSession);
    }

    void ReceiveTransport(byte[] datagram, EndpointAddress from, Instant now)
    {
        if (!TransportMessage.TryReadHeader(datagram, out var receiver, out _) || !Indexes.TryFind(receiver, out var entry)
            || entry.Session is not { } session)
        {
            Drops.Count(DropReason.UnknownSession);
            return;
        }
        var opening = session.Open(datagram, now);
        Drops.Count(opening.Drop);
        var peer = entry.Peer;
        if (opening.Drop == DropReason.None)
        {
            if (from != peer.PublishedEndpoint)
                peer.Machine.HandleEndpointSeen(from);
            if (opening.Length > 0)
                peer.Received.Add(datagram.AsSpan(TransportMessage.HeaderSize, opening.Length).ToArray());
            else
                peer.KeepalivesReceived++;
        }
        if (opening.Signals != SessionSignals.None)
        {
            peer.Signals++;
            peer.Machine.HandleSignals(session, opening.Signals, now);
        }
        Drain(peer);
    }

    void Finish(SimPeer peer, DropReason reason)
    {
        Drops.Count(reason);
        Drain(peer);
    }

    void DrainEvents(SimPeer peer)
    {
        while (peer.Machine.TryTakeEvent(out var peerEvent))
        {
            peer.Events.Add(peerEvent);
            switch (peerEvent)
            {
                case PeerEvent.SendSessionChanged changed:
                    peer.SendSession = changed.Session;
                    while (peer.SendSession is not null && peer.Staged.TryTake(out var packet))
                        Transmit(peer, packet);
                    break;
                case PeerEvent.EndpointChanged changed:
                    peer.PublishedEndpoint = changed.Endpoint;
                    break;
                case PeerEvent.HandshakeGaveUp:
                    while (peer.Staged.TryTake(out _))
                        Drops.Count(DropReason.HandshakeGaveUp);
                    break;
            }
        }
    }

    void Transmit(SimPeer peer, byte[] payload)
    {
        var now = _network.Clock.Now;
        if (peer.SendSession is { } session)
        {
            var buffer = new byte[TransportMessage.Overhead + payload.Length + TunnelSpecification.PaddingMultiple];
            payload.CopyTo(buffer, TransportMessage.HeaderSize);
            var sealing = session.Seal(buffer, payload.Length, mtu: 1420, now);
            if (sealing.Drop == DropReason.None)
                _network.Send(Endpoint, peer.PublishedEndpoint, buffer.AsSpan(0, sealing.Length));
            if (sealing.Signals != SessionSignals.None)
            {
                peer.Signals++;
                peer.Machine.HandleSignals(session, sealing.Signals, now);
            }
            if (sealing.Drop == DropReason.None)
            {
                Drain(peer);
                return;
            }
        }
        if (peer.Staged.Add(payload, out _))
            Drops.Count(DropReason.StagingOverflow);
        peer.Machine.HandlePacketQueued(now);
        Drain(peer);
    }
}
