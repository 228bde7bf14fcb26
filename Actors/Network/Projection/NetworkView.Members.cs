using System.Collections.Immutable;
using Mesh.Actors.Events;
using Mesh.Actors.Policy;
using Mesh.Actors.Registry;
using Mesh.Protocol.Identity;

namespace Mesh.Actors.Projection;

// Who belongs to the network and how it is found. A node that waits belongs, but no selector of a rule finds it: it is nobody's peer.
public sealed partial record NetworkView
{
    // No selector: nothing that a policy can name begins like that.
    const string KeyPrefix = "tunnel-key ";

    // Present nodes that wait for nobody by every selector that matches them, and all by their tunnel key.
    ImmutableDictionary<string, ImmutableHashSet<NodeId>> Members { get; init; } =
        ImmutableDictionary.Create<string, ImmutableHashSet<NodeId>>(StringComparer.Ordinal);

    ImmutableDictionary<string, NodeId> ByName { get; init; } = ImmutableDictionary.Create<string, NodeId>(StringComparer.Ordinal);

    ImmutableDictionary<SigningPublicKey, NodeId> ByIdentity { get; init; } = ImmutableDictionary<SigningPublicKey, NodeId>.Empty;

    // Of the nodes that belong to the network, all.
    ImmutableHashSet<NodeId> Belonging { get; init; } = [];

    /// <summary>Gets the present nodes, those that wait included.</summary>
    public IReadOnlySet<NodeId> Present => Belonging;

    /// <summary>Gets the present nodes that wait for an admin.</summary>
    public ImmutableHashSet<NodeId> Waiting { get; private init; } = [];

    /// <summary>Finds a present node by name.</summary>
    public NodeView? FindByName(string name) => ByName.TryGetValue(name, out var id) ? Nodes[id] : null;

    /// <summary>Finds a present node by its identity key.</summary>
    public NodeView? FindByIdentity(SigningPublicKey key) => ByIdentity.TryGetValue(key, out var id) ? Nodes[id] : null;

    /// <summary>Lists the present nodes that have a tunnel key: one at most, unless two controllers let two in at once.</summary>
    public IReadOnlyCollection<NodeId> FindByTunnelKey(TunnelPublicKey key) => MembersOf(KeyPrefix + key);

    /// <summary>Finds what an admin names: a present node's name, else the id of any node that is not deleted.</summary>
    public NodeView? FindNode(string nameOrId) =>
        FindByName(nameOrId) is { } named ? named
        : TypedId.TryParse<NodeId>(nameOrId, out var id) && Nodes.GetValueOrDefault(id) is { Removed: not Removal.Deleted } known ? known
        : null;

    ImmutableHashSet<NodeId> MembersOf(string selector) => Members.GetValueOrDefault(selector, []);

    static IReadOnlyList<string> Selectors(EnrolledNode node) => NodeSelectors.Of(node.Name, node.Owner, node.Tags);

    static IEnumerable<string> Keys(NodeView node) => (node.IsWaiting ? [] : Selectors(node.Node)).Append(KeyPrefix + node.Node.TunnelKey);

    NetworkView WithPresent(NodeView node) => this with
    {
        Nodes = Nodes.SetItem(node.Id, node),
        Belonging = Belonging.Add(node.Id),
        Waiting = node.IsWaiting ? Waiting.Add(node.Id) : Waiting.Remove(node.Id),
        ByName = ByName.SetItem(node.Name, node.Id),
        ByIdentity = ByIdentity.SetItem(node.Node.SigningKey, node.Id),
        Members = Enter(Members, node),
    };

    NetworkView Without(NodeView node) => this with
    {
        Belonging = Belonging.Remove(node.Id),
        Waiting = Waiting.Remove(node.Id),
        ByName = Without(ByName, node.Name, node.Id),
        ByIdentity = Without(ByIdentity, node.Node.SigningKey, node.Id),
        Members = Leave(Members, node),
    };

    NodeView Joining(NodeRegistered one)
    {
        var known = Nodes.GetValueOrDefault(one.Node.Id);
        var held = known is { IsPresent: true } ? known : null;
        var credential = Credentials.GetValueOrDefault(one.Credential);
        var node = NodeOwnership.Joining(held?.Node, held is { IsTaggedByAdmin: true }, one.Node);
        return new NodeView(held is { IsRenamed: true } ? node with { Name = held.Name } : node, one.Credential, one.At, Suites: known?.Suites)
        {
            FormerKey = held?.Node.TunnelKey == one.Node.TunnelKey ? held.FormerKey : null,
            IsRenamed = held is { IsRenamed: true },
            IsTaggedByAdmin = held is { IsTaggedByAdmin: true },
            IsEphemeral = credential is { Ephemeral: true },
            IsWaiting = held is not { IsWaiting: false } && !Policy.Approves(node, credential),
        };
    }

    static NodeView Rotated(NodeView node, NodeRotated rotated) => node.Node.SigningKey != rotated.SigningKey
        ? node
        : node with { Node = node.Node with { TunnelKey = rotated.TunnelKey }, FormerKey = rotated.FormerKey };

    static NodeView Tagged(NodeView node, NodeTagged tagged) => node with
    {
        Node = node.Node with { Owner = tagged.Owner, Tags = tagged.Tags },
        IsTaggedByAdmin = tagged.Tags.Count > 0,
        ExpiresAt = tagged.Tags.Count > 0 ? null : node.ExpiresAt,
        IsExpired = tagged.Tags.Count == 0 && node.IsExpired,
    };

    // A deleted node is kept until its name and keys are free: that is still to be seen to.
    ViewChange WithDeleted(NetworkView before, NodeDeleted one)
    {
        var change = WithRemoved(before, one.Node, Removal.Deleted, one);
        var view = change.View;
        if (view.Nodes.GetValueOrDefault(one.Node) is not { } node)
            return change;
        var nodes = view.PendingReleases.Contains(one.Node)
            ? view.Nodes.SetItem(one.Node, node with { Removed = Removal.Deleted })
            : view.Nodes.Remove(one.Node);
        return change with { View = view with { Nodes = nodes } };
    }

    NetworkView WithReleased(NodeId id) => this with
    {
        PendingReleases = PendingReleases.Remove(id),
        Nodes = Nodes.GetValueOrDefault(id) is { Removed: Removal.Deleted } ? Nodes.Remove(id) : Nodes,
    };

    static ImmutableDictionary<TKey, NodeId> Without<TKey>(ImmutableDictionary<TKey, NodeId> index, TKey key, NodeId node) where TKey : notnull =>
        index.TryGetValue(key, out var holder) && holder == node ? index.Remove(key) : index;

    static ImmutableDictionary<string, ImmutableHashSet<NodeId>> Enter(
        ImmutableDictionary<string, ImmutableHashSet<NodeId>> members, NodeView node)
    {
        foreach (var selector in Keys(node))
            members = members.SetItem(selector, members.GetValueOrDefault(selector, []).Add(node.Id));
        return members;
    }

    static ImmutableDictionary<string, ImmutableHashSet<NodeId>> Leave(
        ImmutableDictionary<string, ImmutableHashSet<NodeId>> members, NodeView node)
    {
        foreach (var selector in Keys(node))
        {
            var rest = members.GetValueOrDefault(selector, []).Remove(node.Id);
            members = rest.IsEmpty ? members.Remove(selector) : members.SetItem(selector, rest);
        }
        return members;
    }
}
