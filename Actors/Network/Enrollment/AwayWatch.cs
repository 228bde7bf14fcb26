using Mesh.Actors.Ports;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Enrollment;

/// <summary>
/// Decides which ephemeral nodes have been away for too long: only time counts through which it watched a node being away itself, and
/// of that never more than two intervals between two looks. So neither a clock that is set nor a start of the controller deletes a node
/// early. Pure but for what it remembers; not safe for concurrent use.
/// </summary>
/// <param name="timeout">How long a node may be away.</param>
/// <param name="interval">How often this looks.</param>
public sealed class AwayWatch(TimeSpan timeout, TimeSpan interval)
{
    readonly Dictionary<NodeId, TimeSpan> _away = [];
    WallTime? _lastLook;

    /// <summary>Looks, and returns the nodes whose time is over.</summary>
    /// <param name="ephemeral">Every ephemeral node in the network.</param>
    /// <param name="presence">What is known of a node.</param>
    /// <param name="now">The time.</param>
    public IReadOnlyList<NodeId> Look(IEnumerable<NodeId> ephemeral, Func<NodeId, NodePresence> presence, WallTime now)
    {
        var passed = _lastLook is { } last ? Bounded(now - last) : TimeSpan.Zero;
        _lastLook = now;
        var overdue = new List<NodeId>();
        var present = new HashSet<NodeId>();
        foreach (var node in ephemeral)
        {
            present.Add(node);
            var known = presence(node);
            if (known.Online)
            {
                _away.Remove(node);
                continue;
            }
            _away[node] = _away.TryGetValue(node, out var before) ? before + passed : TimeSpan.Zero;
            // Another controller may have heard of it since.
            if (_away[node] >= timeout && (known.LastSeen is not { } seen || now - seen >= timeout))
                overdue.Add(node);
        }
        foreach (var gone in _away.Keys.Where(node => !present.Contains(node)).ToList())
            _away.Remove(gone);
        return overdue;
    }

    /// <summary>Forgets what it saw: somebody else watches.</summary>
    public void Forget()
    {
        _away.Clear();
        _lastLook = null;
    }

    TimeSpan Bounded(TimeSpan passed) => passed < TimeSpan.Zero ? TimeSpan.Zero : passed < 2 * interval ? passed : 2 * interval;
}
