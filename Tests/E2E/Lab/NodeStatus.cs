namespace Mesh.Tests.E2E.Lab;

/// <summary>Is what scripts may rely on in <c>mesh status --json</c>: written down a second time, so that a renamed member fails.</summary>
sealed record NodeStatus(
    string Version,
    string BackendState,
    string Interface,
    int ListenPort,
    int Epoch,
    long Revision,
    IReadOnlyList<NodeEntry> Peers,
    IReadOnlyList<string> Health,
    IReadOnlyDictionary<string, long> Drops,
    string? Network = null,
    string? MagicDNSSuffix = null,
    DateTimeOffset? ValidUntil = null,
    string? Controller = null,
    string? KeyWrapping = null,
    NodeEntry? Self = null,
    string? AuditHead = null)
{
    /// <summary>Finds a peer by its name.</summary>
    public NodeEntry? Peer(string name) => Peers.SingleOrDefault(peer => peer.HostName == name);

    /// <summary>Gets whether the node has a map in force and a controller.</summary>
    public bool IsAttached => BackendState == "Running" && Controller is not null;
}

/// <summary>Is a node in <see cref="NodeStatus"/>.</summary>
sealed record NodeEntry(
    string ID,
    string HostName,
    IReadOnlyList<string> Addresses,
    long RxBytes,
    long TxBytes,
    bool Active,
    string? DNSName = null,
    string? Owner = null,
    string? OS = null,
    string? PublicKey = null,
    IReadOnlyList<string>? Tags = null,
    string? CurAddr = null,
    DateTimeOffset? LastHandshake = null,
    DateTimeOffset? LastSeen = null,
    bool? Online = null,
    bool? Expired = null,
    DateTimeOffset? KeyExpiry = null)
{
    /// <summary>Gets the IPv4 address.</summary>
    public string V4 => Addresses.First(address => !address.Contains(':'));

    /// <summary>Gets the IPv6 address.</summary>
    public string V6 => Addresses.First(address => address.Contains(':'));
}
