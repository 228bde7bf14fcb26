using System.Collections.Immutable;
using Mesh.Actors.Device;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;

namespace Mesh.Actors.Peers;

/// <summary>
/// Drives the protocol with one peer (<c>peers/ID</c>): gives the machine what the data path noticed, sends what it produces, publishes its
/// sessions, and arms one timer for its next deadline. It supervises nothing. When it fails it is restarted and carries on from what the port
/// keeps: the session, the endpoint and the newest timestamps; packets go on meanwhile. Lost is a handshake that was under way.
/// </summary>
public sealed partial class PeerSession : ReceiveActor, IWithTimers
{
    // One turn handles at most this many events and datagrams; a machine that produced more would be broken.
    const int MaxPerTurn = 64;

    readonly Seat _seat;
    readonly IPeerPort _port;
    readonly ITunnelClock _clock;
    readonly IEntropy _entropy;
    readonly DropCounters _drops;
    readonly byte[] _buffer = new byte[TunnelMessage.MaximumHandshakeSize];
    PeerMachine? _machine;
    TunnelPeer _peer;
    int _unanswered;

    /// <summary>Takes what outlives the actor.</summary>
    public PeerSession(Seat seat)
    {
        _seat = seat;
        (_peer, _port, _drops, _, _clock, _entropy) = seat;
        Receive<Woken>(_ => HandleSignals());
        Receive<Due>(_ => HandleDue());
        Receive<Update>(update => HandleUpdate(update.Peer));
        Receive<DeviceKeyChanged>(changed => HandleDeviceKeyChanged(changed.Planned));
        Receive<StartHandshake>(_ =>
        {
            _machine?.StartHandshake(_clock.Now);
            Drive();
        });
    }

    /// <inheritdoc/>
    public ITimerScheduler Timers { get; set; } = null!;

    /// <inheritdoc/>
    protected override void PreStart()
    {
        CreateMachine();
        Attach();
        Drive();
    }

    /// <inheritdoc/>
    protected override void PostStop() => _port.Attach(null);

    /// <summary>What a peer's actor is given, and what outlives it: a new incarnation finds here what is configured by then.</summary>
    /// <param name="Peer">The peer as configured at the start.</param>
    /// <param name="Port">Its place in the data path.</param>
    /// <param name="Drops">Where refused messages are counted.</param>
    /// <param name="DeviceKey">This device's key at the start; null: none, and no handshakes.</param>
    /// <param name="Clock">Time.</param>
    /// <param name="Entropy">Ephemeral keys and jitter.</param>
    public sealed record Seat(
        TunnelPeer Peer, IPeerPort Port, DropCounters Drops, X25519? DeviceKey, ITunnelClock Clock, IEntropy Entropy)
    {
        volatile TunnelPeer _peer = Peer;
        volatile X25519? _deviceKey = DeviceKey;

        /// <summary>The peer as configured now. Set by the supervisor, which also tells <see cref="Update"/>.</summary>
        public TunnelPeer Peer { get => _peer; set => _peer = value; }

        /// <summary>This device's key now, or null. Set by the supervisor, which also tells <see cref="DeviceKeyChanged"/>.</summary>
        public X25519? DeviceKey { get => _deviceKey; set => _deviceKey = value; }
    }

    /// <summary>The data path has something to tell: <see cref="IPeerPort.TakeSignals"/>.</summary>
    public sealed record Woken : INotInfluenceReceiveTimeout
    {
        /// <summary>The one instance.</summary>
        public static readonly Woken Instance = new();
    }

    /// <summary>The machine's deadline has come. Told early it does nothing.</summary>
    public sealed record Due
    {
        /// <summary>The one instance.</summary>
        public static readonly Due Instance = new();
    }

    /// <summary>The peer is configured otherwise now; another key is a planned change of it, over which sessions go on.</summary>
    public sealed record Update(TunnelPeer Peer);

    /// <summary>The device has another key, <see cref="Seat.DeviceKey"/>.</summary>
    /// <param name="Planned">Whether sessions made with the old one go on; else they end.</param>
    public sealed record DeviceKeyChanged(bool Planned);

    /// <summary>Asks for a handshake now, whatever the age of the session.</summary>
    public sealed record StartHandshake
    {
        /// <summary>The one instance.</summary>
        public static readonly StartHandshake Instance = new();
    }

    // Attaching anew also tells again that packets wait, which a machine that was replaced took with it.
    void Attach()
    {
        var self = Self;
        _port.Attach(() => self.Tell(Woken.Instance, ActorRefs.NoSender));
    }

    void CreateMachine()
    {
        _machine = null;
        if (_seat.DeviceKey is not { } deviceKey)
            return;
        var continuity = _port.Continuity;
        _machine = new PeerMachine(
            new PeerOptions
            {
                DeviceKey = deviceKey, Peer = _peer.Key, Suite = _peer.Suite, PresharedKey = _peer.PresharedKey, PersistentKeepalive = _peer.PersistentKeepalive,
                Endpoint = continuity.Endpoint.IsNone ? _peer.Endpoints.FirstOrDefault() : continuity.Endpoint,
            },
            continuity, _port.Indexes, _entropy, _clock.Now);
        // The data path follows a peer at once: where an earlier incarnation failed, it may know more than was kept.
        if (!_port.Endpoint.IsNone)
            _machine.HandleEndpointSeen(_port.Endpoint);
    }

    void HandleDue()
    {
        _machine?.HandleTimeout(_clock.Now);
        Drive();
    }

    void HandleUpdate(TunnelPeer peer)
    {
        var before = _peer;
        _peer = peer;
        // In place: a machine made anew would forget the handshake that is under way, and what answers it.
        _machine?.Configure(peer.Suite, peer.PresharedKey, peer.PersistentKeepalive, _clock.Now);
        if (peer.Key != before.Key)
            _machine?.ChangePeerKey(peer.Key, _clock.Now);

        // An endpoint that works is not given up for a hint; one that does not, or that there is none of, is.
        var hinted = !before.Endpoints.SequenceEqual(peer.Endpoints) && !IsProven && !peer.Endpoints.Contains(_port.Endpoint);
        if ((hinted || before.EndpointCommand != peer.EndpointCommand) && !peer.Endpoints.IsEmpty)
        {
            _port.SetEndpoint(peer.Endpoints[0]);
            _machine?.SetEndpoint(peer.Endpoints[0]);
        }

        Drive();
    }

    void HandleDeviceKeyChanged(bool planned)
    {
        if (planned && _machine is not null && _seat.DeviceKey is { } key)
        {
            _machine.ChangeDeviceKey(key);
            return;
        }

        // What was agreed with the old key ends with it; the new machine finds nothing to carry on with but the endpoint.
        _machine?.Shutdown();
        Drive();
        CreateMachine();
        Attach();
        Drive();
    }

    // Heard from the peer within the time after which the protocol itself doubts it.
    bool IsProven => _port.Continuity.Activity.LastReceived is { } at && _clock.Now - at < TunnelSpecification.RejectAfterTime && _unanswered < 2;
}
