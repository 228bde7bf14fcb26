using Mesh.Actors.Registry;

namespace Mesh.Controller.Audit;

/// <summary>Says what nodes have shown against this controller's journal.</summary>
static class AuditWarnings
{
    const int MostNames = 5;

    /// <summary>Gives one line for the admin; none where every node's history is the journal's.</summary>
    public static IEnumerable<string> Of(ControllerSystem system)
    {
        var open = system.AuditDisputes.Open;
        if (open.Count == 0)
            yield break;
        var names = string.Join(", ", open.Take(MostNames).Select(one => one.Name)) + (open.Count > MostNames ? ", ..." : "");
        var newest = open.Max(one => one.Held.Ordering);
        var tip = system.Audit.Tip.Ordering;
        yield return $"{(open.Count == 1 ? "a node has" : $"{open.Count} nodes have")} seen history that this journal does not hold ({names}, up to event {newest}; the journal ends "
            + $"with {tip}): the database was rolled back to an older copy or changed: stop the controllers and restore the newest copy, or make this one the "
            + "truth with 'mesh-controller restore --new-epoch'";
    }
}
