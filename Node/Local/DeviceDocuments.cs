namespace Mesh.Node.Local;

/// <summary>Says what carries the packets. Absent values are left out; the names are stable.</summary>
/// <param name="Backend"><c>managed</c>: this program; <c>uapi</c>: another WireGuard that this program drives.</param>
/// <param name="Capabilities">What the backend can do, by name.</param>
/// <param name="Lacks">What it cannot do that a backend might, one phrase each.</param>
/// <param name="Features">Offloads and queues of the open device; empty where the backend has none to tell of.</param>
sealed record TunnelDocument(
    string Backend, IReadOnlyList<string> Capabilities, IReadOnlyList<string> Lacks, IReadOnlyList<FeatureDocument> Features);

/// <summary>Says whether an offload is in use.</summary>
/// <param name="Name">Its name.</param>
/// <param name="On">Whether it is in use now.</param>
/// <param name="Detail">Why it is off, or how far it reaches; may be empty.</param>
sealed record FeatureDocument(string Name, bool On, string Detail);

/// <summary>Is what the daemon says of its device: <c>GET /v1/debug/device</c> and <c>mesh debug device --json</c>.</summary>
/// <param name="Interface">The network interface.</param>
/// <param name="ListenPort">The UDP port in use; 0 while no device is open.</param>
/// <param name="Tunnel">What carries the packets.</param>
/// <param name="Restarts">How often the device had to be reopened.</param>
/// <param name="Drops">Packets dropped, by reason; reasons that never happened are left out.</param>
/// <param name="Peers">The peers, by name.</param>
sealed record DeviceDocument(
    string Interface, int ListenPort, TunnelDocument Tunnel, int Restarts, IReadOnlyDictionary<string, long> Drops, IReadOnlyList<DevicePeerDocument> Peers);

/// <summary>Says how one peer of the device does.</summary>
/// <param name="Name">What people call it; its key where nobody does.</param>
/// <param name="PublicKey">Its WireGuard key.</param>
/// <param name="Endpoint">Where its packets go now; absent: nowhere yet.</param>
/// <param name="Suite">The cipher suite of its session; absent while there is none, or none is told of.</param>
/// <param name="SuiteFellBack">True where it left handshakes of a better suite unanswered, so that plain ones are sent; else absent.</param>
/// <param name="HandshakeAgeSeconds">Time since keys were last agreed; absent: they never were.</param>
/// <param name="RxBytes">Bytes received from it.</param>
/// <param name="TxBytes">Bytes sent to it.</param>
/// <param name="RxPackets">Packets received from it; absent where the backend does not count them.</param>
/// <param name="TxPackets">Packets sent to it; absent where the backend does not count them.</param>
sealed record DevicePeerDocument(
    string Name, string PublicKey, string? Endpoint, string? Suite, bool? SuiteFellBack, double? HandshakeAgeSeconds, long RxBytes, long TxBytes, long? RxPackets, long? TxPackets);
