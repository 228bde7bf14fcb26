using Mesh.Actors.Policy;
using Mesh.Actors.Projection;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;

namespace Mesh.Tests.Actors.Projection;

/// <summary>
/// Computes bodies as slowly as their definition reads: every pair of nodes against every rule as it was written. It takes facts from a
/// view (nodes, controllers, the policy's document) and nothing that a view computed.
/// </summary>
static class PlainNetwork
{
    /// <summary>Computes the body of every present node.</summary>
    public static Dictionary<NodeId, MapBody> Bodies(NetworkView view)
    {
        var present = view.Nodes.Values.Where(node => node.Removed is null).OrderBy(node => node.Id.ToString(), StringComparer.Ordinal).ToList();
        var reach = present.ToDictionary(from => from.Id, from => present.Where(to => to != from && !from.IsWaiting && !to.IsWaiting && Allows(view.Policy.Document, from, to)).Select(to => to.Id).ToHashSet());
        return present.ToDictionary(self => self.Id, self => new MapBody(
            view.Network!.Id,
            new SelfEntry(self.Id, self.Name, [self.Node.Ipv4, self.Node.Ipv6], self.Node.Tags, self.Node.Owner,
                self.IsWaiting ? true : null, self.ExpiresAt, self.IsExpired ? true : null),
            view.Network.Zone,
            [view.Network.Ipv4, view.Network.Ipv6],
            [.. present.Where(peer => reach[self.Id].Contains(peer.Id) || reach[peer.Id].Contains(self.Id)).Select(peer => new PeerEntry(
                peer.Id, peer.Name, peer.Node.TunnelKey, peer.Node.SigningKey, [peer.Node.Ipv4, peer.Node.Ipv6], peer.Node.Tags,
                reach[peer.Id].Contains(self.Id) && !peer.IsExpired ? [Grant.Everything] : [],
                reach[self.Id].Contains(peer.Id) && !peer.IsExpired ? [Grant.Everything] : [],
                peer.Node.Owner, peer.Node.Os, Common(self.Suites, peer.Suites), peer.IsExpired ? true : null, peer.FormerKey))],
            [.. view.Controllers.Values.Where(one => !one.Withdrawn).OrderBy(one => one.Id.ToString(), StringComparer.Ordinal).Select(one => new ControllerEntry(one.Id, one.Addresses))],
            [.. view.Controllers.Values.Where(one => one.Withdrawn).Select(one => one.Id).OrderBy(id => id.ToString(), StringComparer.Ordinal)]));
    }

    static IReadOnlyList<string>? Common(IReadOnlyList<string>? one, IReadOnlyList<string>? other)
    {
        var common = (one ?? []).Intersect(other ?? []).Order(StringComparer.Ordinal).ToList();
        return common.Count == 0 ? null : common;
    }

    static bool Allows(PolicyDocument policy, NodeView from, NodeView to) => policy.Allow.Any(rule =>
        rule.From.Any(selector => Matches(policy, selector, from)) && rule.To.Any(selector => Matches(policy, selector, to)));

    static bool Matches(PolicyDocument policy, string selector, NodeView node) => selector.Split(':', 2) switch
    {
        ["*"] => true,
        ["node", var name] => node.Name == name,
        ["tag", var tag] => node.Node.Tags.Contains(tag),
        // Tags take the place of the user.
        ["user", var user] => node.Node.Tags.Count == 0 && node.Node.Owner == user,
        ["group", var name] => node.Node.Tags.Count == 0 && policy.Groups.Any(group => group.Name == name && group.Members.Contains(node.Node.Owner ?? "")),
        _ => false,
    };
}
