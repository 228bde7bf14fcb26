namespace Mesh.Actors.Policy;

/// <summary>Names what a policy can say of a node. A selector is text: <c>*</c>, <c>user:NAME</c>, <c>group:NAME</c>, <c>tag:NAME</c>, <c>node:NAME</c>.</summary>
public static class NodeSelectors
{
    /// <summary>Matches every node.</summary>
    public const string Everyone = "*";

    /// <summary>The prefix of a user.</summary>
    public const string User = "user:";

    /// <summary>The prefix of a group.</summary>
    public const string Group = "group:";

    /// <summary>The prefix of a tag.</summary>
    public const string Tag = "tag:";

    /// <summary>The prefix of a node.</summary>
    public const string Node = "node:";

    /// <summary>Lists the selectors that match a node, groups left out: tags take the place of the user.</summary>
    public static IReadOnlyList<string> Of(string name, string? owner, IReadOnlyList<string> tags)
    {
        var selectors = new List<string>(3 + tags.Count) { Everyone, Node + name };
        if (tags.Count > 0)
            selectors.AddRange(tags.Select(tag => Tag + tag));
        else if (owner is not null)
            selectors.Add(User + owner);
        return selectors;
    }
}
