namespace Mesh.Actors.Engine.Configuration;

/// <summary>Makes <see cref="Config"/> objects from HOCON text.</summary>
public static class ConfigurationFactory
{
    /// <summary>A configuration without any value.</summary>
    public static Config Empty => Config.Empty;

    /// <summary>
    /// Reads HOCON text. Substitutions (<c>${a.b}</c>, <c>${?NAME}</c>) are resolved within the text first and from the
    /// environment of the process second. Throws <see cref="ConfigurationException"/> with line and column on bad text.
    /// </summary>
    public static Config ParseString(string hocon) => ParseString(hocon, Environment.GetEnvironmentVariable);

    internal static Config ParseString(string hocon, Func<string, string?> environment)
    {
        ArgumentNullException.ThrowIfNull(hocon);
        var document = new HoconReader(hocon).ReadDocument();
        return new Config(new HoconResolver(document, environment).Resolve());
    }
}
