using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Events;

/// <summary>
/// <c>allocation.reserved.v1</c> on <c>allocations</c>: a node id, name and addresses for whoever enrolls with a credential. Written
/// again with the same node id and addresses where another machine presents the credential before it is used, and where a present
/// machine joins again with another credential.
/// </summary>
/// <param name="CommandId">The command.</param>
/// <param name="By">Who.</param>
/// <param name="At">When.</param>
/// <param name="Credential">The credential that it is for.</param>
/// <param name="Node">The node's id.</param>
/// <param name="Name">The node's name.</param>
/// <param name="Ipv4">The IPv4 address; never given to another node.</param>
/// <param name="Ipv6">The IPv6 address; never given to another node.</param>
/// <param name="SigningKey">The machine's identity key.</param>
/// <param name="TunnelKey">The machine's WireGuard key; no two present nodes share one.</param>
/// <param name="Owner">The user it belongs to; absent where tags own it.</param>
/// <param name="Tags">Its tags, sorted.</param>
public sealed record AllocationReserved(
    string CommandId, string By, WallTime At, CredentialId Credential, NodeId Node, string Name, string Ipv4, string Ipv6,
    SigningPublicKey SigningKey, TunnelPublicKey TunnelKey, string? Owner, IReadOnlyList<string> Tags) : INetworkEvent;

/// <summary>
/// <c>allocation.released.v1</c> on <c>allocations</c>: the node is gone. Its keys are free; its name goes only to a machine of the
/// same owner or tags, because rules may name it; its addresses to nobody.
/// </summary>
/// <param name="CommandId">The command.</param>
/// <param name="By">Who.</param>
/// <param name="At">When.</param>
/// <param name="Node">The node.</param>
public sealed record AllocationReleased(string CommandId, string By, WallTime At, NodeId Node) : INetworkEvent;

/// <summary><c>node.registered.v1</c> on <c>node-ID</c>: follows from <c>credential.used.v1</c>, once per credential.</summary>
/// <param name="CommandId">The command.</param>
/// <param name="By">Who.</param>
/// <param name="At">When.</param>
/// <param name="Credential">The credential that it joined with.</param>
/// <param name="Node">The machine.</param>
public sealed record NodeRegistered(string CommandId, string By, WallTime At, CredentialId Credential, EnrolledNode Node) : INetworkEvent;

/// <summary><c>node.announced.v1</c> on <c>node-ID</c>: the node, as it attached, announced other suites than before.</summary>
/// <param name="CommandId">The command.</param>
/// <param name="By">Who.</param>
/// <param name="At">When.</param>
/// <param name="Node">The node.</param>
/// <param name="Suites">The names of the transport suites beside plain WireGuard that it announces, sorted; those that this version knows.</param>
public sealed record NodeAnnounced(string CommandId, string By, WallTime At, NodeId Node, IReadOnlyList<string> Suites) : INetworkEvent;

/// <summary><c>node.revoked.v1</c> on <c>node-ID</c>: an admin takes the node out.</summary>
/// <param name="CommandId">The command.</param>
/// <param name="By">Who.</param>
/// <param name="At">When.</param>
/// <param name="Node">The node.</param>
public sealed record NodeRevoked(string CommandId, string By, WallTime At, NodeId Node) : INetworkEvent;

/// <summary><c>node.logged-out.v1</c> on <c>node-ID</c>: the node takes itself out.</summary>
/// <param name="CommandId">The command.</param>
/// <param name="By">Who.</param>
/// <param name="At">When.</param>
/// <param name="Node">The node.</param>
public sealed record NodeLoggedOut(string CommandId, string By, WallTime At, NodeId Node) : INetworkEvent;

/// <summary><c>node.approved.v1</c> on <c>node-ID</c>: the node waits no longer.</summary>
/// <param name="CommandId">The command.</param>
/// <param name="By">Who.</param>
/// <param name="At">When.</param>
/// <param name="Node">The node.</param>
public sealed record NodeApproved(string CommandId, string By, WallTime At, NodeId Node) : INetworkEvent;

/// <summary>
/// <c>node.renamed.v1</c> on <c>allocations</c>, where names are held: the old name goes to the same owner's machines only, as that of
/// a node that is gone.
/// </summary>
/// <param name="CommandId">The command.</param>
/// <param name="By">Who.</param>
/// <param name="At">When.</param>
/// <param name="Node">The node.</param>
/// <param name="Name">Its name from here on, also when it joins again.</param>
public sealed record NodeRenamed(string CommandId, string By, WallTime At, NodeId Node, string Name) : INetworkEvent;

/// <summary>
/// <c>node.rotated.v1</c> on <c>allocations</c>, where keys are held: the node itself changes its WireGuard key by plan. Peers take the
/// former key's sessions along; the former key is free.
/// </summary>
/// <param name="CommandId">The command.</param>
/// <param name="By">Who: the node.</param>
/// <param name="At">When.</param>
/// <param name="Node">The node.</param>
/// <param name="SigningKey">Its identity key, which stays.</param>
/// <param name="FormerKey">The WireGuard key that it had.</param>
/// <param name="TunnelKey">The WireGuard key that it has from here on; no two present nodes share one.</param>
public sealed record NodeRotated(
    string CommandId, string By, WallTime At, NodeId Node, SigningPublicKey SigningKey, TunnelPublicKey FormerKey, TunnelPublicKey TunnelKey) : INetworkEvent;

/// <summary><c>node.tagged.v1</c> on <c>node-ID</c>: an admin says whose the node is. Tags given so hold also when it joins again.</summary>
/// <param name="CommandId">The command.</param>
/// <param name="By">Who.</param>
/// <param name="At">When.</param>
/// <param name="Node">The node.</param>
/// <param name="Owner">The user it belongs to; absent where tags own it.</param>
/// <param name="Tags">Its tags, sorted, without prefix; empty where a user owns it.</param>
public sealed record NodeTagged(string CommandId, string By, WallTime At, NodeId Node, string? Owner, IReadOnlyList<string> Tags) : INetworkEvent;

/// <summary><c>node.expiry-set.v1</c> on <c>node-ID</c>: says when the node must join again; a later moment than now revives it.</summary>
/// <param name="CommandId">The command.</param>
/// <param name="By">Who.</param>
/// <param name="At">When.</param>
/// <param name="Node">The node.</param>
/// <param name="ExpiresAt">The last moment; absent: never.</param>
public sealed record NodeExpirySet(string CommandId, string By, WallTime At, NodeId Node, WallTime? ExpiresAt) : INetworkEvent;

/// <summary><c>node.expired.v1</c> on <c>node-ID</c>: its time is over, peers drop it until it joins again.</summary>
/// <param name="CommandId">The command.</param>
/// <param name="By">Who.</param>
/// <param name="At">When.</param>
/// <param name="Node">The node.</param>
public sealed record NodeExpired(string CommandId, string By, WallTime At, NodeId Node) : INetworkEvent;

/// <summary><c>node.deleted.v1</c> on <c>node-ID</c>: nothing lists the node any more; where it was in the network, it is out.</summary>
/// <param name="CommandId">The command.</param>
/// <param name="By">Who.</param>
/// <param name="At">When.</param>
/// <param name="Node">The node.</param>
public sealed record NodeDeleted(string CommandId, string By, WallTime At, NodeId Node) : INetworkEvent;
