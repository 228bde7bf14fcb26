using System.Collections.Immutable;
using Mesh.Actors.Audit;
using Mesh.Actors.Events;
using Mesh.Actors.Policy;
using Mesh.Actors.Ports;
using Mesh.Protocol.Audit;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Projection;

/// <summary>Says which directions are allowed between a node and a peer.</summary>
/// <param name="Accept">The peer may open connections to the node.</param>
/// <param name="Send">The node may open connections to the peer.</param>
public readonly record struct PeerRights(bool Accept, bool Send);

/// <summary>
/// Is the network as the journal tells it up to a revision: a pure fold of events. Everything that nodes and admins are told comes
/// from here. Immutable, and safe to read from anywhere.
/// </summary>
public sealed partial record NetworkView
{
    /// <summary>Is the view of an empty journal.</summary>
    public static NetworkView Empty { get; } = new();

    NetworkView() { }

    /// <summary>Gets the ordering of the newest event taken in.</summary>
    public long Revision { get; private init; }

    /// <summary>Gets where the audit chain stands at <see cref="Revision"/>, in a view that follows a journal.</summary>
    public AuditHead Audit { get; private init; } = AuditHead.Empty;

    /// <summary>Gets the network; null before it was created.</summary>
    public NetworkIdentity? Network { get; private init; }

    /// <summary>Gets the epoch: 1, and from a restoration on that which it began.</summary>
    public int Epoch { get; private init; } = 1;

    /// <summary>Gets the moment before which what had ended is forgotten; null: nothing ever was.</summary>
    public WallTime? PrunedBefore { get; private init; }

    /// <summary>Gets the controllers, withdrawn ones included.</summary>
    public ImmutableDictionary<ControllerId, ControllerView> Controllers { get; private init; } = ImmutableDictionary<ControllerId, ControllerView>.Empty;

    /// <summary>Gets the users by name.</summary>
    public ImmutableDictionary<string, UserView> Users { get; private init; } = ImmutableDictionary.Create<string, UserView>(StringComparer.Ordinal);

    /// <summary>Gets the credentials.</summary>
    public ImmutableDictionary<CredentialId, CredentialView> Credentials { get; private init; } = ImmutableDictionary<CredentialId, CredentialView>.Empty;

    /// <summary>Gets the tokens of admins, those that count no longer included.</summary>
    public ImmutableDictionary<TokenId, TokenView> Tokens { get; private init; } = ImmutableDictionary<TokenId, TokenView>.Empty;

    /// <summary>Gets the nodes, removed ones included.</summary>
    public ImmutableDictionary<NodeId, NodeView> Nodes { get; private init; } = ImmutableDictionary<NodeId, NodeView>.Empty;

    /// <summary>Gets the policy in force.</summary>
    public CompiledPolicy Policy { get; private init; } = CompiledPolicy.Empty;

    /// <summary>Gets the text of the policy as it was last set.</summary>
    public string PolicyText { get; private init; } = "";

    /// <summary>Gets the enrollments that were committed and whose node is not registered yet.</summary>
    public ImmutableDictionary<(CredentialId Credential, NodeId Node), CredentialUsed> PendingRegistrations { get; private init; } =
        ImmutableDictionary<(CredentialId, NodeId), CredentialUsed>.Empty;

    /// <summary>Gets the nodes that were removed and whose allocation is not released yet.</summary>
    public ImmutableHashSet<NodeId> PendingReleases { get; private init; } = [];

    /// <summary>Gets the credentials that can still be used, as far as is known, by the end of their time.</summary>
    public ImmutableSortedSet<(WallTime ExpiresAt, CredentialId Credential)> OpenCredentials { get; private init; } =
        ImmutableSortedSet<(WallTime ExpiresAt, CredentialId Credential)>.Empty.WithComparer(
            Comparer<(WallTime ExpiresAt, CredentialId Credential)>.Create(static (left, right) => left.ExpiresAt != right.ExpiresAt
                ? left.ExpiresAt.CompareTo(right.ExpiresAt)
                : string.CompareOrdinal(left.Credential.ToString(), right.Credential.ToString())));

    /// <summary>Takes the event that was applied last into the audit chain too.</summary>
    public NetworkView Chain(JournalEvent journaled) => this with { Audit = Audit.Append(journaled) };

    /// <summary>
    /// Computes the peers of a present node, with the rights between them: every node that may open to it or that it may open to.
    /// Costs what its rules match.
    /// </summary>
    public IReadOnlyDictionary<NodeId, PeerRights> PeersOf(NodeId node)
    {
        var peers = new Dictionary<NodeId, PeerRights>();
        if (Nodes.GetValueOrDefault(node) is not { IsPresent: true, IsWaiting: false } self)
            return peers;
        var selectors = Selectors(self.Node);
        foreach (var selector in Policy.Reaches(selectors).Distinct(StringComparer.Ordinal))
        {
            foreach (var peer in MembersOf(selector))
                peers[peer] = peers.GetValueOrDefault(peer) with { Send = true };
        }
        foreach (var selector in Policy.ReachedBy(selectors).Distinct(StringComparer.Ordinal))
        {
            foreach (var peer in MembersOf(selector))
                peers[peer] = peers.GetValueOrDefault(peer) with { Accept = true };
        }
        peers.Remove(node);
        return peers;
    }
}
