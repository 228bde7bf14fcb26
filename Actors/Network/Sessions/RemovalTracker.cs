using Mesh.Actors.Registry;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Sessions;

/// <summary>Counts which of the nodes that were attached know that a controller was withdrawn. Pure but for its own state; used by one actor.</summary>
/// <param name="revision">The revision that says so.</param>
/// <param name="began">When it was committed.</param>
/// <param name="nodes">The nodes.</param>
sealed class RemovalTracker(long revision, WallTime began, IReadOnlyCollection<NodeId> nodes)
{
    readonly HashSet<NodeId> _waiting = [.. nodes];
    int _told;
    TimeSpan _elapsed;

    /// <summary>Gets whether nobody is waited for any more.</summary>
    public bool IsComplete => _waiting.Count == 0;

    /// <summary>Takes an acknowledgement in.</summary>
    public void Acknowledge(NodeId node, long upTo, WallTime now)
    {
        if (upTo < revision || !_waiting.Remove(node))
            return;
        _told++;
        _elapsed = now - began;
    }

    /// <summary>Does not wait for a node that has gone.</summary>
    public void Forget(NodeId node) => _waiting.Remove(node);

    /// <summary>Says how far it is.</summary>
    public NodesTold Progress() => new(nodes.Count, _told, _elapsed);
}
