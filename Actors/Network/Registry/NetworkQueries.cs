using Mesh.Actors.Audit;
using Mesh.Actors.Policy;
using Mesh.Actors.Ports;
using Mesh.Actors.Projection;
using Mesh.Protocol.Identity;

namespace Mesh.Actors.Registry;

/// <summary>
/// Answers questions about the network from the newest projection: no question waits for an actor. What this controller was told
/// to change is seen at once by whoever got the answer. Safe for concurrent use.
/// </summary>
public sealed class NetworkQueries
{
    readonly NetworkViewFeed? _feed;
    readonly IPresence _presence;
    readonly IJournalTail _journal;
    readonly NetworkHistory _history;

    internal NetworkQueries(NetworkViewFeed feed, IPresence presence, IJournalTail journal)
    {
        _feed = feed;
        _presence = presence;
        _journal = journal;
        _history = new NetworkHistory(journal);
    }

    NetworkQueries(PastView past, NetworkQueries present)
    {
        Past = past;
        // Presence is not journaled: nobody knows it any more.
        _presence = new Sessions.PresenceTable();
        _journal = present._journal;
        _history = present._history;
    }

    /// <summary>Gets the moment that the answers are of; null for the present.</summary>
    public PastView? Past { get; }

    /// <summary>Gets the newest projection, or that of the moment; one value answers several questions consistently.</summary>
    public NetworkView View => Past?.View ?? _feed!.Current;

    /// <summary>Gets the network; null before its first start.</summary>
    public NetworkIdentity? Network => View.Network;

    /// <summary>Gets the controllers, sorted by id, withdrawn ones included.</summary>
    public IReadOnlyList<ControllerView> Controllers => [.. View.Controllers.Values.OrderBy(one => one.Id.ToString(), StringComparer.Ordinal)];

    /// <summary>Gets the users, sorted by name.</summary>
    public IReadOnlyList<UserView> Users => [.. View.Users.Values.OrderBy(user => user.Name, StringComparer.Ordinal)];

    /// <summary>Gets the credentials, oldest first.</summary>
    public IReadOnlyList<CredentialView> Credentials =>
        [.. View.Credentials.Values.OrderBy(one => one.CreatedAt).ThenBy(one => one.Id.ToString(), StringComparer.Ordinal)];

    /// <summary>Gets the tokens of admins, oldest first.</summary>
    public IReadOnlyList<TokenView> Tokens =>
        [.. View.Tokens.Values.OrderBy(one => one.CreatedAt).ThenBy(one => one.Id.ToString(), StringComparer.Ordinal)];

    /// <summary>Gets the nodes with their presence, sorted by name, removed ones included (<see cref="NodeView.IsPresent"/>), deleted ones not.</summary>
    public IReadOnlyList<NodeListing> Nodes =>
        [.. View.Nodes.Values.Where(node => node.Removed is not Removal.Deleted).OrderBy(node => node.Name, StringComparer.Ordinal).ThenBy(node => node.RegisteredAt)
            .Select(node => new NodeListing(node, _presence.Get(node.Id)))];

    /// <summary>Gets the text of the policy as it was last set; empty before.</summary>
    public string PolicyText => View.PolicyText;

    /// <summary>Gets the policy in force.</summary>
    public PolicyDocument Policy => View.Policy.Document;

    /// <summary>Finds a node, removed ones included: what identity is checked against, per request.</summary>
    public NodeView? Node(NodeId id) => View.Nodes.GetValueOrDefault(id);

    /// <summary>Finds what an admin names: a present node's name, else the 16-character id of any node.</summary>
    public NodeView? FindNode(string nameOrId) => View.FindNode(nameOrId);

    /// <summary>Gets a node's presence.</summary>
    public NodePresence Presence(NodeId node) => _presence.Get(node);

    /// <summary>Reads a page of the audit list: at most <paramref name="limit"/> (1 to 1000) events after an ordering.</summary>
    public Task<AuditPage> AuditAsync(long after, int limit, CancellationToken cancellationToken) =>
        AuditLog.ReadAsync(_journal, after, limit, cancellationToken);

    /// <summary>Gives what answers the same questions as of a moment. What is not in the journal, presence, is unknown there.</summary>
    public async Task<Outcome<NetworkQueries>> AtAsync(Moment moment, CancellationToken cancellationToken)
    {
        var past = await _history.AtAsync(moment, cancellationToken);
        return past.IsDone ? new NetworkQueries(past.Value, this) : past.Refusal;
    }

    /// <summary>Reads every policy that was set, oldest first.</summary>
    public IAsyncEnumerable<PolicyRevision> PoliciesAsync(CancellationToken cancellationToken) => PolicyHistory.ReadAsync(_journal, cancellationToken);
}

/// <summary>Is a node with its presence.</summary>
public sealed record NodeListing(NodeView Node, NodePresence Presence);
