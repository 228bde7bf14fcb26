using System.Collections.Immutable;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Projection;

// Forgetting what has ended: no map, right or decision rests on it.
public sealed partial record NetworkView
{
    /// <summary>Tells whether an entity, by its persistence id, is still known: as long as it is, its events are kept whole.</summary>
    public bool Knows(string persistenceId) => persistenceId.Split('-', 2) switch
    {
        ["credential", var text] => TypedId.TryParse(text, out CredentialId credential)
            && (Credentials.ContainsKey(credential) || PendingRegistrations.Keys.Any(pending => pending.Credential == credential)),
        ["node", var text] => TypedId.TryParse(text, out NodeId node)
            && (Nodes.ContainsKey(node) || PendingRegistrations.Keys.Any(pending => pending.Node == node)),
        ["token", var text] => TypedId.TryParse(text, out TokenId token) && Tokens.ContainsKey(token),
        _ => true,
    };

    /// <summary>Tells whether something ended before a moment.</summary>
    public bool HasEnded(WallTime before)
    {
        var rest = WithoutEnded(before);
        return rest.Credentials.Count + rest.Nodes.Count + rest.Tokens.Count < Credentials.Count + Nodes.Count + Tokens.Count;
    }

    /// <summary>Forgets what ended before a moment.</summary>
    public NetworkView WithoutEnded(WallTime before) => this with
    {
        Credentials = Credentials.RemoveRange(
            Credentials.Values.Where(one => one.EndedAt < before && !one.Nodes.Any(Belonging.Contains)).Select(one => one.Id)),
        Nodes = Nodes.RemoveRange(Nodes.Values.Where(one => one.RemovedAt < before && !PendingReleases.Contains(one.Id)).Select(one => one.Id)),
        Tokens = WithoutEnded(Tokens, before),
    };

    // A token stays as long as one does that was created with it: by it is known when that one ended.
    static ImmutableDictionary<TokenId, TokenView> WithoutEnded(ImmutableDictionary<TokenId, TokenView> tokens, WallTime before)
    {
        while (true)
        {
            var parents = tokens.Values.Where(one => one.Parent is not null).Select(one => one.Parent!.Value).ToHashSet();
            var ended = tokens.Values.Where(one => (one.RevokedAt ?? one.ExpiresAt) < before && !parents.Contains(one.Id)).Select(one => one.Id).ToList();
            if (ended.Count == 0)
                return tokens;
            tokens = tokens.RemoveRange(ended);
        }
    }
}
