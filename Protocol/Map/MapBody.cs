using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Protocol.Map;

/// <summary>
/// Is everything a node must know of its network, as a pure function of the journal up to a revision: no endpoint, no presence, no
/// clock in it. Its canonical bytes are UTF-8 JSON without white space, properties in the order written here, absent values left
/// out, lists in the order that each names. Immutable.
/// </summary>
/// <param name="Network">The network.</param>
/// <param name="Self">The node itself.</param>
/// <param name="Zone">The DNS zone that names live in, without dots at its ends: <c>mesh.internal</c>.</param>
/// <param name="Prefixes">The address ranges of the network, as CIDR text: one IPv4, one IPv6.</param>
/// <param name="Peers">The nodes that this one may know of, sorted by id.</param>
/// <param name="Controllers">The controllers, sorted by id.</param>
/// <param name="Withdrawn">Controllers whose delegation no longer counts, sorted.</param>
public sealed record MapBody(
    NetworkId Network,
    SelfEntry Self,
    string Zone,
    IReadOnlyList<string> Prefixes,
    IReadOnlyList<PeerEntry> Peers,
    IReadOnlyList<ControllerEntry> Controllers,
    IReadOnlyList<ControllerId> Withdrawn);

/// <summary>Describes the node that a map is for.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">Its name, unique in the network: one DNS label.</param>
/// <param name="Addresses">Its overlay addresses: IPv4 first, then IPv6, without prefix lengths.</param>
/// <param name="Tags">Its tags without the <c>tag:</c> prefix, sorted.</param>
/// <param name="Owner">The name of the user it belongs to; absent when tags own it.</param>
/// <param name="Waits">True where it has no peers because an admin has not let it in yet; else absent.</param>
/// <param name="ExpiresAt">The last moment before it must join again; absent: never.</param>
/// <param name="Expired">True where that moment is over: it opens no peer, and no peer opens it; else absent.</param>
public sealed record SelfEntry(
    NodeId Id,
    string Name,
    IReadOnlyList<string> Addresses,
    IReadOnlyList<string> Tags,
    string? Owner = null,
    bool? Waits = null,
    WallTime? ExpiresAt = null,
    bool? Expired = null);

/// <summary>Describes one peer and the rules between it and the node that the map is for.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">Its name.</param>
/// <param name="TunnelKey">Its WireGuard static key.</param>
/// <param name="SigningKey">Verifies its endpoint hints.</param>
/// <param name="Addresses">Its overlay addresses: IPv4 first, then IPv6.</param>
/// <param name="Tags">Its tags, sorted.</param>
/// <param name="Accept">What it may open towards this node; empty: nothing but replies.</param>
/// <param name="Send">What this node may open towards it; empty: nothing but replies.</param>
/// <param name="Owner">Its owner, where it has one.</param>
/// <param name="Os">Its operating system as it reported it, for display.</param>
/// <param name="Suites">The transport suites that both ends announce, beside plain WireGuard; absent: none.</param>
/// <param name="Expired">True where it must join again before anybody talks to it: it is shown and not opened; else absent.</param>
/// <param name="FormerKey">The WireGuard key that it had before it changed it by plan: sessions with it go on; absent: none.</param>
public sealed record PeerEntry(
    NodeId Id,
    string Name,
    TunnelPublicKey TunnelKey,
    SigningPublicKey SigningKey,
    IReadOnlyList<string> Addresses,
    IReadOnlyList<string> Tags,
    IReadOnlyList<Grant> Accept,
    IReadOnlyList<Grant> Send,
    string? Owner = null,
    string? Os = null,
    IReadOnlyList<string>? Suites = null,
    bool? Expired = null,
    TunnelPublicKey? FormerKey = null);

/// <summary>Allows new flows of some kind; replies to an allowed flow need no grant.</summary>
/// <param name="Protocol">The IP protocol number; absent: every protocol.</param>
/// <param name="Ports">Destination ports; absent: every port. Present only where the protocol has ports.</param>
/// <param name="Destinations">Prefixes behind the receiver, as CIDR text; absent: the receiver's own addresses.</param>
public sealed record Grant(byte? Protocol = null, IReadOnlyList<PortRange>? Ports = null, IReadOnlyList<string>? Destinations = null)
{
    /// <summary>Allows everything towards the receiver's own addresses.</summary>
    public static Grant Everything { get; } = new();
}

/// <summary>Is a range of ports, both ends included.</summary>
public sealed record PortRange(ushort First, ushort Last);

/// <summary>Names one controller that a node may attach to.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Addresses">Where it answers: <c>host:port</c>, in order of preference.</param>
public sealed record ControllerEntry(ControllerId Id, IReadOnlyList<string> Addresses);
