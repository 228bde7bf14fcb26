using Mesh.Actors.Projection;
using Mesh.Actors.Registry;
using Mesh.Protocol.Time;

namespace Mesh.Controller.Admin;

sealed partial class AdminVerbs
{
    static UserEntry Show(UserView user) => new(user.Name, user.CreatedAt, user.Creator);

    static CredentialEntry Show(CredentialView one, WallTime now)
    {
        var state = one.StatusAt(now) switch
        {
            CredentialStatus.Created => "created",
            CredentialStatus.Used => "used",
            CredentialStatus.Expired => "expired",
            _ => "revoked",
        };
        return new CredentialEntry(one.Id, state, one.Tags, one.Creator, one.CreatedAt, one.ExpiresAt, one.Owner,
            one.Nodes.Count > 0 ? one.Nodes[^1] : null, one.EndedAt, one.Uses, one.Nodes.Count, one.Ephemeral, one.Approved);
    }

    // Whether a node was online in the past is written nowhere.
    static NodeEntry Show(NodeListing listing, PastView? past)
    {
        var (node, presence) = (listing.Node.Node, listing.Presence);
        return new NodeEntry(
            node.Id, node.Name, State(listing, past), node.Ipv4, node.Ipv6, node.Tags,
            node.Hostname, presence.Os ?? node.Os, presence.Version ?? node.Version, node.SigningKey, node.TunnelKey,
            listing.Node.Credential,
            listing.Node.RegisteredAt, presence.Revision, node.Owner, presence.LastSeen, listing.Node.RemovedAt,
            listing.Node.ExpiresAt, listing.Node.IsEphemeral, presence.CopiedAt, presence.CopiedFrom);
    }

    static RevocationReport Show(RevocationProgress progress) => new(
        progress.Node, progress.Name, progress.Peers, progress.Acknowledged.Count, progress.Elapsed.TotalSeconds,
        [.. progress.NotReached.Select(peer => new UnreachedPeer(peer.Id, peer.Name, peer.Attached, peer.ValidUntil))]);

    static string State(NodeListing listing, PastView? past) => listing switch
    {
        { Node.Removed: { } why } => why,
        { Node.IsWaiting: true } => "waiting",
        { Node.IsExpired: true } => "expired",
        _ when past is not null => "present",
        { Presence.Online: true } => "online",
        _ => "offline",
    };
}
