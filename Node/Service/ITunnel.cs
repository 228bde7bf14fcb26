using System.Net;
using Mesh.Actors.Device;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;

namespace Mesh.Node.Service;

/// <summary>
/// Is a running tunnel as the daemon sees it: interface, port, peers and rules. Disposing it takes the interface and what was set
/// on it away. Safe for concurrent use.
/// </summary>
interface ITunnel : IAsyncDisposable
{
    /// <summary>Starts another actor of the node beside those of the tunnel; it ends with the tunnel at the latest.</summary>
    Task<IActorRef> StartActorAsync(string name, Props props);

    /// <summary>Gets the name of the interface.</summary>
    string Interface { get; }

    /// <summary>Gets the UDP port in use.</summary>
    int Port { get; }

    /// <summary>Gets the suites that are announced beside plain WireGuard.</summary>
    IReadOnlyList<CipherSuite> Suites { get; }

    /// <summary>Makes addresses, peers and rules what the body says; null closes every peer. Done when they are in force.</summary>
    /// <param name="body">The body.</param>
    /// <param name="endpoints">Where peers may be reached.</param>
    /// <exception cref="IOException">The system would not have it.</exception>
    Task ApplyAsync(MapBody? body, IReadOnlyDictionary<NodeId, IReadOnlyList<IPEndPoint>> endpoints);

    /// <summary>
    /// Starts handshakes with one key from now on and answers to a second one as well. Where one of the two was answered to before, sessions go
    /// on. Done when it is so; the keys stay the caller's and outlive the next call.
    /// </summary>
    /// <exception cref="IOException">The system would not have it.</exception>
    Task SetKeysAsync(TunnelPrivateKey key, TunnelPrivateKey? alternate);

    /// <summary>Says what carries the packets and how that does.</summary>
    TunnelReport Report();

    /// <summary>Counts the actors that all of this lives in.</summary>
    ActorReport Actors();

    /// <summary>Counts what went to and from each peer.</summary>
    IReadOnlyDictionary<TunnelPublicKey, PeerTraffic> Traffic();

    /// <summary>Counts dropped packets by reason; reasons that never happened are left out.</summary>
    IReadOnlyDictionary<string, long> Drops();
}

/// <summary>Says what carries the packets.</summary>
/// <param name="Backend">Name of the backend.</param>
/// <param name="Capabilities">What it can do.</param>
/// <param name="Statistics">What it counts, now.</param>
sealed record TunnelReport(string Backend, TunnelCapabilities Capabilities, TunnelStatistics Statistics);

/// <summary>Says what went to and from one peer.</summary>
/// <param name="Endpoint">Where its packets go now; null: nowhere yet.</param>
/// <param name="RxBytes">Bytes received from it.</param>
/// <param name="TxBytes">Bytes sent to it.</param>
/// <param name="LastHandshake">When keys were last agreed; null: never.</param>
/// <param name="Suite">The suite of its session; null: there is none.</param>
/// <param name="SuiteFellBack">Whether it left initiations of another suite unanswered.</param>
readonly record struct PeerTraffic(
    IPEndPoint? Endpoint, long RxBytes, long TxBytes, DateTimeOffset? LastHandshake, CipherSuite? Suite = null, bool SuiteFellBack = false);
