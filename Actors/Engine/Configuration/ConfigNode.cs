namespace Mesh.Actors.Engine.Configuration;

/// <summary>A value of a resolved configuration. Immutable once built.</summary>
internal abstract record ConfigNode(ConfigPosition Position);

/// <summary>A string, number, boolean or unit value; HOCON keeps them all as text until somebody asks.</summary>
internal sealed record ConfigScalar(ConfigPosition Position, string Text, bool Quoted) : ConfigNode(Position);

/// <summary>The literal <c>null</c>: hides what a fallback has, and counts as absent.</summary>
internal sealed record ConfigNull(ConfigPosition Position) : ConfigNode(Position);

internal sealed record ConfigArray(ConfigPosition Position, IReadOnlyList<ConfigNode> Items) : ConfigNode(Position);

internal sealed record ConfigObject(ConfigPosition Position, IReadOnlyDictionary<string, ConfigNode> Members) : ConfigNode(Position)
{
    public static readonly ConfigObject Empty = new(new ConfigPosition(1, 1), new Dictionary<string, ConfigNode>());

    /// <summary>Lays this object over another: objects merge member by member, anything else here wins.</summary>
    public ConfigObject Over(ConfigObject lower)
    {
        var merged = new Dictionary<string, ConfigNode>(lower.Members, StringComparer.Ordinal);
        foreach (var (key, value) in Members)
        {
            merged[key] = value is ConfigObject mine && merged.TryGetValue(key, out var theirs) && theirs is ConfigObject other
                ? mine.Over(other)
                : value;
        }

        return new ConfigObject(Position, merged);
    }
}
