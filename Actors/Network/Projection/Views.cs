using Mesh.Actors.Events;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Actors.Projection;

/// <summary>Says where a credential stands. From <see cref="Created"/> it goes to one of the others and nowhere from there.</summary>
public enum CredentialStatus
{
    /// <summary>It can be used.</summary>
    Created,

    /// <summary>As many machines joined with it as it is for.</summary>
    Used,

    /// <summary>Its time is over.</summary>
    Expired,

    /// <summary>An admin revoked it.</summary>
    Revoked,
}

/// <summary>Shows a credential; never its secret, nor the secret's hash.</summary>
/// <param name="Id">The credential.</param>
/// <param name="Status">Where it stands by the journal; one whose time is over may still be <see cref="CredentialStatus.Created"/>
/// for up to a minute: see <see cref="StatusAt"/>.</param>
/// <param name="Creator">Who created it.</param>
/// <param name="CreatedAt">When it was created.</param>
/// <param name="ExpiresAt">The last moment at which it can be used.</param>
/// <param name="Owner">The user whose machine joins with it.</param>
/// <param name="Tags">The tags of the machine that joins with it.</param>
/// <param name="EndedAt">When it was used for the last time that it is for, expired or revoked.</param>
public sealed record CredentialView(
    CredentialId Id, CredentialStatus Status, string Creator, WallTime CreatedAt, WallTime ExpiresAt, string? Owner,
    IReadOnlyList<string> Tags, WallTime? EndedAt = null)
{
    /// <summary>Gets how many machines can join with it.</summary>
    public int Uses { get; init; } = 1;

    /// <summary>Gets the nodes that joined with it, in that order.</summary>
    public IReadOnlyList<NodeId> Nodes { get; init; } = [];

    /// <summary>Gets whether its machines are deleted when they have been away for some time.</summary>
    public bool Ephemeral { get; init; }

    /// <summary>Gets whether its machines wait for no admin.</summary>
    public bool Approved { get; init; }

    /// <summary>Returns where it stands at a moment.</summary>
    public CredentialStatus StatusAt(WallTime now) =>
        Status == CredentialStatus.Created && now > ExpiresAt ? CredentialStatus.Expired : Status;
}

/// <summary>Shows a node as the journal knows it.</summary>
/// <param name="Node">What it enrolled as.</param>
/// <param name="Credential">The credential it last joined with.</param>
/// <param name="RegisteredAt">When it last joined.</param>
/// <param name="Removed">Why it was taken out: one of <see cref="Removal"/>; null while it belongs to the network.</param>
/// <param name="RemovedAt">When it was taken out.</param>
/// <param name="Suites">The transport suites that it announces beside plain WireGuard, sorted; null: none.</param>
public sealed record NodeView(
    EnrolledNode Node, CredentialId Credential, WallTime RegisteredAt, string? Removed = null, WallTime? RemovedAt = null,
    IReadOnlyList<string>? Suites = null)
{
    /// <summary>Gets the node's id.</summary>
    public NodeId Id => Node.Id;

    /// <summary>Gets the node's name.</summary>
    public string Name => Node.Name;

    /// <summary>Gets whether it belongs to the network.</summary>
    public bool IsPresent => Removed is null;

    /// <summary>Gets whether it waits for an admin to let it in: it belongs to the network and has no peer.</summary>
    public bool IsWaiting { get; init; }

    /// <summary>Gets whether its name is an admin's word, which holds also when it joins again.</summary>
    public bool IsRenamed { get; init; }

    /// <summary>Gets whether its tags are an admin's word, which hold also when it joins again.</summary>
    public bool IsTaggedByAdmin { get; init; }

    /// <summary>Gets the WireGuard key that it had before the last planned change; null: it had none.</summary>
    public TunnelPublicKey? FormerKey { get; init; }

    /// <summary>Gets whether it is deleted when it has been away for some time.</summary>
    public bool IsEphemeral { get; init; }

    /// <summary>Gets the last moment before it must join again; null: never.</summary>
    public WallTime? ExpiresAt { get; init; }

    /// <summary>Gets whether that moment is over: peers keep it in sight and talk to it no more.</summary>
    public bool IsExpired { get; init; }

    /// <summary>Gets the id as text: the order of peers in a map.</summary>
    public string IdText { get; private init; } = Node.Id.ToString();

    // A copy is made to differ: what peers were shown of this one is not for it.
    NodeView(NodeView original)
    {
        (Node, Credential, RegisteredAt, Removed, RemovedAt) =
            (original.Node, original.Credential, original.RegisteredAt, original.Removed, original.RemovedAt);
        (Suites, IdText, ExpiresAt) = (original.Suites, original.IdText, original.ExpiresAt);
        (IsWaiting, IsRenamed, IsTaggedByAdmin) = (original.IsWaiting, original.IsRenamed, original.IsTaggedByAdmin);
        (IsEphemeral, IsExpired, FormerKey) = (original.IsEphemeral, original.IsExpired, original.FormerKey);
        _entries = new EncodedPeer?[8];
    }

    static readonly IReadOnlyList<Grant> Nothing = [];
    static readonly IReadOnlyList<Grant> Everything = [Grant.Everything];

    // One entry per combination of rights, made when first asked for: two maps that hold the same peer hold the same object, so
    // that comparing them costs nothing. Several threads may make it at once; the entries are equal. A peer that announces only some
    // of this node's suites is the rare case and gets an entry of its own.
    readonly EncodedPeer?[] _entries = new EncodedPeer?[8];
    SelfEntry? _self;

    /// <summary>Gets the suites that this node and another both announce; null: none.</summary>
    public IReadOnlyList<string>? CommonSuites(NodeView peer)
    {
        if (Suites is null || peer.Suites is null)
            return null;
        if (Suites.SequenceEqual(peer.Suites, StringComparer.Ordinal))
            return Suites;
        var common = Suites.Intersect(peer.Suites, StringComparer.Ordinal).ToArray();
        return common.Length == 0 ? null : common;
    }

    /// <summary>Gets how this node sees itself.</summary>
    public SelfEntry Self => _self ??= new(
        Node.Id, Node.Name, [Node.Ipv4, Node.Ipv6], Node.Tags, Node.Owner, IsWaiting ? true : null, ExpiresAt, IsExpired ? true : null);

    /// <summary>Gets how a peer with these rights sees this node.</summary>
    public EncodedPeer Entry(NodeView peer, PeerRights rights)
    {
        var suites = CommonSuites(peer);
        if (suites is not null && !ReferenceEquals(suites, Suites))
            return Create(rights, suites);
        return _entries[(rights.Accept ? 1 : 0) + (rights.Send ? 2 : 0) + (suites is null ? 0 : 4)] ??= Create(rights, suites);
    }

    EncodedPeer Create(PeerRights rights, IReadOnlyList<string>? suites) => new(new PeerEntry(
        Node.Id,
        Node.Name,
        Node.TunnelKey,
        Node.SigningKey,
        [Node.Ipv4, Node.Ipv6],
        Node.Tags,
        rights.Accept && !IsExpired ? Everything : Nothing,
        rights.Send && !IsExpired ? Everything : Nothing,
        Node.Owner,
        Node.Os,
        suites,
        IsExpired ? true : null,
        FormerKey));
}

/// <summary>Shows a user.</summary>
public sealed record UserView(string Name, string Creator, WallTime CreatedAt);

/// <summary>Shows a controller.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Addresses">Where it answers.</param>
/// <param name="Delegation">The newest delegation by the network root.</param>
/// <param name="Withdrawn">Whether nodes no longer believe it.</param>
/// <param name="Authority">The certificate of its authority in DER; null: it was last delegated by a version that did not record it.</param>
public sealed record ControllerView(
    ControllerId Id, IReadOnlyList<string> Addresses, DsseEnvelope Delegation, bool Withdrawn = false, byte[]? Authority = null);

/// <summary>Shows what never changes about a network.</summary>
public sealed record NetworkIdentity(NetworkId Id, SigningPublicKey RootKey, string Zone, string Ipv4, string Ipv6, WallTime CreatedAt)
{
    /// <summary>Gets the two ranges as a map lists them.</summary>
    public IReadOnlyList<string> Prefixes { get; } = [Ipv4, Ipv6];
}
