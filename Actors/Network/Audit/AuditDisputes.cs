using Mesh.Protocol.Audit;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Audit;

/// <summary>Is a node whose history is not the journal's.</summary>
/// <param name="Node">The node.</param>
/// <param name="Name">Its name.</param>
/// <param name="Held">The head that it holds.</param>
/// <param name="Ours">Where the journal's chain stands at that ordering.</param>
/// <param name="Since">When it first showed it.</param>
public sealed record DisputedHead(NodeId Node, string Name, AuditHead Held, AuditHead Ours, WallTime Since);

/// <summary>Keeps which nodes hold a head that is not in the journal's chain, since this controller started. Safe for concurrent use.</summary>
public sealed class AuditDisputes
{
    // What an admin must know is that there are some: more than so many say no more.
    const int Maximum = 1000;

    readonly Lock _gate = new();
    readonly Dictionary<NodeId, DisputedHead> _open = [];

    /// <summary>Gets them, by name.</summary>
    public IReadOnlyList<DisputedHead> Open
    {
        get
        {
            lock (_gate)
                return [.. _open.Values.OrderBy(one => one.Name, StringComparer.Ordinal)];
        }
    }

    /// <summary>Notes one; false where it was known.</summary>
    internal bool Add(DisputedHead dispute)
    {
        lock (_gate)
        {
            if (_open.TryGetValue(dispute.Node, out var known))
            {
                _open[dispute.Node] = dispute with { Since = known.Since };
                return known.Held != dispute.Held;
            }
            if (_open.Count < Maximum)
                _open[dispute.Node] = dispute;
            return true;
        }
    }

    /// <summary>Forgets a node whose head was found in the chain.</summary>
    internal void Settle(NodeId node)
    {
        lock (_gate)
            _open.Remove(node);
    }
}
