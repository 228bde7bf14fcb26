using Mesh.Actors.Device;
using Mesh.Actors.Peers;
using Mesh.Node;
using Mesh.Node.Device;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;
using Mesh.Tests.Kit;

namespace Mesh.Tests.Node.Device;

/// <summary>Two nodes whose peers are run by actors, over real UDP on loopback; the pumps turn while the test waits.</summary>
public sealed class PeerRestartTests : TestKit, IAsyncLifetime
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    readonly TestClock _clock = new();
    readonly FaultyClock _actorClock;
    readonly TestScheduler _scheduler;
    readonly TunnelContext _tunnelA, _tunnelB;
    readonly TestNode _a, _b;
    readonly IActorRef _peersOfA, _peersOfB;

    public PeerRestartTests() : base("akka.loglevel = OFF\nakka.scheduler.implementation = \"TestScheduler\"")
    {
        _actorClock = new FaultyClock(_clock);
        _scheduler = (TestScheduler)Sys.Scheduler;
        (_a, _b) = (new TestNode("10.7.0.1", _clock), new TestNode("10.7.0.2", _clock));
        _tunnelA = new TunnelContext(_a.Plane, _actorClock, SystemEntropy.Instance);
        _tunnelB = new TunnelContext(_b.Plane, _clock, SystemEntropy.Instance);
        _peersOfA = Sys.ActorOf(
            Props.Create<PeersSupervisor>(_tunnelA), "peers-a");
        _peersOfB = Sys.ActorOf(
            Props.Create<PeersSupervisor>(_tunnelB), "peers-b");
    }

    public async Task InitializeAsync()
    {
        _tunnelA.Wanted.State = new TunnelState { PrivateKey = _a.Key, Addresses = _a.Own, Peers = [_a.PeerFor(_b)] };
        _tunnelB.Wanted.State = new TunnelState { PrivateKey = _b.Key, Addresses = _b.Own, Peers = [_b.PeerFor(_a) with { Endpoints = [] }] };
        await _peersOfA.Ask<PeersSupervisor.Applied>(PeersSupervisor.Apply.Instance, Patience);
        await _peersOfB.Ask<PeersSupervisor.Applied>(PeersSupervisor.Apply.Instance, Patience);
    }

    public async Task DisposeAsync()
    {
        await Sys.Terminate();
        _a.Dispose();
        _b.Dispose();
    }

    PeerSlot ToB => (PeerSlot)_a.Plane.Ports[0];

    [Fact]
    public async Task AHandshakeRunsThroughActorsAndTheHeldPacketArrives()
    {
        _a.Tun.Give(IpPackets.Udp("10.7.0.1", 1, "10.7.0.2", 9));
        await PumpUntilAsync(() => _b.Tun.DeliveredCount == 1);
        _b.Tun.Give(IpPackets.Udp("10.7.0.2", 9, "10.7.0.1", 1));
        await PumpUntilAsync(() => _a.Tun.DeliveredCount == 1);
        Assert.Equal(0, _a.Plane.Drops.Total);
        Assert.Equal(0, _b.Plane.Drops.Total);
        Assert.NotNull(_a.Plane.ReadPeers()[0].LastHandshake);
    }

    [Fact]
    public async Task TrafficGoesOnWhileAPeersActorCrashesAndTheNewOneTakesOver()
    {
        _a.Tun.Give(IpPackets.Udp("10.7.0.1", 1, "10.7.0.2", 9));
        await PumpUntilAsync(() => _b.Tun.DeliveredCount == 1);
        var session = ToB.Session;
        Assert.NotNull(session);

        for (var crash = 1; crash <= 5; crash++)
        {
            var failed = _actorClock.FailNext();
            ToB.Signal(PeerSignals.Activity);
            // Without waiting for the actor: the session in the data path is all that a packet needs.
            _a.Tun.Give(IpPackets.Udp("10.7.0.1", 1, "10.7.0.2", 9));
            _a.Pump();
            _b.Pump();
            Assert.Equal(1 + crash, _b.Tun.DeliveredCount);
            await failed.WaitAsync(Patience);
        }

        Assert.Same(session, ToB.Session);
        Assert.Equal(0, _b.Plane.Drops.Total);

        // The actor that came after the crashes renews the session it found.
        _clock.Advance(TunnelSpecification.RekeyAfterTime + TimeSpan.FromSeconds(1));
        _a.Tun.Give(IpPackets.Udp("10.7.0.1", 1, "10.7.0.2", 9));
        await PumpUntilAsync(() => ToB.Session != session);
        _a.Tun.Give(IpPackets.Udp("10.7.0.1", 1, "10.7.0.2", 9));
        await PumpUntilAsync(() => _b.Tun.DeliveredCount == 8);
        Assert.Equal(0, _a.Plane.Drops.Total);
        Assert.Equal(0, _b.Plane.Drops.Total);
    }

    [Fact]
    public async Task APeersActorThatCannotLiveRestsAndIsStartedAnew()
    {
        _a.Tun.Give(IpPackets.Udp("10.7.0.1", 1, "10.7.0.2", 9));
        await PumpUntilAsync(() => _b.Tun.DeliveredCount == 1);

        _actorClock.Broken = true;
        ToB.Signal(PeerSignals.Activity);
        await PumpUntilAsync(() => _actorClock.Failures > 10);
        await _peersOfA.Ask<PeersSupervisor.Applied>(PeersSupervisor.Apply.Instance, Patience);
        var failures = _actorClock.Failures;
        Assert.InRange(failures, 11, 15);
        _a.Tun.Give(IpPackets.Udp("10.7.0.1", 1, "10.7.0.2", 9));
        await PumpUntilAsync(() => _b.Tun.DeliveredCount == 2);

        _actorClock.Broken = false;
        _clock.Advance(TunnelSpecification.RekeyAfterTime + TimeSpan.FromSeconds(1));
        var session = ToB.Session;
        _a.Tun.Give(IpPackets.Udp("10.7.0.1", 1, "10.7.0.2", 9));
        await PumpUntilAsync(() =>
        {
            // The rest begins when the supervisor has heard of the end.
            _scheduler.Advance(TimeSpan.FromSeconds(1));
            return ToB.Session != session;
        });
        Assert.Equal(failures, _actorClock.Failures);
    }

    [Fact]
    public async Task APeerTakenAwayIsGoneWithItsKeysAndMayComeBack()
    {
        _a.Tun.Give(IpPackets.Udp("10.7.0.1", 1, "10.7.0.2", 9));
        await PumpUntilAsync(() => _b.Tun.DeliveredCount == 1);
        var session = ToB.Session!;
        var state = _tunnelA.Wanted.State;
        _tunnelA.Wanted.State = state with { Peers = [] };
        await _peersOfA.Ask<PeersSupervisor.Applied>(PeersSupervisor.Apply.Instance, Patience);
        Assert.Empty(_a.Plane.Ports);
        _a.Tun.Give(IpPackets.Udp("10.7.0.1", 1, "10.7.0.2", 9));
        _a.Pump();
        Assert.Equal(1, _a.Plane.Drops[DropReason.NoRoute]);
        await PumpUntilAsync(() => session.IsDisposed && _a.Plane.Sessions.Count == 0);

        _tunnelA.Wanted.State = state;
        await _peersOfA.Ask<PeersSupervisor.Applied>(PeersSupervisor.Apply.Instance, Patience);
        _a.Tun.Give(IpPackets.Udp("10.7.0.1", 1, "10.7.0.2", 9));
        _clock.Advance(TimeSpan.FromSeconds(1));
        await PumpUntilAsync(() => _b.Tun.DeliveredCount == 2);
    }

    [Fact]
    public async Task AnotherKeyOfTheDeviceEndsSessionsAndPeersHandshakeAnew()
    {
        _a.Tun.Give(IpPackets.Udp("10.7.0.1", 1, "10.7.0.2", 9));
        await PumpUntilAsync(() => _b.Tun.DeliveredCount == 1);
        var session = ToB.Session!;
        using TunnelPrivateKey other = new(SystemEntropy.Instance);
        var renamed = _b.PeerFor(_a) with { Key = X25519.ComputePublicKey(other), Endpoints = [] };
        await ApplyAsync(_peersOfB, _tunnelB, _tunnelB.Wanted.State with { Peers = [renamed] });
        await ApplyAsync(_peersOfA, _tunnelA, _tunnelA.Wanted.State with { PrivateKey = other });
        await PumpUntilAsync(() => session.IsDisposed && ToB.Session is null);

        _a.Tun.Give(IpPackets.Udp("10.7.0.1", 1, "10.7.0.2", 9));
        await PumpUntilAsync(() => _b.Tun.DeliveredCount == 2);
        Assert.Equal(X25519.ComputePublicKey(other), _a.Plane.DeviceKey!.PublicKey);
    }

    [Fact]
    public async Task AKeyRotatedByPlanTakesTheSessionsAlongAndIsAgreedOnAnew()
    {
        _a.Tun.Give(IpPackets.Udp("10.7.0.1", 1, "10.7.0.2", 9));
        await PumpUntilAsync(() => _b.Tun.DeliveredCount == 1);
        var (session, slot, bytes) = (ToB.Session!, (PeerSlot)_b.Plane.Ports[0], _b.Plane.ReadPeers()[0].BytesReceived);
        using TunnelPrivateKey next = new(SystemEntropy.Instance);
        var nextPublic = X25519.ComputePublicKey(next);

        // A answers under the next key before anybody is told of it; B goes over first, A when it hears that B may have.
        await ApplyAsync(_peersOfA, _tunnelA, _tunnelA.Wanted.State with { AlternateKey = next });
        var rotated = _b.PeerFor(_a) with { Key = nextPublic, FormerKey = _a.PublicKey, Endpoints = [] };
        await ApplyAsync(_peersOfB, _tunnelB, _tunnelB.Wanted.State with { Peers = [rotated] });
        Assert.Same(slot, Assert.Single(_b.Plane.Ports));
        Assert.Equal(nextPublic, slot.Key);
        await PumpUntilAsync(() => ToB.Session != session);
        Assert.False(session.IsDisposed);
        await ApplyAsync(_peersOfA, _tunnelA, _tunnelA.Wanted.State with { PrivateKey = next, AlternateKey = _a.Key });
        Assert.Equal(nextPublic, _a.Plane.DeviceKey!.PublicKey);
        Assert.NotNull(ToB.Session);

        for (var sent = 2; sent <= 5; sent++)
        {
            _a.Tun.Give(IpPackets.Udp("10.7.0.1", 1, "10.7.0.2", 9));
            _b.Tun.Give(IpPackets.Udp("10.7.0.2", 9, "10.7.0.1", 1));
            var expected = sent;
            await PumpUntilAsync(() => _b.Tun.DeliveredCount == expected && _a.Tun.DeliveredCount == expected - 1);
        }

        // The renewal two minutes later is made with the new key, by whichever side starts it.
        await ApplyAsync(_peersOfA, _tunnelA, _tunnelA.Wanted.State with { AlternateKey = null });
        _clock.Advance(TunnelSpecification.RekeyAfterTime + TimeSpan.FromSeconds(1));
        var second = ToB.Session;
        _a.Tun.Give(IpPackets.Udp("10.7.0.1", 1, "10.7.0.2", 9));
        _b.Tun.Give(IpPackets.Udp("10.7.0.2", 9, "10.7.0.1", 1));
        await PumpUntilAsync(() => ToB.Session != second && _b.Tun.DeliveredCount == 6 && _a.Tun.DeliveredCount == 5);
        Assert.Equal(0, _a.Plane.Drops.Total + _b.Plane.Drops.Total);
        Assert.True(_b.Plane.ReadPeers()[0].BytesReceived > bytes);
        Assert.Equal(nextPublic, _b.Plane.ReadPeers()[0].Key);

        // Taken out it is cut off at once, whichever key its session was agreed under.
        await ApplyAsync(_peersOfB, _tunnelB, _tunnelB.Wanted.State with { Peers = [] });
        _a.Tun.Give(IpPackets.Udp("10.7.0.1", 1, "10.7.0.2", 9));
        _a.Pump();
        _b.Pump();
        Assert.Equal(6, _b.Tun.DeliveredCount);
        await PumpUntilAsync(() => _b.Plane.Sessions.Count == 0);
    }

    [Fact]
    public async Task AKeyThatSomebodyElseHasNowTakesNoSessionAlong()
    {
        _a.Tun.Give(IpPackets.Udp("10.7.0.1", 1, "10.7.0.2", 9));
        await PumpUntilAsync(() => _b.Tun.DeliveredCount == 1);
        var slot = _b.Plane.Ports[0];
        using TunnelPrivateKey other = new(SystemEntropy.Instance);
        var elsewhere = _b.PeerFor(_a) with { AllowedIps = [], Endpoints = [] };
        var rotated = _b.PeerFor(_a) with { Key = X25519.ComputePublicKey(other), FormerKey = _a.PublicKey, Endpoints = [] };
        await ApplyAsync(_peersOfB, _tunnelB, _tunnelB.Wanted.State with { Peers = [elsewhere, rotated] });
        Assert.Equal(2, _b.Plane.Ports.Length);
        Assert.Equal(_a.PublicKey, slot.Key);
        // Of two that say they had it before one goes on, whatever a map says.
        using TunnelPrivateKey another = new(SystemEntropy.Instance);
        await ApplyAsync(_peersOfB, _tunnelB, _tunnelB.Wanted.State with { Peers = [elsewhere] });
        await ApplyAsync(_peersOfB, _tunnelB, _tunnelB.Wanted.State with
        {
            Peers = [rotated, rotated with { Key = X25519.ComputePublicKey(another), AllowedIps = [] }],
        });
        Assert.Equal(2, _b.Plane.Ports.Length);
        Assert.Single(_b.Plane.Ports, port => ReferenceEquals(port, slot));
        // And one that was never a peer under the former key begins as any new one.
        await ApplyAsync(_peersOfB, _tunnelB, _tunnelB.Wanted.State with { Peers = [rotated with { Key = _b.PublicKey }] });
        Assert.Empty(_b.Plane.Ports);
    }

    [Fact]
    public async Task ASessionThatRestsIsStartedAnewUnderTheKeyThatItsPeerHasByThen()
    {
        _a.Tun.Give(IpPackets.Udp("10.7.0.1", 1, "10.7.0.2", 9));
        await PumpUntilAsync(() => _b.Tun.DeliveredCount == 1);
        _actorClock.Broken = true;
        ToB.Signal(PeerSignals.Activity);
        await PumpUntilAsync(() => _actorClock.Failures > 10);
        using TunnelPrivateKey next = new(SystemEntropy.Instance);
        var rotated = _a.PeerFor(_b) with { Key = X25519.ComputePublicKey(next), FormerKey = _b.PublicKey };
        await ApplyAsync(_peersOfA, _tunnelA, _tunnelA.Wanted.State with { Peers = [rotated] });
        await ApplyAsync(_peersOfB, _tunnelB, _tunnelB.Wanted.State with { PrivateKey = next, AlternateKey = _b.Key });
        _actorClock.Broken = false;
        _clock.Advance(TunnelSpecification.RekeyAfterTime + TimeSpan.FromSeconds(1));
        var session = ToB.Session;
        _a.Tun.Give(IpPackets.Udp("10.7.0.1", 1, "10.7.0.2", 9));
        await PumpUntilAsync(() =>
        {
            _scheduler.Advance(TimeSpan.FromSeconds(1));
            return ToB.Session != session;
        });
    }

    [Fact]
    public async Task WithoutAKeyNothingIsAnsweredAndPacketsWaitForOne()
    {
        await ApplyAsync(_peersOfB, _tunnelB, _tunnelB.Wanted.State with { PrivateKey = null });
        Assert.Null(_b.Plane.DeviceKey);
        _a.Tun.Give(IpPackets.Udp("10.7.0.1", 1, "10.7.0.2", 9));
        await PumpUntilAsync(() => _b.Plane.Drops[DropReason.Down] == 1);
        Assert.Equal(0, _a.Plane.Drops.Total);

        await ApplyAsync(_peersOfB, _tunnelB, _tunnelB.Wanted.State with { PrivateKey = _b.Key });
        // The handshake is repeated when its time has come; the clock stands then, or it would be given up on a slow machine.
        _clock.Advance(TunnelSpecification.RekeyTimeout + TunnelSpecification.RekeyTimeoutJitter);
        await PumpUntilAsync(() =>
        {
            _scheduler.Advance(TimeSpan.FromMilliseconds(100));
            return _b.Tun.DeliveredCount == 1;
        });
    }

    [Fact]
    public async Task NobodyIsAPeerOfItself()
    {
        await ApplyAsync(_peersOfA, _tunnelA, _tunnelA.Wanted.State with { Peers = [_a.PeerFor(_b), _b.PeerFor(_a)] });
        Assert.Equal(_b.PublicKey, Assert.Single(_a.Plane.Ports).Key);
        await ApplyAsync(_peersOfA, _tunnelA, _tunnelA.Wanted.State with { PrivateKey = _b.Key });
        Assert.Equal(_a.PublicKey, Assert.Single(_a.Plane.Ports).Key);
    }

    [Fact]
    public async Task APeerIsMovedByCommandThoughItHasProvenAnEndpoint()
    {
        _a.Tun.Give(IpPackets.Udp("10.7.0.1", 1, "10.7.0.2", 9));
        await PumpUntilAsync(() => _b.Tun.DeliveredCount == 1);
        var elsewhere = EndpointAddress.FromIPv4(0x7f000001, 9);
        var hinted = _a.PeerFor(_b) with { Endpoints = [elsewhere] };
        await ApplyAsync(_peersOfA, _tunnelA, _tunnelA.Wanted.State with { Peers = [hinted] });
        await ApplyAsync(_peersOfA, _tunnelA, _tunnelA.Wanted.State with { Peers = [hinted with { EndpointCommand = 1 }] });
        await PumpUntilAsync(() => ToB.Endpoint == elsewhere);
    }

    static Task ApplyAsync(IActorRef peers, TunnelContext tunnel, TunnelState state)
    {
        tunnel.Wanted.State = state;
        return peers.Ask<PeersSupervisor.Applied>(PeersSupervisor.Apply.Instance, Patience);
    }

    [Fact]
    public async Task AnInitiationGoesToEveryPlaceWhereThePeerMayBe()
    {
        var unreachable = EndpointAddress.FromIPv4(0x7f000001, 9);
        _tunnelA.Wanted.State = _tunnelA.Wanted.State with { Peers = [_a.PeerFor(_b) with { Endpoints = [unreachable, _b.Endpoint] }] };
        await _peersOfA.Ask<PeersSupervisor.Applied>(PeersSupervisor.Apply.Instance, Patience);
        _a.Tun.Give(IpPackets.Udp("10.7.0.1", 1, "10.7.0.2", 9));
        await PumpUntilAsync(() => _b.Tun.DeliveredCount == 1);
        Assert.Equal(_b.Endpoint, ToB.Endpoint);
    }

    async Task PumpUntilAsync(Func<bool> condition)
    {
        var deadline = DateTime.UtcNow + Patience;
        while (!condition())
        {
            _a.Pump();
            _b.Pump();
            if (DateTime.UtcNow > deadline)
                throw new TimeoutException($"failures {_actorClock.Failures}; a: {string.Join(", ", _a.Plane.Drops.Snapshot())}; b: {string.Join(", ", _b.Plane.Drops.Snapshot())}");
            await Task.Yield();
        }
    }

    /// <summary>A clock that can be told to throw once: an actor that reads it then crashes where it stands.</summary>
    sealed class FaultyClock(ITunnelClock inner) : ITunnelClock
    {
        TaskCompletionSource? _failing;
        int _failures;
        volatile bool _broken;

        public bool Broken { set => _broken = value; }

        public int Failures => Volatile.Read(ref _failures);

        public Instant Now
        {
            get
            {
                if (_broken)
                {
                    Interlocked.Increment(ref _failures);
                    throw new InvalidOperationException("the clock is broken");
                }

                if (Interlocked.Exchange(ref _failing, null) is { } failing)
                {
                    failing.SetResult();
                    throw new InvalidOperationException("the clock was told to fail");
                }

                return inner.Now;
            }
        }

        public WallTime WallNow => inner.WallNow;

        public Task FailNext()
        {
            TaskCompletionSource failing = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _failing = failing;
            return failing.Task;
        }
    }
}
