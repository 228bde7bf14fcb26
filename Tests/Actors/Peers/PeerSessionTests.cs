using Mesh.Actors.Device;
using Mesh.Actors.Peers;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Filter;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;
using Mesh.Tests.Kit.Network;

namespace Mesh.Tests.Actors.Peers;

/// <summary>A peer's actor in virtual time: what it sends when, and what it leaves when it fails.</summary>
public sealed class PeerSessionTests : TestKit, ITunnelClock
{
    static readonly EndpointAddress First = EndpointAddress.FromIPv4(0xc0000201, 51820), Second = EndpointAddress.FromIPv4(0xc0000202, 51820);
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    readonly SeededEntropy _entropy = new(7);
    readonly X25519 _key;
    readonly FakePeerPort _port;
    readonly TunnelPeer _peer;
    readonly DropCounters _drops = new();
    long _ticks = TimeSpan.TicksPerDay;
    int _failNext;

    public PeerSessionTests() : base(
        "akka.scheduler.implementation = \"TestScheduler\"\nakka.loglevel = OFF")
    {
        _key = new X25519(new TunnelPrivateKey(_entropy));
        var other = X25519.ComputePublicKey(new TunnelPrivateKey(_entropy));
        _port = new FakePeerPort(other, new SessionIndexTable<string>(_entropy));
        _peer = new TunnelPeer { Key = other, Endpoints = [First], Rules = PeerRules.All };
    }

    Instant ITunnelClock.Now => Interlocked.Exchange(ref _failNext, 0) == 0
        ? new Instant(Volatile.Read(ref _ticks))
        : throw new InvalidOperationException("told to fail");

    WallTime ITunnelClock.WallNow => new(1_800_000_000_000 + Volatile.Read(ref _ticks) / TimeSpan.TicksPerMillisecond);

    [Fact]
    public async Task AWaitingPacketStartsAHandshakeThatIsRepeatedAndGivenUp()
    {
        var session = Start(_peer);
        _port.Signal(PeerSignals.SessionWanted);
        var (first, to) = Transmitted();
        Assert.Equal(MessageType.Initiation, TunnelMessage.Classify(first));
        Assert.Equal(First, to);
        for (var i = 1; i < 15; i++)
        {
            await AdvanceAsync(session, TunnelSpecification.RekeyTimeout + TunnelSpecification.RekeyTimeoutJitter);
            var (again, _) = Transmitted();
            Assert.Equal(MessageType.Initiation, TunnelMessage.Classify(again));
            Assert.False(first.AsSpan().SequenceEqual(again));
        }

        for (var i = 0; i < 6 && _port.Dropped.Count == 0; i++)
            await AdvanceAsync(session, TunnelSpecification.RekeyTimeout + TunnelSpecification.RekeyTimeoutJitter);
        Assert.True(_port.Dropped.TryTake(out var reason, Patience));
        Assert.Equal(DropReason.HandshakeGaveUp, reason);
    }

    [Fact]
    public void AnUnprovenPeerIsTriedAtAllItsEndpoints()
    {
        Start(_peer with { Endpoints = [First, Second] });
        _port.Signal(PeerSignals.SessionWanted);
        var (one, to) = Transmitted();
        var (two, andTo) = Transmitted();
        Assert.Equal(one, two);
        Assert.Equal([First, Second], new[] { to, andTo });
    }

    [Fact]
    public void APeerWithoutEndpointIsTriedWhenOneBecomesKnown()
    {
        var session = Start(_peer with { Endpoints = [] });
        _port.Signal(PeerSignals.SessionWanted);
        session.Tell(new PeerSession.Update(_peer with { Endpoints = [Second] }));
        Assert.Equal(Second, Transmitted().To);
        Assert.Equal(Second, _port.Endpoint);
    }

    [Fact]
    public async Task AnUpdateLeavesTheHandshakeThatIsUnderWay()
    {
        var session = Start(_peer);
        _port.Signal(PeerSignals.SessionWanted);
        Transmitted();
        session.Tell(new PeerSession.Update(_peer with { Suite = CipherSuite.Aes256Gcm, PersistentKeepalive = TimeSpan.FromSeconds(25) }));
        _port.Signal(PeerSignals.SessionWanted);
        await session.Ask<ActorIdentity>(new Identify("done"), Patience);
        Assert.Empty(_port.Transmitted);
        Assert.Equal(1, Volatile.Read(ref _port.Attachments));
        await AdvanceAsync(session, TunnelSpecification.RekeyTimeout + TunnelSpecification.RekeyTimeoutJitter);
        Assert.Equal(CipherSuite.Aes256Gcm, HandshakeInitiation.Suite(Transmitted().Datagram));
    }

    [Fact]
    public async Task AfterAFailureANewIncarnationAttachesAndWorks()
    {
        Start(_peer);
        _port.Signal(PeerSignals.SessionWanted);
        Transmitted();
        Volatile.Write(ref _failNext, 1);
        _port.Signal(PeerSignals.Activity);
        await AwaitConditionAsync(() => Task.FromResult(Volatile.Read(ref _port.Attachments) == 2), Patience);
        Assert.True(_port.IsAttached);
        Interlocked.Add(ref _ticks, TunnelSpecification.RekeyTimeout.Ticks);
        _port.Signal(PeerSignals.SessionWanted);
        Assert.Equal(MessageType.Initiation, TunnelMessage.Classify(Transmitted().Datagram));
    }

    [Fact]
    public async Task AStoppedSessionLetsGoOfItsPort()
    {
        var session = Start(_peer);
        await AwaitConditionAsync(() => Task.FromResult(_port.IsAttached), Patience);
        Sys.Stop(session);
        await AwaitConditionAsync(() => Task.FromResult(!_port.IsAttached), Patience);
    }

    IActorRef Start(TunnelPeer peer)
    {
        var session = Sys.ActorOf(Props.Create<PeerSession>(new PeerSession.Seat(peer, _port, _drops, _key, this, _entropy)));
        Assert.True(SpinWait.SpinUntil(() => _port.IsAttached, Patience));
        return session;
    }

    (byte[] Datagram, EndpointAddress To) Transmitted()
    {
        Assert.True(_port.Transmitted.TryTake(out var sent, Patience), "nothing was sent");
        return sent;
    }

    // The actor arms its timer after it has sent; an answer from it says that it is done with that turn.
    async Task AdvanceAsync(IActorRef session, TimeSpan by)
    {
        await session.Ask<ActorIdentity>(new Identify(0), Patience);
        Interlocked.Add(ref _ticks, by.Ticks);
        ((TestScheduler)Sys.Scheduler).Advance(by);
        await session.Ask<ActorIdentity>(new Identify(0), Patience);
    }
}
