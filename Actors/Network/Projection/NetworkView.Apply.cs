using System.Collections.Immutable;
using Mesh.Actors.Events;
using Mesh.Actors.Policy;
using Mesh.Protocol.Identity;

namespace Mesh.Actors.Projection;

/// <summary>
/// Is the next view and whom the change concerns. Whom it concerns is computed when it is first asked for: whoever reads a long journal
/// back, with nobody there to be told, does not pay for it. One thread may ask at a time.
/// </summary>
public sealed record ViewChange
{
    Func<IReadOnlySet<NodeId>>? _compute;
    IReadOnlySet<NodeId>? _affected;

    internal ViewChange(NetworkView view, IReadOnlySet<NodeId> affected) => (View, _affected) = (view, affected);

    internal ViewChange(NetworkView view, Func<IReadOnlySet<NodeId>> affected) => (View, _compute) = (view, affected);

    /// <summary>Gets the view after the event.</summary>
    public NetworkView View { get; internal init; }

    /// <summary>Gets the nodes whose map body differs, a node that was added or removed included.</summary>
    public IReadOnlySet<NodeId> Affected
    {
        get
        {
            if (_affected is null)
                (_affected, _compute) = (_compute!(), null);
            return _affected;
        }
    }

    /// <summary>Gets the node that the event took out; null: none.</summary>
    public NodeId? Removed { get; internal init; }
}

public sealed partial record NetworkView
{
    static readonly IReadOnlySet<NodeId> Nobody = ImmutableHashSet<NodeId>.Empty;

    /// <summary>Takes in the next event of the journal. Costs what the change concerns, not the size of the network.</summary>
    /// <param name="ordering">The event's place in the journal.</param>
    /// <param name="happened">The event.</param>
    public ViewChange Apply(long ordering, INetworkEvent happened)
    {
        var next = this with { Revision = ordering };
        return happened switch
        {
            NetworkCreated one => new(next with { Network = new(one.Network, one.RootKey, one.Zone, one.Ipv4, one.Ipv6, one.At) }, Present),
            ControllerDelegated one => next.With(this, new ControllerView(one.Controller, one.Addresses, one.Delegation)),
            ControllerDelegatedV2 one => next.With(this, new ControllerView(one.Controller, one.Addresses, one.Delegation, Authority: one.Authority)),
            NetworkRestored one => new(next with { Epoch = one.Epoch }, Nobody),
            ControllerWithdrawn one => Controllers.GetValueOrDefault(one.Controller) is { Withdrawn: false } controller
                ? new(next with { Controllers = Controllers.SetItem(one.Controller, controller with { Withdrawn = true }) }, Present)
                : new(next, Nobody),
            HistoryPruned one => new(next.WithoutEnded(one.Before) with { PrunedBefore = one.Before }, Nobody),
            UserCreated one => new(next with { Users = Users.SetItem(one.Name, new UserView(one.Name, one.By, one.At)) }, Nobody),
            CredentialCreated one => new(next.With(
                new CredentialView(one.Credential, CredentialStatus.Created, one.By, one.At, one.ExpiresAt, one.Owner, one.Tags)), Nobody),
            CredentialCreatedV2 one => new(next.With(
                new CredentialView(one.Credential, CredentialStatus.Created, one.By, one.At, one.ExpiresAt, one.Owner, one.Tags)
                {
                    Uses = one.Uses,
                    Ephemeral = one.Ephemeral,
                    Approved = one.Approved,
                }), Nobody),
            CredentialUsed one => new(next.WithUse(one), Nobody),
            CredentialExpired one => new(next.WithEnded(one.Credential, CredentialStatus.Expired, one), Nobody),
            CredentialRevoked one => new(next.WithEnded(one.Credential, CredentialStatus.Revoked, one), Nobody),
            NodeRegistered one => (next with { PendingRegistrations = PendingRegistrations.Remove((one.Credential, one.Node.Id)) })
                .With(this, Joining(one)),
            NodeAnnounced one => next.With(this, one),
            NodeApproved one => next.WithChanged(this, one.Node, node => node with { IsWaiting = false }),
            NodeRenamed one => next.WithChanged(
                this, one.Node, node => node with { Node = node.Node with { Name = one.Name }, IsRenamed = true }),
            NodeRotated one => next.WithChanged(this, one.Node, node => Rotated(node, one)),
            NodeTagged one => next.WithChanged(this, one.Node, node => Tagged(node, one)),
            NodeExpirySet one => next.WithChanged(this, one.Node, node => node with { ExpiresAt = one.ExpiresAt, IsExpired = false }),
            NodeExpired one => next.WithChanged(this, one.Node, node => node with { IsExpired = true }),
            NodeRevoked one => next.WithRemoved(this, one.Node, Removal.Revoked, one),
            NodeLoggedOut one => next.WithRemoved(this, one.Node, Removal.LoggedOut, one),
            NodeDeleted one => next.WithDeleted(this, one),
            AllocationReleased one => new(next.WithReleased(one.Node), Nobody),
            PolicySet one => next.With(this, one),
            TokenCreated one => new(next with
            {
                Tokens = Tokens.SetItem(
                    one.Token, new(one.Token, one.Name, one.SecretHash, one.Scopes, one.By, one.At, one.ExpiresAt, one.Parent)),
            }, Nobody),
            TokenRevoked one => new(Tokens.GetValueOrDefault(one.Token) is { RevokedAt: null } token
                ? next with { Tokens = Tokens.SetItem(one.Token, token with { RevokedAt = one.At }) }
                : next, Nobody),
            _ => new(next, Nobody),
        };
    }

    NetworkView WithEnded(CredentialId id, CredentialStatus status, INetworkEvent by) =>
        Credentials.GetValueOrDefault(id) is { } credential
            ? With(credential with { Status = status, EndedAt = by.At })
            : this;

    NetworkView With(CredentialView credential) => this with
    {
        Credentials = Credentials.SetItem(credential.Id, credential),
        OpenCredentials = credential.Status == CredentialStatus.Created
            ? OpenCredentials.Add((credential.ExpiresAt, credential.Id))
            : OpenCredentials.Remove((credential.ExpiresAt, credential.Id)),
    };

    NetworkView WithUse(CredentialUsed use)
    {
        var view = this with { PendingRegistrations = PendingRegistrations.SetItem((use.Credential, use.Node.Id), use) };
        if (Credentials.GetValueOrDefault(use.Credential) is not { } credential)
            return view;
        IReadOnlyList<NodeId> nodes = [.. credential.Nodes, use.Node.Id];
        return view.With(nodes.Count < credential.Uses
            ? credential with { Nodes = nodes }
            : credential with { Nodes = nodes, Status = CredentialStatus.Used, EndedAt = use.At });
    }

    ViewChange With(NetworkView before, ControllerView one)
    {
        var old = before.Controllers.GetValueOrDefault(one.Id);
        var view = this with { Controllers = Controllers.SetItem(one.Id, one with { Withdrawn = old?.Withdrawn ?? false }) };
        // A renewed delegation at the same addresses is no change of any map: it travels with the heads.
        return new(view, old is { Withdrawn: true } || old is not null && old.Addresses.SequenceEqual(one.Addresses, StringComparer.Ordinal) ? Nobody : Present);
    }

    ViewChange With(NetworkView before, NodeView node)
    {
        var old = before.Nodes.GetValueOrDefault(node.Id) is { IsPresent: true } present ? present : null;
        var view = (old is null ? this : Without(old)).WithPresent(node) with { PendingReleases = PendingReleases.Remove(node.Id) };
        return new(view, () => AffectedBy(before, view, old, node));
    }

    ViewChange WithChanged(NetworkView before, NodeId id, Func<NodeView, NodeView> change) =>
        before.Nodes.GetValueOrDefault(id) is { IsPresent: true } node ? With(before, change(node)) : new(this, Nobody);

    ViewChange With(NetworkView before, NodeAnnounced one)
    {
        if (before.Nodes.GetValueOrDefault(one.Node) is not { } old)
            return new(this, Nobody);
        var node = old with { Suites = one.Suites.Count == 0 ? null : one.Suites };
        var view = this with { Nodes = Nodes.SetItem(node.Id, node) };
        return new(view, Affected);

        IReadOnlySet<NodeId> Affected()
        {
            var affected = new HashSet<NodeId>();
            foreach (var peer in view.PeersOf(node.Id).Keys)
            {
                if (!(node.CommonSuites(view.Nodes[peer]) ?? []).SequenceEqual(old.CommonSuites(view.Nodes[peer]) ?? [], StringComparer.Ordinal))
                    affected.Add(peer);
            }
            if (affected.Count > 0)
                affected.Add(node.Id);
            return affected;
        }
    }

    ViewChange WithRemoved(NetworkView before, NodeId id, string reason, INetworkEvent by)
    {
        if (before.Nodes.GetValueOrDefault(id) is not { IsPresent: true } node)
            return new(this, Nobody);
        var view = Without(node) with
        {
            Nodes = Nodes.SetItem(id, node with { Removed = reason, RemovedAt = by.At }),
            PendingReleases = PendingReleases.Add(id),
        };
        return new(view, () => new HashSet<NodeId>(before.PeersOf(id).Keys) { id }) { Removed = id };
    }

    ViewChange With(NetworkView before, PolicySet set)
    {
        var ruled = this with { Policy = CompiledPolicy.Compile(set.Document), PolicyText = set.Text };
        // Who waits and would not under the new rules has waited long enough; who is in stays in.
        var view = ruled;
        var letIn = new List<ViewChange>();
        foreach (var waiting in Waiting.Select(id => Nodes[id]).Where(node => view.Policy.Approves(node.Node, Credentials.GetValueOrDefault(node.Credential))))
        {
            letIn.Add(view.With(view, waiting with { IsWaiting = false }));
            view = letIn[^1].View;
        }
        return new(view, Affected);

        IReadOnlySet<NodeId> Affected()
        {
            var affected = new HashSet<NodeId>();
            foreach (var selector in CompiledPolicy.Difference(before.Policy, ruled.Policy))
                affected.UnionWith(MembersOf(selector));
            affected.RemoveWhere(node => SameSight(before.PeersOf(node), ruled.PeersOf(node)));
            foreach (var change in letIn)
                affected.UnionWith(change.Affected);
            return affected;
        }
    }

    // Whose body changes when a node joins, or joins again with other tags, owner or keys.
    static IReadOnlySet<NodeId> AffectedBy(NetworkView before, NetworkView after, NodeView? old, NodeView node)
    {
        var (peersBefore, peersAfter) = (before.PeersOf(node.Id), after.PeersOf(node.Id));
        var sameFace = old is not null && SameFace(old.Node, node.Node) && old.IsExpired == node.IsExpired;
        var sameSelf = sameFace && old!.IsWaiting == node.IsWaiting && old.ExpiresAt == node.ExpiresAt;
        var sameEntry = sameFace && old!.Node.TunnelKey == node.Node.TunnelKey && old.FormerKey == node.FormerKey && old.Node.SigningKey == node.Node.SigningKey
            && string.Equals(old.Node.Os, node.Node.Os, StringComparison.Ordinal);
        var affected = new HashSet<NodeId>();
        foreach (var peer in peersBefore.Keys.Union(peersAfter.Keys))
        {
            var (wasPeer, isPeer) = (peersBefore.TryGetValue(peer, out var was), peersAfter.TryGetValue(peer, out var now));
            if (!sameEntry || wasPeer != isPeer || was != now)
                affected.Add(peer);
        }
        if (!sameSelf || !SamePeers(peersBefore, peersAfter))
            affected.Add(node.Id);
        return affected;
    }

    static bool SameFace(EnrolledNode left, EnrolledNode right) =>
        string.Equals(left.Name, right.Name, StringComparison.Ordinal)
        && string.Equals(left.Ipv4, right.Ipv4, StringComparison.Ordinal)
        && string.Equals(left.Ipv6, right.Ipv6, StringComparison.Ordinal)
        && string.Equals(left.Owner, right.Owner, StringComparison.Ordinal)
        && left.Tags.SequenceEqual(right.Tags, StringComparer.Ordinal);

    // Whose time is over is seen by its peers, but with no rights, whatever the rules say of it.
    bool SameSight(IReadOnlyDictionary<NodeId, PeerRights> left, IReadOnlyDictionary<NodeId, PeerRights> right) =>
        left.Count == right.Count
        && left.All(pair => right.TryGetValue(pair.Key, out var rights) && (rights == pair.Value || Nodes[pair.Key].IsExpired));

    static bool SamePeers(IReadOnlyDictionary<NodeId, PeerRights> left, IReadOnlyDictionary<NodeId, PeerRights> right) =>
        left.Count == right.Count && left.All(pair => right.TryGetValue(pair.Key, out var rights) && rights == pair.Value);
}
