using System.Text.Json.Serialization;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Trust;

namespace Mesh.Protocol.Map;

/// <summary>
/// Is one node's share of a commit. Exactly one of <see cref="Full"/>, <see cref="Delta"/>, <see cref="Renewal"/> and
/// <see cref="Removal"/> is present.
/// </summary>
/// <param name="Node">The node that it is for; another node refuses it.</param>
/// <param name="Full">Replaces whatever the node has.</param>
/// <param name="Delta">Changes the body that the node has.</param>
/// <param name="Renewal">Says that the body that the node has still holds.</param>
/// <param name="Removal">Says that the node no longer belongs to the network.</param>
public sealed record MapLeaf(
    NodeId Node,
    MapBody? Full = null,
    MapDelta? Delta = null,
    MapRenewal? Renewal = null,
    MapRemoval? Removal = null);

/// <summary>Changes one body into the next.</summary>
/// <param name="BaseHash">SHA-256 over the canonical bytes of the body that it applies to.</param>
/// <param name="ResultHash">SHA-256 over the canonical bytes of the body that results.</param>
/// <param name="Self">Replaces the entry of the node itself.</param>
/// <param name="Set">Peers to add or replace, sorted by id.</param>
/// <param name="Removed">Peers to take away, sorted.</param>
/// <param name="Controllers">Replaces the list of controllers.</param>
/// <param name="Withdrawn">Replaces the list of withdrawn controllers.</param>
public sealed record MapDelta(
    Digest256 BaseHash,
    Digest256 ResultHash,
    SelfEntry? Self = null,
    IReadOnlyList<PeerEntry>? Set = null,
    IReadOnlyList<NodeId>? Removed = null,
    IReadOnlyList<ControllerEntry>? Controllers = null,
    IReadOnlyList<ControllerId>? Withdrawn = null);

/// <summary>Says that a body still holds at the head's revision.</summary>
/// <param name="BodyHash">SHA-256 over the canonical bytes of the body.</param>
public sealed record MapRenewal(Digest256 BodyHash);

/// <summary>Says that a node was taken out of the network.</summary>
/// <param name="Reason"><c>revoked</c>, <c>logged-out</c>, <c>deleted</c> or <c>expired</c>.</param>
public sealed record MapRemoval(string Reason);

/// <summary>
/// Carries one node's share of a commit with the proof that a controller signed it: leaf and path, head, and the delegation that
/// leads to the network root.
/// </summary>
/// <param name="Head">The signed <see cref="MapHead"/>.</param>
/// <param name="Delegation">The signed <see cref="Trust.Delegation"/> of the controller that signed the head.</param>
/// <param name="Index">The position of the leaf.</param>
/// <param name="Path">The sibling hashes from the leaf to the root.</param>
/// <param name="Leaf">The exact bytes of the <see cref="MapLeaf"/> in JSON.</param>
public sealed record MapFrame(
    DsseEnvelope Head,
    DsseEnvelope Delegation,
    int Index,
    IReadOnlyList<Digest256> Path,
    byte[] Leaf);
