namespace Mesh.Actors.Engine.Configuration;

/// <summary>A setting that a configuration holds: its full path and where it stands (both numbers start at 1).</summary>
public readonly record struct ConfigKey(string Path, int Line, int Column);

/// <summary>Lists what a configuration sets, so that a program can refuse what it does not know.</summary>
public static class ConfigKeys
{
    /// <summary>Lists every leaf (value, list or empty object) with its full path, in the order written.</summary>
    public static IReadOnlyList<ConfigKey> Keys(this Config config)
    {
        ArgumentNullException.ThrowIfNull(config);
        var keys = new List<ConfigKey>();
        Collect(config.Root, null, keys);
        return keys;
    }

    /// <summary>Says whether the value at a path is a list.</summary>
    public static bool IsList(this Config config, string path)
    {
        ArgumentNullException.ThrowIfNull(config);
        ConfigNode? node = config.Root;
        foreach (var segment in ConfigPath.Split(path))
            node = node is ConfigObject inner && inner.Members.TryGetValue(segment, out var next) ? next : null;
        return node is ConfigArray;
    }

    /// <summary>
    /// Throws <see cref="ConfigurationException"/> (<c>unknown key X at line N</c>) for the first key that is neither one of
    /// <paramref name="known"/> nor under one that ends in <c>.*</c>.
    /// </summary>
    public static void RefuseUnknown(this Config config, IEnumerable<string> known)
    {
        ArgumentNullException.ThrowIfNull(known);
        var exact = new HashSet<string>(StringComparer.Ordinal);
        var prefixes = new List<string>();
        foreach (var key in known)
        {
            if (key.EndsWith(".*", StringComparison.Ordinal))
                prefixes.Add(key[..^1]);
            else
                exact.Add(key);
        }

        foreach (var key in config.Keys())
        {
            if (!exact.Contains(key.Path) && !prefixes.Exists(prefix => key.Path.StartsWith(prefix, StringComparison.Ordinal)))
                throw new ConfigurationException($"unknown key {key.Path} at line {key.Line}");
        }
    }

    private static void Collect(ConfigObject node, string? parent, List<ConfigKey> keys)
    {
        foreach (var (segment, value) in node.Members)
        {
            var path = ConfigPath.Join(parent, segment);
            if (value is ConfigObject { Members.Count: > 0 } inner)
                Collect(inner, path, keys);
            else
                keys.Add(new ConfigKey(path, value.Position.Line, value.Position.Column));
        }
    }
}
