using System.Globalization;
using Mesh.Actors.Device;
using Mesh.Protocol.Identity;

namespace Mesh.Actors.Peers;

/// <summary>
/// Keeps one <see cref="PeerSession"/> per peer (<c>peers</c>) and publishes routes and rules. A session that fails is restarted, and one that
/// keeps failing is left alone for a while and started anew: its port keeps what must last. When this actor itself fails it is restarted with
/// all sessions and makes the wanted state again; packets go on.
/// </summary>
public sealed class PeersSupervisor : ReceiveActor, IWithTimers
{
    /// <summary>How long a session that failed again and again is left alone.</summary>
    public static readonly TimeSpan Rest = TimeSpan.FromSeconds(10);

    // A session that cannot live must not take a core while it tries.
    const int FailuresAllowed = 10;
    static readonly TimeSpan _failureWindow = TimeSpan.FromMinutes(1);

    readonly TunnelContext _tunnel;
    readonly IDataPlane _plane;
    readonly Dictionary<TunnelPublicKey, Entry> _peers = [];
    readonly Dictionary<IActorRef, IPeerPort> _leaving = [];
    int _started;

    /// <summary>Takes what sessions are made of.</summary>
    public PeersSupervisor(TunnelContext tunnel)
    {
        (_tunnel, _plane) = (tunnel, tunnel.Plane);
        Receive<Apply>(_ =>
        {
            Reconcile(_tunnel.Wanted.State);
            Sender.Tell(Applied.Instance);
        });
        Receive<Terminated>(terminated =>
        {
            if (_leaving.Remove(terminated.ActorRef, out var port))
                _plane.ForgetPeer(port);
            else if (_peers.Values.FirstOrDefault(entry => entry.Session.Equals(terminated.ActorRef)) is { } failed)
                Timers.StartSingleTimer(failed.Session.Path.Name, new Revive(failed.Session), Rest);
        });
        Receive<Revive>(revive =>
        {
            // By its session: its key may be another one by now.
            if (_peers.Values.FirstOrDefault(entry => entry.Session.Equals(revive.Session)) is { } entry)
                _peers[entry.Port.Key] = entry with { Session = StartSession(entry.Seat) };
        });
    }

    /// <inheritdoc/>
    public ITimerScheduler Timers { get; set; } = null!;

    /// <summary>Makes peers, routes and rules what is wanted; answered with <see cref="Applied"/>.</summary>
    public sealed record Apply
    {
        /// <summary>The one instance.</summary>
        public static readonly Apply Instance = new();
    }

    /// <summary>The state has been published.</summary>
    public sealed record Applied
    {
        /// <summary>The one instance.</summary>
        public static readonly Applied Instance = new();
    }

    /// <inheritdoc/>
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(FailuresAllowed, _failureWindow, _ => Directive.Restart);

    /// <inheritdoc/>
    protected override void PreStart()
    {
        // Peers that an earlier incarnation was removing when it failed.
        _plane.SetPrivateKey(_tunnel.Wanted.State.PrivateKey, _tunnel.Wanted.State.AlternateKey);
        var wanted = Usable(_tunnel.Wanted.State).ToDictionary(p => p.Key);
        var ports = _plane.Ports.ToDictionary(p => p.Key);
        foreach (var peer in Rotated(wanted, ports))
            _plane.RekeyPeer(ports[peer.FormerKey!.Value], peer.Key);
        foreach (var port in _plane.Ports.Where(p => !wanted.ContainsKey(p.Key)))
        {
            _plane.RemovePeer(port);
            _plane.ForgetPeer(port);
        }

        Reconcile(_tunnel.Wanted.State);
    }

    void Reconcile(TunnelState state)
    {
        var keyChange = _plane.SetPrivateKey(state.PrivateKey, state.AlternateKey);
        var wanted = Usable(state).ToDictionary(p => p.Key);
        foreach (var peer in Rotated(wanted, _peers))
        {
            _peers.Remove(peer.FormerKey!.Value, out var entry);
            _plane.RekeyPeer(entry!.Port, peer.Key);
            _peers.Add(peer.Key, entry);
        }

        foreach (var (key, entry) in _peers.Where(p => !wanted.ContainsKey(p.Key)).ToArray())
        {
            // Traffic stops here; the session's keys are zeroed once its actor has stopped.
            _plane.RemovePeer(entry.Port);
            _peers.Remove(key);
            _leaving.Add(entry.Session, entry.Port);
            // One that has ended already is told once more.
            Context.Watch(entry.Session);
            Context.Stop(entry.Session);
        }

        foreach (var peer in wanted.Values)
        {
            if (!_peers.TryGetValue(peer.Key, out var entry))
            {
                var port = _plane.AddPeer(peer);
                // The session starts in its own time; packets that come before are held, not dropped, if they have somewhere to go.
                if (port.Endpoint.IsNone && !peer.Endpoints.IsEmpty)
                    port.SetEndpoint(peer.Endpoints[0]);
                PeerSession.Seat seat = new(peer, port, _plane.Drops, _plane.DeviceKey, _tunnel.Clock, _tunnel.Entropy);
                _peers.Add(peer.Key, new Entry(seat, StartSession(seat)));
                continue;
            }

            if (keyChange != KeyChange.None)
            {
                entry.Seat.DeviceKey = _plane.DeviceKey;
                entry.Session.Tell(new PeerSession.DeviceKeyChanged(Planned: keyChange == KeyChange.Rotated));
            }

            if (entry.Seat.Peer == peer)
                continue;
            entry.Seat.Peer = peer;
            entry.Session.Tell(new PeerSession.Update(peer));
        }

        _plane.Publish(state.Addresses, state.AnyDestination, [.. _peers.Values.Select(e => (e.Port, e.Seat.Peer))]);
    }

    // Those that are present under the key that they had before, and not also under the new one. Who took over another's former key is
    // somebody else, and of two that claim the same one goes on.
    static TunnelPeer[] Rotated<T>(Dictionary<TunnelPublicKey, TunnelPeer> wanted, Dictionary<TunnelPublicKey, T> present) =>
    [
        .. wanted.Values
            .Where(peer => peer.FormerKey is { } former && present.ContainsKey(former) && !present.ContainsKey(peer.Key) && !wanted.ContainsKey(former))
            .DistinctBy(peer => peer.FormerKey),
    ];

    // Nobody is a peer of itself: a configuration shared by several machines may list all of them.
    IEnumerable<TunnelPeer> Usable(TunnelState state) => _plane.DeviceKey is { PublicKey: var own } ? state.Peers.Where(p => p.Key != own) : state.Peers;

    IActorRef StartSession(PeerSession.Seat seat) =>
        Context.Watch(Context.ActorOf(Props.Create<PeerSession>(seat), Name(seat.Port.Key, ++_started)));

    // A peer that is removed and added again at once needs a name of its own: the old session may still be stopping.
    static string Name(TunnelPublicKey key, int number) =>
        Convert.ToHexStringLower(key.Value.Span[..8]) + "-" + number.ToString(CultureInfo.InvariantCulture);

    sealed record Revive(IActorRef Session);

    sealed record Entry(PeerSession.Seat Seat, IActorRef Session)
    {
        public IPeerPort Port => Seat.Port;
    }
}
