using System.Globalization;
using Mesh.Actors.Device;
using Mesh.Protocol.Identity;

namespace Mesh.Actors.Peers;

/// <summary>
/// Keeps one <see cref="PeerSession"/> per peer (<c>peers</c>) and publishes routes and rules. A session that fails is restarted, however often:
/// its port keeps what must last. When this actor itself fails it is restarted with all sessions and makes the wanted state again; packets go on.
/// </summary>
public sealed class PeersSupervisor : ReceiveActor
{
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
        });
    }

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
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(_ => Directive.Restart);

    /// <inheritdoc/>
    protected override void PreStart()
    {
        // Peers that an earlier incarnation was removing when it failed.
        var wanted = _tunnel.Wanted.State.Peers.Select(p => p.Key).ToHashSet();
        foreach (var port in _plane.Ports.Where(p => !wanted.Contains(p.Key)))
        {
            _plane.RemovePeer(port);
            _plane.ForgetPeer(port);
        }

        Reconcile(_tunnel.Wanted.State);
    }

    void Reconcile(TunnelState state)
    {
        var wanted = state.Peers.ToDictionary(p => p.Key);
        foreach (var (key, entry) in _peers.Where(p => !wanted.ContainsKey(p.Key)).ToArray())
        {
            // Traffic stops here; the session's keys are zeroed once its actor has stopped.
            _plane.RemovePeer(entry.Port);
            _peers.Remove(key);
            _leaving.Add(entry.Session, entry.Port);
            Context.Watch(entry.Session);
            Context.Stop(entry.Session);
        }

        foreach (var peer in state.Peers)
        {
            if (!_peers.TryGetValue(peer.Key, out var entry))
            {
                var port = _plane.AddPeer(peer);
                // The session starts in its own time; packets that come before are held, not dropped, if they have somewhere to go.
                if (port.Endpoint.IsNone && !peer.Endpoints.IsEmpty)
                    port.SetEndpoint(peer.Endpoints[0]);
                var session = Context.ActorOf(
                    Props.Create<PeerSession>(new PeerSession.Seat(peer, port, _plane.Drops, _tunnel.DeviceKey, _tunnel.Clock, _tunnel.Entropy)),
                    Name(peer.Key, ++_started));
                _peers.Add(peer.Key, new Entry(peer, port, session));
                continue;
            }

            if (entry.Peer == peer)
                continue;
            _peers[peer.Key] = entry with { Peer = peer };
            entry.Session.Tell(new PeerSession.Update(peer));
        }

        _plane.Publish(state.Addresses, [.. _peers.Values.Select(e => (e.Port, e.Peer))]);
    }

    // A peer that is removed and added again at once needs a name of its own: the old session may still be stopping.
    static string Name(TunnelPublicKey key, int number) =>
        Convert.ToHexStringLower(key.Value.Span[..8]) + "-" + number.ToString(CultureInfo.InvariantCulture);

    sealed record Entry(TunnelPeer Peer, IPeerPort Port, IActorRef Session);
}
