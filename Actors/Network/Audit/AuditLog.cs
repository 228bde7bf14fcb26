using Mesh.Actors.Events;
using Mesh.Actors.Persistence;
using Mesh.Actors.Ports;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Audit;

/// <summary>Reads the journal as a list for people: all that ever happened, who did it and when.</summary>
public static class AuditLog
{
    /// <summary>Reads a page of at most <paramref name="limit"/> (1 to 1000) events after an ordering.</summary>
    public static async Task<AuditPage> ReadAsync(IJournalTail journal, long after, int limit, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, 1000);
        var events = await journal.ReadAsync(after, limit, cancellationToken);
        return new AuditPage([.. events.Select(Describe)], events.Count < limit ? null : events[^1].Ordering);
    }

    /// <summary>Puts one event into words. An event that this program does not know is listed by its name alone.</summary>
    public static AuditEntry Describe(JournalEvent journaled)
    {
        var kind = journaled.Manifest[..Math.Max(0, journaled.Manifest.LastIndexOf('.'))];
        INetworkEvent happened;
        try
        {
            happened = NetworkEvents.Read(journaled);
        }
        catch (Exception unknown) when (unknown is UnknownEventException or InvalidDataException)
        {
            return new AuditEntry(journaled.Ordering, new WallTime(journaled.CreatedMs), "", kind, journaled.PersistenceId, unknown.Message);
        }
        return new AuditEntry(journaled.Ordering, happened.At, happened.By, kind, journaled.PersistenceId, Detail(happened));
    }

    static string Detail(INetworkEvent happened) => happened switch
    {
        NetworkCreated one => $"network {one.Network}, {one.Ipv4}, {one.Ipv6}",
        NetworkRestored one => $"epoch {one.Epoch}, controller {one.Controller}, from the backup {one.Backup} of revision {one.Revision}, taken {one.TakenAt} by {one.TakenBy}",
        ControllerDelegated one => $"controller {one.Controller} at {string.Join(", ", one.Addresses)}",
        ControllerDelegatedV2 one => $"controller {one.Controller} at {string.Join(", ", one.Addresses)}",
        ControllerWithdrawn one => $"controller {one.Controller}",
        HistoryPruned one => $"what had ended before {one.Before}",
        EventPruned => "pruned: the content is gone",
        UserCreated one => one.Name,
        CredentialCreated one => $"for {Owner(one.Owner, one.Tags)}, until {one.ExpiresAt}",
        CredentialCreatedV2 one => $"for {Owner(one.Owner, one.Tags)}, until {one.ExpiresAt}, uses: {one.Uses}"
            + $"{(one.Ephemeral ? ", ephemeral" : "")}{(one.Approved ? ", approved" : "")}",
        CredentialUsed one => Machine(one.Node),
        CredentialExpired or CredentialRevoked => "",
        AllocationReserved one => $"{one.Name} {one.Ipv4} {one.Ipv6} for credential {one.Credential}",
        AllocationReleased one => $"node {one.Node}",
        NodeRegistered one => $"{Machine(one.Node)}, credential {one.Credential}",
        NodeAnnounced one => $"suites: {(one.Suites.Count == 0 ? "none" : string.Join(", ", one.Suites))}",
        NodeRevoked or NodeLoggedOut or NodeApproved or NodeExpired or NodeDeleted => "",
        NodeRenamed one => $"node {one.Node} is {one.Name}",
        NodeRotated one => $"node {one.Node}: {one.FormerKey} became {one.TunnelKey}",
        NodeTagged one => $"for {Owner(one.Owner, one.Tags)}",
        NodeExpirySet one => one.ExpiresAt is { } at ? $"at {at}" : "never",
        TokenCreated one => $"{one.Name}: {string.Join(' ', one.Scopes)}, until {one.ExpiresAt}{(one.Parent is { } parent ? $", by token {parent}" : "")}",
        TokenRevoked => "",
        PolicySet one => $"rules: {one.Document.Allow.Count}, groups: {one.Document.Groups.Count}",
        _ => "",
    };

    static string Machine(EnrolledNode node) => $"node {node.Id} {node.Name} {node.Ipv4} {node.Ipv6} for {Owner(node.Owner, node.Tags)}";

    static string Owner(string? owner, IReadOnlyList<string> tags) =>
        owner is null ? string.Join(",", tags.Select(tag => "tag:" + tag)) : "user:" + owner;
}
