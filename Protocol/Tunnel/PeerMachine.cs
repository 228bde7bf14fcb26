using System.Diagnostics.CodeAnalysis;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Protocol.Tunnel;

/// <summary>
/// Runs the protocol with one peer: handshakes, session rotation and every timer (WireGuard paper sections 5 and 6). It does no I/O:
/// authenticated initiations, responses, cookie replies, signals of the data path and time go in; datagrams, events and the next deadline
/// come out. Owned by one actor; not safe for concurrent use.
/// </summary>
/// <remarks>
/// After every call the owner drains <see cref="TryTakeEvent"/>, then <see cref="TryTakeTransmit"/>,
/// and arms one timer for <see cref="NextDeadline"/>. Every method that takes a message returns the reason for which it was not taken;
/// the state then did not change.
/// </remarks>
public sealed partial class PeerMachine
{
    PeerOptions _options;
    readonly PeerContinuity _continuity;
    readonly ISessionIndexes _indexes;
    readonly IEntropy _entropy;
    readonly TimerTable _timers = new();
    readonly Queue<PeerEvent> _events = new();
    MessageMacs _macs;

    /// <summary>
    /// Creates the machine of a peer; with a used <paramref name="continuity"/> it carries on where the last one stopped. An owner that
    /// restarts while packets are held calls <see cref="HandlePacketQueued"/> once.
    /// </summary>
    public PeerMachine(PeerOptions options, PeerContinuity continuity, ISessionIndexes indexes, IEntropy entropy, Instant now)
    {
        _options = options;
        _continuity = continuity;
        _indexes = indexes;
        _entropy = entropy;
        _macs = new MessageMacs(options.Peer);
        if (_continuity.Endpoint.IsNone)
            _continuity.Endpoint = options.Endpoint;
        if (!_continuity.Endpoint.IsNone)
            _events.Enqueue(new PeerEvent.EndpointChanged(_continuity.Endpoint));
        AdoptSessions(now);
        if (options.Suite == CipherSuite.ChaCha20Poly1305)
            ForgetFallback();
        if (options.PersistentKeepalive > TimeSpan.Zero)
            _timers.Set(TunnelTimer.PersistentKeepalive, now);
    }

    /// <summary>Gets when <see cref="HandleTimeout"/> is wanted next, and which timer that is; null when nothing is pending.</summary>
    public Deadline? NextDeadline => _timers.Next;

    /// <summary>Gets whether an initiation is outstanding or due.</summary>
    public bool IsHandshaking => _attemptStart is not null;

    /// <summary>Gets the endpoint that is sent to.</summary>
    public EndpointAddress Endpoint => _continuity.Endpoint;

    /// <summary>Gets the session that is sent with, or null.</summary>
    public TransportSession? CurrentSession => _continuity.Current;

    /// <summary>Gets when a handshake last completed, or null.</summary>
    public Instant? LastHandshake => _continuity.LastHandshake;

    PeerActivity Activity => _continuity.Activity;

    /// <summary>Takes what a packet thread was told when it sealed or opened a packet on a session of this peer.</summary>
    public void HandleSignals(TransportSession session, SessionSignals signals, Instant now)
    {
        if ((signals & SessionSignals.Confirmed) != 0 && session == _continuity.Next)
            ConfirmNext(now);
        // An old session may say so too when there is no younger one: after crossing handshakes the peer may be sending on it.
        if ((signals & SessionSignals.Rekey) != 0
            && (_continuity.Current is not { } current || current == session
                || now - current.EstablishedAt >= TunnelSpecification.RekeyAfterTime))
            StartHandshake(now);
        if ((signals & SessionSignals.Activity) != 0)
            Watch(now);
    }

    /// <summary>Takes the word that a packet waits and there is no session to send it with.</summary>
    public void HandlePacketQueued(Instant now)
    {
        if (_continuity.Current is { } current && now - current.EstablishedAt < TunnelSpecification.RejectAfterTime)
            return;
        // Somebody still wants to talk: an attempt under way gets its full time again.
        if (IsHandshaking)
            _attemptStart = now;
        else
            StartHandshake(now);
    }

    /// <summary>Takes the word that an authenticated packet came from another endpoint than the published one.</summary>
    public void HandleEndpointSeen(EndpointAddress from)
    {
        if (from.IsNone || from == _continuity.Endpoint)
            return;
        _continuity.Endpoint = from;
        _events.Enqueue(new PeerEvent.EndpointChanged(from));
    }

    /// <summary>
    /// Takes another configuration. Sessions stay, and so does a handshake that is under way: another suite or pre-shared key counts from
    /// the next initiation on, and a session of another suite than is now asked for is renewed.
    /// </summary>
    public void Configure(CipherSuite suite, PresharedKey? presharedKey, TimeSpan persistentKeepalive, Instant now)
    {
        var before = _options;
        _options = before with { Suite = suite, PresharedKey = presharedKey, PersistentKeepalive = persistentKeepalive };
        if (persistentKeepalive != before.PersistentKeepalive)
            _timers.Set(TunnelTimer.PersistentKeepalive, persistentKeepalive > TimeSpan.Zero ? now : null);
        if (suite == before.Suite)
            return;
        _aesInitiations = 0;
        if (suite == CipherSuite.ChaCha20Poly1305)
            ForgetFallback();
        RenewOtherSuite(now);
    }

    /// <summary>Replaces the endpoint by configuration; an initiation that waited for one goes out with the next transmit.</summary>
    public void SetEndpoint(EndpointAddress endpoint) => HandleEndpointSeen(endpoint);

    /// <summary>
    /// Writes the next datagram to send, if there is one. The buffer has at least 148 bytes. The wall clock becomes the timestamp of an
    /// initiation.
    /// </summary>
    public bool TryTakeTransmit(Span<byte> buffer, Instant now, WallTime wallClock, out Transmit transmit) =>
        TryTakeResponse(buffer, now, out transmit)
        || TryTakeKeepalive(buffer, now, out transmit)
        || TryTakeInitiation(buffer, now, wallClock, out transmit);

    /// <summary>Takes the next event, in the order in which they happened.</summary>
    public bool TryTakeEvent([NotNullWhen(true)] out PeerEvent? peerEvent) => _events.TryDequeue(out peerEvent);

    /// <summary>Zeroes all keys and gives all indexes back, with events; for a peer that is removed or an interface that goes
    /// down.</summary>
    public void Shutdown()
    {
        EndHandshake();
        RetireAll();
        _macs.Clear();
        _responseLength = 0;
        _keepaliveDue = false;
        _timers.ClearAll();
        Activity.EndWatch();
    }
}
