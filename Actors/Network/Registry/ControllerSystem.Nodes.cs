using Mesh.Actors.Enrollment;
using Mesh.Actors.Projection;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Registry;

public sealed partial class ControllerSystem
{
    /// <summary>Lets a node in that waits; one that does not wait stays as it is.</summary>
    public Task<Outcome<NodeView>> ApproveNodeAsync(NodeId node, Cause cause) =>
        _feed.Current.Nodes.GetValueOrDefault(node) is { IsPresent: true, IsWaiting: false } known
            ? Task.FromResult<Outcome<NodeView>>(known)
            : ChangeNodeAsync(_nodes, node, new ApproveNode(cause, node));

    /// <summary>Gives a node another name, which it keeps also when it joins again.</summary>
    public async Task<Outcome<NodeView>> RenameNodeAsync(NodeId node, string name, Cause cause)
    {
        if (!Names.IsLabel(name) || name == "localhost")
            return new Refusal(
                RefusalKind.Invalid, "invalid",
                $"'{name}' is not a node's name: at most {Names.MaximumLength} lower-case letters, digits and '-' are, no '-' at the ends");
        return await ChangeNodeAsync(_singletons, node, new RenameAllocation(cause, node, name), "allocations");
    }

    /// <summary>
    /// Gives a node another WireGuard key at its own wish; the same key again changes nothing. Refused where its time in the network is over,
    /// where it has another key by now, or where another node has that one.
    /// </summary>
    /// <param name="node">The node that asks.</param>
    /// <param name="formerKey">The key that it has.</param>
    /// <param name="tunnelKey">The new one.</param>
    /// <param name="cause">The node's command.</param>
    public async Task<Outcome<NodeView>> RotateKeyAsync(NodeId node, TunnelPublicKey formerKey, TunnelPublicKey tunnelKey, Cause cause)
    {
        var view = _feed.Current;
        if (view.Nodes.GetValueOrDefault(node) is not { IsPresent: true } known)
            return new Refusal(RefusalKind.Denied, RefusalCodes.NodeRevoked, "this node was taken out of the network");
        if (tunnelKey.Value.IsZero)
            return new Refusal(RefusalKind.Invalid, RefusalCodes.Malformed, "this is no tunnel key");
        if (known.IsExpired && known.Node.TunnelKey != tunnelKey)
            return new Refusal(RefusalKind.Denied, RefusalCodes.NodeExpired, "this machine's time in the network is over: join again with a new credential first");
        // What it joins again with right now is its key from then on.
        if (view.PendingRegistrations.Keys.Any(pending => pending.Node == node))
            return Refusal.Unavailable("key rotation");
        return await ChangeNodeAsync(
            _singletons, node, new RotateAllocation(cause, node, known.Node.SigningKey, formerKey, tunnelKey), "allocations");
    }

    /// <summary>
    /// Makes tags own a node, which must be listed in the policy, or gives it to a user. Tags given so stay when the machine joins again
    /// with whatever credential.
    /// </summary>
    /// <param name="node">The node.</param>
    /// <param name="owner">The user; null where tags are given.</param>
    /// <param name="tags">The tags without prefix; empty where a user is given.</param>
    /// <param name="cause">Who and which command.</param>
    public async Task<Outcome<NodeView>> TagNodeAsync(NodeId node, string? owner, IReadOnlyList<string> tags, Cause cause)
    {
        var view = _feed.Current;
        if (owner is not null && !view.Users.ContainsKey(owner))
            return new Refusal(RefusalKind.Invalid, "invalid", $"there is no user '{owner}': create it with 'mesh-controller user create {owner}'");
        string[] sorted = [.. tags.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        if (sorted.FirstOrDefault(tag => !Names.IsLabel(tag)) is { } wrong)
            return new Refusal(RefusalKind.Invalid, "invalid", $"'{wrong}' is not a tag: lower-case letters, digits and '-' are");
        if (sorted.FirstOrDefault(tag => !view.Policy.Document.Tags.Any(known => known.Name == tag)) is { } unknown)
            return new Refusal(RefusalKind.Invalid, "invalid", $"there is no tag '{unknown}': list it under 'tags' in the policy first");
        return sorted.Length > MaximumTags
            ? new Refusal(RefusalKind.Invalid, "invalid", $"a node has at most {MaximumTags} tags")
            : await ChangeNodeAsync(_nodes, node, new TagNode(cause, node, owner, sorted));
    }

    /// <summary>Says when a user's node must join again; a moment that is over expires it at once, null lets it never expire.</summary>
    public Task<Outcome<NodeView>> SetNodeExpiryAsync(NodeId node, WallTime? expiresAt, Cause cause) =>
        ChangeNodeAsync(_nodes, node, new SetNodeExpiry(cause, node, expiresAt));

    /// <summary>Has nothing list a removed node any more; what it did stays in the journal.</summary>
    public async Task<Outcome<NodeView>> DeleteNodeAsync(NodeId node, Cause cause)
    {
        var known = _feed.Current.Nodes.GetValueOrDefault(node);
        if (await DecideAsync(_nodes, node.ToString(), new DeleteNode(cause, node)) is { } refusal)
            return refusal;
        return known is null ? new Refusal(RefusalKind.NotFound, "not-found", $"there is no node {node}") : known;
    }

    async Task<Outcome<NodeView>> ChangeNodeAsync(IActorRef parent, NodeId node, IEntityCommand command, string? id = null)
    {
        if (await DecideAsync(parent, id ?? node.ToString(), command) is { } refusal)
            return refusal;
        return _feed.Current.Nodes.GetValueOrDefault(node) is { } changed
            ? changed
            : new Refusal(RefusalKind.NotFound, "not-found", $"there is no node {node}");
    }
}
