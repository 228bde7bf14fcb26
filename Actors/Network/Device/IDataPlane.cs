using System.Collections.Immutable;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;

namespace Mesh.Actors.Device;

/// <summary>
/// The tables that packets are carried by, as the actors see them: they publish, the packet threads read. The tables outlive every actor and
/// every opening of the device, so that a restart above loses no session. Members may be called from any thread.
/// </summary>
public interface IDataPlane
{
    /// <summary>Drops by reason.</summary>
    DropCounters Drops { get; }

    /// <summary>This device's key now, or null. It belongs to the tables; after it was replaced no agreement with it succeeds.</summary>
    X25519? DeviceKey { get; }

    /// <summary>
    /// Makes this the device's key; null: none. The tables keep copies and zero each when it is neither of the two any more.
    /// </summary>
    /// <param name="key">The key that handshakes are started with.</param>
    /// <param name="alternate">A second key that is answered to as well; null: none.</param>
    KeyChange SetPrivateKey(TunnelPrivateKey? key, TunnelPrivateKey? alternate = null);

    /// <summary>Adds a peer, or gives the one with that key. It gets packets once it has a session and routes point to it.</summary>
    IPeerPort AddPeer(TunnelPeer peer);

    /// <summary>Removes a peer: from now on nothing is sent to it or taken from it. Its session actor may still be running.</summary>
    void RemovePeer(IPeerPort peer);

    /// <summary>Has a present peer go on under another key, with its sessions, flows and counters; no present peer has that key.</summary>
    void RekeyPeer(IPeerPort peer, TunnelPublicKey key);

    /// <summary>Zeroes the sessions of a removed peer and forgets its flows; its session actor has stopped.</summary>
    void ForgetPeer(IPeerPort peer);

    /// <summary>The peers that are present.</summary>
    ImmutableArray<IPeerPort> Ports { get; }

    /// <summary>Counters of every peer.</summary>
    ImmutableArray<TunnelPeerStatistics> ReadPeers();

    /// <summary>Publishes which destinations are taken and, from the peers' allowed addresses, the routes; rules of the peers take effect at once.</summary>
    /// <param name="own">Addresses of our own.</param>
    /// <param name="anyDestination">Whether packets from peers may go to any other address too.</param>
    /// <param name="peers">The peers.</param>
    void Publish(ImmutableArray<InterfaceAddress> own, bool anyDestination, IReadOnlyCollection<(IPeerPort Port, TunnelPeer Peer)> peers);

    /// <summary>Opens the device and its port with the state's port and mark, and starts the packet threads.</summary>
    /// <exception cref="IOException">The device or its port cannot be opened; the message says why and what to do.</exception>
    ITunnelDevice Open(TunnelState state);
}

/// <summary>Says what became of a device's key.</summary>
public enum KeyChange
{
    /// <summary>It is the same.</summary>
    None,

    /// <summary>It is another one by plan: the new key was answered to before, or the former one is from now on. Sessions go on.</summary>
    Rotated,

    /// <summary>It is another one, and nothing agreed with the former one goes on.</summary>
    Replaced,
}

/// <summary>An open device with running packet threads.</summary>
public interface ITunnelDevice : IDisposable
{
    /// <summary>What it is called now.</summary>
    TunnelDeviceInfo Info { get; }

    /// <summary>Which offloads it uses now.</summary>
    ImmutableArray<FeatureState> Features { get; }

    /// <summary>Faults when a packet thread had to give up; never completes otherwise. The device must then be disposed and opened again.</summary>
    Task Failure { get; }

    /// <summary>Makes port and mark what the state says and, where the interface is ours to manage, its MTU, addresses and routes.</summary>
    /// <exception cref="IOException">The system refused; its HResult is the errno.</exception>
    void Configure(TunnelState state);
}

/// <summary>What the data path has to tell a peer's session actor; each is told once until the actor has taken it.</summary>
[Flags]
public enum PeerSignals
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>A packet waits for a session.</summary>
    SessionWanted = 1,

    /// <summary>The session's keys are old.</summary>
    Rekey = 2,

    /// <summary>Traffic started after a pause.</summary>
    Activity = 4,

    /// <summary>The first packet arrived on a session that we answered.</summary>
    Confirmed = 8,

    /// <summary>An authenticated initiation waits.</summary>
    Initiation = 16,

    /// <summary>A response or cookie reply waits.</summary>
    Answer = 32,

    /// <summary>Authenticated packets come from another endpoint; the data path already sends there.</summary>
    EndpointMoved = 64,
}

/// <summary>
/// One peer in the data path, as its session actor sees it. Outlives the actor: a new incarnation attaches to it again. Members may be called
/// from any thread unless said otherwise.
/// </summary>
public interface IPeerPort
{
    /// <summary>The peer's static key now.</summary>
    TunnelPublicKey Key { get; }

    /// <summary>Small number that is unique among present peers.</summary>
    int Number { get; }

    /// <summary>Session indexes, published sessions.</summary>
    ISessionIndexes Indexes { get; }

    /// <summary>What one incarnation of the peer's machine leaves to the next.</summary>
    PeerContinuity Continuity { get; }

    /// <summary>Where packets are sent now; none when unknown.</summary>
    EndpointAddress Endpoint { get; }

    /// <summary>
    /// Sets what is called when there is something to tell, from any thread and without blocking; null detaches. It is called again only
    /// after <see cref="TakeSignals"/>. Signals that wait are told at once.
    /// </summary>
    void Attach(Action? wake);

    /// <summary>Takes what is to be told.</summary>
    PeerSignals TakeSignals();

    /// <summary>The session that raised one of the session signals last, or null.</summary>
    TransportSession? RaisedBy(SessionSignals signal);

    /// <summary>Takes the initiation that waits; the newest only. The taker disposes it.</summary>
    AuthenticatedInitiation? TakeInitiation(out EndpointAddress from);

    /// <summary>Takes a response or cookie reply that waits.</summary>
    /// <param name="buffer">At least <see cref="TunnelMessage.MaximumHandshakeSize"/> bytes.</param>
    /// <param name="length">Its length.</param>
    /// <param name="from">Where it came from.</param>
    bool TryTakeAnswer(Span<byte> buffer, out int length, out EndpointAddress from);

    /// <summary>Sends packets with this session from now on, first those that were held; with null, holds them.</summary>
    void SetSendSession(TransportSession? session);

    /// <summary>Sends to this endpoint from now on.</summary>
    void SetEndpoint(EndpointAddress endpoint);

    /// <summary>Drops the packets that are held; the next packet asks for a session again.</summary>
    void DropHeld(DropReason reason);

    /// <summary>Sends a datagram that the peer's machine made. Errors are counted, not thrown.</summary>
    void Transmit(ReadOnlySpan<byte> datagram, EndpointAddress to);

    /// <summary>Counts a handshake message that the peer's machine accepted, in bytes, for statistics.</summary>
    void NoteReceived(int bytes);

    /// <summary>Records when the last handshake completed, for statistics.</summary>
    void NoteHandshake(WallTime at);
}
