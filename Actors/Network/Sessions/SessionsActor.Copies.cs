using Mesh.Protocol.Identity;

namespace Mesh.Actors.Sessions;

// Notices that an identity was copied: its machines take the one stream that a node has from each other.
sealed partial class SessionsActor
{
    // Of nodes whose stream another program took over lately.
    readonly Dictionary<NodeId, InstanceHistory> _instances = [];

    // The word that a stream is closed with whose place another one takes: 'copied' tells the machine to leave it to the other for a while.
    string Replacing(ControlStreamHandle former, ControlStreamHandle next)
    {
        if (former.Origin is not { } one || next.Origin is not { } other)
            return "replaced";
        var now = Clock.Now;
        var before = _instances.GetValueOrDefault(next.Node, InstanceHistory.Empty);
        if (!before.Replace(one.Instance, other.Instance, now, out var history))
        {
            if (!ReferenceEquals(history, before))
                _instances[next.Node] = history;
            return "replaced";
        }
        _instances[next.Node] = history;
        var from = string.Join(" and ", new[] { one.Address, other.Address }.Distinct().Order(StringComparer.Ordinal));
        _services.Presence.Update(next.Node, presence => presence with { CopiedAt = now, CopiedFrom = from });
        if (before.CopiedAt is not { } known || now - known > InstanceHistory.Remembered)
            _log.Warning(
                "two machines have the identity of node {0} ({1}), at {2}: remove the state directory on the copy and join it with a credential of its own",
                _view.Nodes[next.Node].Name, next.Node, from);
        return "copied";
    }

    // What did not happen again for so long is over.
    void ForgetInstances()
    {
        var now = Clock.Now;
        foreach (var (node, history) in _instances.ToList())
        {
            if (_view.Nodes.GetValueOrDefault(node) is { IsPresent: true } && now - history.At < InstanceHistory.Remembered)
                continue;
            _instances.Remove(node);
            _services.Presence.Update(node, presence => presence with { CopiedAt = null, CopiedFrom = null });
        }
    }
}
