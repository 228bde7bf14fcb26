using Mesh.Protocol.Identity;

namespace Mesh.Actors.Sessions;

/// <summary>
/// Counts the streams of each node that were opened and that the registry of sessions has not taken up yet. When everybody comes back at
/// once that takes a moment, in which the end of a node's former stream is no news of the node. Safe for concurrent use.
/// </summary>
sealed class Arrivals
{
    readonly Lock _gate = new();
    readonly Dictionary<NodeId, int> _waiting = [];

    /// <summary>Takes in that a stream was opened.</summary>
    public void Add(NodeId node)
    {
        lock (_gate)
            _waiting[node] = _waiting.GetValueOrDefault(node) + 1;
    }

    /// <summary>Takes in that the registry has taken one up.</summary>
    public void Remove(NodeId node)
    {
        lock (_gate)
        {
            if (--_waiting[node] == 0)
                _waiting.Remove(node);
        }
    }

    /// <summary>Tells whether one is waiting.</summary>
    public bool Contains(NodeId node)
    {
        lock (_gate)
            return _waiting.ContainsKey(node);
    }
}
