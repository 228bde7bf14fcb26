using Mesh.Actors.Cluster;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Sessions;

/// <summary>
/// Knows which nodes are attached to this controller and, as far as the others said, to which other: a table for each controller, so that
/// what one says late never undoes what another said. Pure but for its own state; used by one actor.
/// </summary>
sealed class Whereabouts
{
    // Beyond the nodes of the network: those of commits that this controller has not read yet.
    const int MaximumUnknown = 4096;

    readonly Dictionary<NodeId, WallTime> _here = [];
    readonly Dictionary<ControllerId, Table> _elsewhere = [];

    /// <summary>Gets the nodes that are attached to this controller, and since when.</summary>
    public IReadOnlyDictionary<NodeId, WallTime> Here => _here;

    /// <summary>Gets the other controllers that something is known of.</summary>
    public IReadOnlyCollection<ControllerId> Members => _elsewhere.Keys;

    /// <summary>Tells whether a node is attached to some other controller.</summary>
    public bool IsElsewhere(NodeId node)
    {
        foreach (var table in _elsewhere.Values)
        {
            if (table.Nodes.ContainsKey(node))
                return true;
        }
        return false;
    }

    /// <summary>Tells whether a node is attached to any controller.</summary>
    public bool IsAnywhere(NodeId node) => _here.ContainsKey(node) || IsElsewhere(node);

    /// <summary>Takes an attach to this controller in; a later one replaces an earlier.</summary>
    public void Attach(NodeId node, WallTime at) => _here[node] = at;

    /// <summary>Takes the end of an attach to this controller in; null where there was none.</summary>
    public WallTime? Detach(NodeId node) => _here.Remove(node, out var at) ? at : null;

    /// <summary>Begins to take a controller's whole state in; until it is whole, what was known before counts too.</summary>
    public void Begin(ControllerId member) => TableOf(member).Arriving = [];

    /// <summary>Takes in that a node is attached to another controller; false where it is known to have attached there later, or too many are known.</summary>
    public bool Take(ControllerId member, NodeHere node, int known)
    {
        var table = TableOf(member);
        table.Arriving?.Add(node.Node);
        if (table.Nodes.TryGetValue(node.Node, out var at) ? at > node.AttachedAt : table.Nodes.Count >= known + MaximumUnknown)
            return false;
        table.Nodes[node.Node] = node.AttachedAt;
        return true;
    }

    /// <summary>Takes in that a node has left another controller; false where it has attached there again since, or was not there.</summary>
    public bool Take(ControllerId member, NodeLeft left)
    {
        if (!_elsewhere.TryGetValue(member, out var table) || !table.Nodes.TryGetValue(left.Node, out var at) || at > left.AttachedAt)
            return false;
        table.Arriving?.Remove(left.Node);
        return table.Nodes.Remove(left.Node);
    }

    /// <summary>Ends what <see cref="Begin"/> began; gives the nodes that are not there any more.</summary>
    public IReadOnlyList<NodeId> Complete(ControllerId member)
    {
        if (!_elsewhere.TryGetValue(member, out var table) || table.Arriving is not { } named)
            return [];
        table.Arriving = null;
        NodeId[] gone = [.. table.Nodes.Keys.Where(node => !named.Contains(node))];
        foreach (var node in gone)
            table.Nodes.Remove(node);
        return gone;
    }

    /// <summary>Tells whether a controller has said all that it has.</summary>
    public bool IsWhole(ControllerId member) => _elsewhere.TryGetValue(member, out var table) && table.Arriving is null;

    /// <summary>Forgets a controller; gives the nodes that were there.</summary>
    public IReadOnlyList<NodeId> Drop(ControllerId member) => _elsewhere.Remove(member, out var table) ? [.. table.Nodes.Keys] : [];

    Table TableOf(ControllerId member)
    {
        if (!_elsewhere.TryGetValue(member, out var table))
            _elsewhere[member] = table = new Table();
        return table;
    }

    sealed class Table
    {
        public Dictionary<NodeId, WallTime> Nodes { get; } = [];

        // The nodes named since the link came up, until it is whole.
        public HashSet<NodeId>? Arriving { get; set; }
    }
}
