using System.Collections.Immutable;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;

namespace Mesh.Actors.Device;

/// <summary>What a tunnel backend can do; callers ask before they rely on it.</summary>
[Flags]
public enum TunnelCapabilities
{
    /// <summary>Only what every backend does: peers, allowed addresses, statistics.</summary>
    None = 0,

    /// <summary>Enforces <see cref="TunnelPeer.Rules"/> on inner packets, in its own path.</summary>
    PacketFilter = 1,

    /// <summary>Counts drops by reason.</summary>
    DropCounters = 2,

    /// <summary>Tries several endpoints of a peer at once.</summary>
    EndpointCandidates = 4,

    /// <summary>Has the system's packet filter enforce <see cref="TunnelPeer.Rules"/> on its interface.</summary>
    SystemPacketFilter = 8,

    /// <summary>Counts packets of each peer, not only bytes.</summary>
    PacketCounters = 16,

    /// <summary>Agrees with a peer on a cipher suite other than WireGuard's own.</summary>
    CipherSuites = 32,

    /// <summary>Probes paths to peers from the port that it carries packets on.</summary>
    PathProbes = 64,

    /// <summary>
    /// Changes its own key by plan (<see cref="TunnelState.AlternateKey"/>) and follows that of a peer (<see cref="TunnelPeer.FormerKey"/>)
    /// while sessions go on. Without it, such a change ends them and they are agreed anew.
    /// </summary>
    KeyRotation = 128,
}

/// <summary>
/// A tunnel device with its peers, whoever carries the packets. Nothing above it knows which protocol that is. Members may be called from
/// any thread; calls that change something are applied in the order in which they were made.
/// </summary>
public interface ITunnelBackend : IAsyncDisposable
{
    /// <summary>What people call it: one lower-case word.</summary>
    string Name { get; }

    /// <summary>What this backend can do.</summary>
    TunnelCapabilities Capabilities { get; }

    /// <summary>Opens the device, makes it what the state says, and starts to carry packets.</summary>
    /// <exception cref="IOException">The device or its port cannot be opened; the message says why and what to do.</exception>
    Task<TunnelDeviceInfo> StartAsync(TunnelState state, CancellationToken cancellationToken);

    /// <summary>Makes key, port, addresses, routes and peers what the state says; peers that did not change keep their sessions.</summary>
    /// <exception cref="IOException">The system refused a port, an address or a route; peers are what the state says all the same.</exception>
    Task ApplyAsync(TunnelState state, CancellationToken cancellationToken);

    /// <summary>Counters and times now.</summary>
    TunnelStatistics ReadStatistics();

    /// <summary>Stops carrying packets and removes the device with what was set on it. Stopping twice is no error.</summary>
    Task StopAsync();
}

/// <summary>What an open device is called at one moment.</summary>
/// <param name="Interface">Interface name as the system gave it.</param>
/// <param name="ListenPort">UDP port in use.</param>
public sealed record TunnelDeviceInfo(string Interface, int ListenPort);

/// <summary>Counters of a device.</summary>
/// <param name="Peers">One entry per peer, in no order.</param>
/// <param name="Drops">Drops by reason, only those that occurred.</param>
/// <param name="DeviceRestarts">How often the device had to be reopened.</param>
public sealed record TunnelStatistics(
    ImmutableArray<TunnelPeerStatistics> Peers, IReadOnlyList<KeyValuePair<DropReason, long>> Drops, int DeviceRestarts)
{
    /// <summary>Offloads of the open device; empty while none is open.</summary>
    public ImmutableArray<FeatureState> Features { get; init; } = [];

    /// <summary>The UDP port in use; 0 while no device is open.</summary>
    public int ListenPort { get; init; }
}

/// <summary>Counters and times of a peer.</summary>
/// <param name="Key">The peer.</param>
/// <param name="Endpoint">Where datagrams go now; none when unknown.</param>
/// <param name="LastHandshake">When the last handshake completed, or null.</param>
/// <param name="LastReceived">When the last authenticated message came, or null.</param>
/// <param name="BytesReceived">Authenticated bytes received, message overhead included.</param>
/// <param name="BytesSent">Bytes sent, message overhead included.</param>
/// <param name="PacketsReceived">Inner packets delivered; 0 without <see cref="TunnelCapabilities.PacketCounters"/>.</param>
/// <param name="PacketsSent">Inner packets sent; 0 without <see cref="TunnelCapabilities.PacketCounters"/>.</param>
public sealed record TunnelPeerStatistics(
    TunnelPublicKey Key, EndpointAddress Endpoint, WallTime? LastHandshake, WallTime? LastReceived,
    long BytesReceived, long BytesSent, long PacketsReceived, long PacketsSent)
{
    /// <summary>The suite of the session that is sent with; null while there is none.</summary>
    public CipherSuite? Suite { get; init; }

    /// <summary>Whether the peer left initiations of another suite unanswered, so that plain ones are sent.</summary>
    public bool SuiteFellBack { get; init; }
}
