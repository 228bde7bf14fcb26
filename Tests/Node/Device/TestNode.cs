using System.Collections.Immutable;
using System.Net;
using Mesh.Actors.Device;
using Mesh.Node;
using Mesh.Node.Device;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Filter;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Routing;
using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;

namespace Mesh.Tests.Node.Device;

/// <summary>A clock that the test moves.</summary>
sealed class TestClock : ITunnelClock
{
    long _ticks = TimeSpan.FromDays(1).Ticks;

    public Instant Now => new(Volatile.Read(ref _ticks));

    public WallTime WallNow => new(1_800_000_000_000 + Volatile.Read(ref _ticks) / TimeSpan.TicksPerMillisecond);

    public void Advance(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);
}

/// <summary>A data path with a device in memory and a real UDP port on loopback, whose pumps run when the test says so.</summary>
sealed class TestNode : IDisposable
{
    int[]? _descriptors;

    public TestNode(string address, ITunnelClock clock, bool startWorker = true, bool merges = false)
    {
        Address = address;
        Tun = new MemoryTun(merges);
        Key = new TunnelPrivateKey(SystemEntropy.Instance);
        PublicKey = X25519.ComputePublicKey(Key);
        Plane = new DataPlane(new TunnelConfiguration { Queues = 1 }, clock, SystemEntropy.Instance);
        Plane.SetPrivateKey(Key);
        Udp = UdpPort.Open(0);
        Worker = new HandshakeWorker(Plane);
        Outbound = new OutboundPump(Plane, Tun, Plane.Releases(0)) { Sender = Udp.CreateSender(0) };
        Inbound = new InboundPump(Plane, Tun, Worker) { Datagrams = Udp };
        Plane.Connect(Udp, [Wake]);
        if (startWorker)
            Worker.Start();
    }

    public string Address { get; }

    public TunnelPrivateKey Key { get; }

    public TunnelPublicKey PublicKey { get; }

    public DataPlane Plane { get; }

    public MemoryTun Tun { get; }

    public UdpPort Udp { get; }

    public WakeEvent Wake { get; } = new();

    public HandshakeWorker Worker { get; }

    public OutboundPump Outbound { get; }

    public InboundPump Inbound { get; }

    public EndpointAddress Endpoint => EndpointAddress.From(new IPEndPoint(IPAddress.Loopback, Udp.LocalPort));

    public ImmutableArray<InterfaceAddress> Own => [new InterfaceAddress(IPAddress.Parse(Address), 24)];

    public TunnelPeer PeerFor(TestNode other, PeerRules? rules = null) => new()
    {
        Key = other.PublicKey, AllowedIps = [IpPrefix.Parse(other.Address)], Endpoints = [other.Endpoint], Rules = rules ?? PeerRules.All,
    };

    public PeerSlot AddPeer(TestNode other, PeerRules? rules = null, bool withEndpoint = true)
    {
        var peer = PeerFor(other, rules);
        var port = Plane.AddPeer(peer);
        Plane.Publish(Own, false, [(port, peer)]);
        if (withEndpoint)
            port.SetEndpoint(other.Endpoint);
        return (PeerSlot)port;
    }

    /// <summary>Runs both pumps until neither has anything to do; datagrams on loopback are there when the send returns.</summary>
    public void Pump()
    {
        while (Outbound.RunOnce(out _) | Receive())
        {
        }
    }

    public bool Receive()
    {
        var any = false;
        foreach (var descriptor in _descriptors ??= [.. Udp.Descriptors(0)])
            any |= Inbound.RunOnce(descriptor, out _);
        return any;
    }

    /// <summary>Gives two nodes the two halves of a session, as a handshake would.</summary>
    public static (TransportSession A, TransportSession B) Join(PeerSlot a, PeerSlot b, Instant now)
    {
        byte[] one = new byte[32], two = new byte[32];
        SystemEntropy.Instance.Fill(one);
        SystemEntropy.Instance.Fill(two);
        SessionIndex indexA = a.Indexes.Reserve(), indexB = b.Indexes.Reserve();
        TransportSession sessionA = new(SessionRole.Initiator, indexA, indexB, one, two, a.Continuity.Activity, now);
        TransportSession sessionB = new(SessionRole.Responder, indexB, indexA, two, one, b.Continuity.Activity, now);
        a.Indexes.Bind(indexA, sessionA);
        b.Indexes.Bind(indexB, sessionB);
        return (sessionA, sessionB);
    }

    public void Dispose()
    {
        Plane.Connect(null, []);
        Worker.Dispose();
        Udp.Dispose();
        Wake.Dispose();
        Plane.Dispose();
        Key.Dispose();
    }
}
