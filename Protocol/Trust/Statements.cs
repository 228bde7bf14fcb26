using Mesh.Protocol.Audit;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Protocol.Trust;

/// <summary>Names the payload types of signed statements. A change of meaning is a new type, never a changed one.</summary>
public static class PayloadTypes
{
    /// <summary>The payload is a <see cref="Trust.Delegation"/> in JSON, signed by the network root.</summary>
    public const string Delegation = "application/vnd.mesh.delegation.v1+json";

    /// <summary>The payload is a <see cref="MapHead"/> in JSON, signed by a controller.</summary>
    public const string MapHead = "application/vnd.mesh.map-head.v1+json";

    /// <summary>The payload is an <see cref="Map.EndpointHint"/> in JSON, signed by the node that it speaks of.</summary>
    public const string EndpointHint = "application/vnd.mesh.endpoint-hint.v1+json";

    /// <summary>The payload is a <see cref="Map.PresenceHint"/> in JSON, signed by a controller.</summary>
    public const string PresenceHint = "application/vnd.mesh.presence-hint.v1+json";

    /// <summary>The payload is an <see cref="Audit.AuditStretch"/> in JSON, signed by a controller.</summary>
    public const string AuditStretch = "application/vnd.mesh.audit-stretch.v1+json";

    /// <summary>The payload is an <see cref="Audit.AuditAnswer"/> in JSON, signed by a controller.</summary>
    public const string AuditAnswer = "application/vnd.mesh.audit-answer.v1+json";
}

/// <summary>Names what a delegation allows its controller to do.</summary>
public static class DelegationRights
{
    /// <summary>Sign map heads and presence hints.</summary>
    public const string SignMaps = "sign-maps";

    /// <summary>Issue TLS certificates to nodes and to itself.</summary>
    public const string IssueCertificates = "issue-certificates";
}

/// <summary>
/// Says that the network root lets a controller speak for the network: its Ed25519 signing key and the P-256 certificate
/// authority it issues TLS certificates from. Signed by the root; a node believes nothing that does not lead back to it.
/// </summary>
/// <param name="Network">The network.</param>
/// <param name="Epoch">The epoch from which the delegation counts; an older epoch's delegations are void in a newer one.</param>
/// <param name="Controller">The controller.</param>
/// <param name="SigningKey">Verifies the controller's map heads.</param>
/// <param name="AuthorityHash">SHA-256 over the DER SubjectPublicKeyInfo of the controller's certificate authority.</param>
/// <param name="Rights">Values of <see cref="DelegationRights"/>, sorted.</param>
/// <param name="NotBefore">The first moment of validity.</param>
/// <param name="NotAfter">The last moment of validity.</param>
public sealed record Delegation(
    NetworkId Network,
    int Epoch,
    ControllerId Controller,
    SigningPublicKey SigningKey,
    Digest256 AuthorityHash,
    IReadOnlyList<string> Rights,
    WallTime NotBefore,
    WallTime NotAfter);

/// <summary>
/// Is what a controller signs once per commit: the Merkle root over the leaves of all nodes that the commit concerns.
/// </summary>
/// <param name="Network">The network.</param>
/// <param name="Epoch">Counts restorations from backup; only the network root can begin a new one.</param>
/// <param name="Revision">The journal's ordering up to which the leaves speak. It never goes backwards within an epoch.</param>
/// <param name="Issued">When it was signed.</param>
/// <param name="AcceptUntil">The last moment at which a node may take it in; judged on receipt only.</param>
/// <param name="ValidUntil">The last moment at which a node may act on it; judged always.</param>
/// <param name="LeafCount">How many leaves the tree has.</param>
/// <param name="Root">The Merkle root (RFC 9162 section 2.1).</param>
/// <param name="Audit">Where the audit chain stands at the revision; absent from a controller that has none.</param>
public sealed record MapHead(
    NetworkId Network,
    int Epoch,
    long Revision,
    WallTime Issued,
    WallTime AcceptUntil,
    WallTime ValidUntil,
    int LeafCount,
    Digest256 Root,
    AuditHead? Audit = null);
