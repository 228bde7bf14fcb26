using System.Collections.Concurrent;
using Mesh.Actors.Ports;
using Mesh.Protocol.Identity;

namespace Mesh.Actors.Sessions;

/// <summary>Keeps presence in memory.</summary>
public sealed class PresenceTable : IPresence
{
    static readonly NodePresence Nothing = new();

    readonly ConcurrentDictionary<NodeId, NodePresence> _nodes = new();

    /// <inheritdoc/>
    public NodePresence Get(NodeId node) => _nodes.GetValueOrDefault(node, Nothing);

    /// <inheritdoc/>
    public void Update(NodeId node, Func<NodePresence, NodePresence> change) =>
        _nodes.AddOrUpdate(node, _ => change(Nothing), (_, presence) => change(presence));

    /// <summary>Copies the whole table, for a store that outlives the program.</summary>
    public IReadOnlyDictionary<NodeId, NodePresence> Snapshot() => new Dictionary<NodeId, NodePresence>(_nodes);
}
