using Mesh.Actors.Projection;
using Mesh.Actors.Registry;

namespace Mesh.Controller.Hosting;

/// <summary>Says what an admin should look at among the nodes.</summary>
static class NodeWarnings
{
    // A line each up to here; a list of all is what 'node list' is for.
    const int Named = 3;

    /// <summary>Gives one line per kind of trouble.</summary>
    public static IEnumerable<string> Of(NetworkQueries queries)
    {
        var waiting = queries.View.Waiting.Select(id => queries.View.Nodes[id].Name).Order(StringComparer.Ordinal).ToList();
        if (waiting.Count > 0)
            yield return $"{Some(waiting)} {(waiting.Count == 1 ? "waits" : "wait")} for approval: mesh-controller node approve NAME";
        foreach (var (node, presence) in queries.Nodes.Where(one => one.Node.IsPresent && one.Presence.CopiedAt is not null).Take(Named))
            yield return $"two machines have the identity of {node.Name}, at {presence.CopiedFrom}: "
                + "remove the state directory on the copy and join it with a credential of its own";
    }

    static string Some(List<string> names) =>
        names.Count <= Named ? string.Join(", ", names) : $"{string.Join(", ", names.Take(Named))} and {names.Count - Named} more";
}
