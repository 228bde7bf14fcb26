using Mesh.Actors.Registry;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Sessions;

/// <summary>Counts which peers of a removed node act on a map without it. Pure but for its own state; used by one actor.</summary>
sealed class RevocationTracker(NodeId node, string name, long revision, WallTime committedAt, IReadOnlyDictionary<NodeId, string> peers)
{
    readonly HashSet<NodeId> _acknowledged = [];
    TimeSpan _elapsed;

    /// <summary>Gets the node that was removed.</summary>
    public NodeId Node => node;

    /// <summary>Takes an acknowledgement in; true where it is news.</summary>
    public bool Acknowledge(NodeId peer, long upTo, WallTime now)
    {
        if (upTo < revision || !peers.ContainsKey(peer) || !_acknowledged.Add(peer))
            return false;
        _elapsed = now - committedAt;
        return true;
    }

    /// <summary>Tells whether nothing more is to be expected from attached peers.</summary>
    public bool IsComplete(Func<NodeId, bool> isAttached) => peers.Keys.All(peer => _acknowledged.Contains(peer) || !isAttached(peer));

    /// <summary>Says how far it is.</summary>
    /// <param name="isAttached">Tells whether a node's stream is open.</param>
    /// <param name="validUntil">Gives the last moment at which a node can act on the old map.</param>
    public RevocationProgress Progress(Func<NodeId, bool> isAttached, Func<NodeId, WallTime> validUntil) => new(
        node,
        name,
        revision,
        peers.Count,
        [.. peers.Where(peer => _acknowledged.Contains(peer.Key)).Select(peer => peer.Value).Order(StringComparer.Ordinal)],
        _elapsed,
        [
            .. peers.Where(peer => !_acknowledged.Contains(peer.Key))
                .OrderBy(peer => peer.Value, StringComparer.Ordinal)
                .Select(peer => new PeerNotReached(peer.Key, peer.Value, isAttached(peer.Key), validUntil(peer.Key))),
        ]);
}
