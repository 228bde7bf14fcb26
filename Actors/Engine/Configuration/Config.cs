using System.Globalization;

namespace Mesh.Actors.Engine.Configuration;

/// <summary>
/// A read-only tree of settings. A path names a value by its keys, joined by dots; a key in double quotes may hold dots.
/// An absent value (or <c>null</c>) gives the default; a value of the wrong kind throws <see cref="ConfigurationException"/>
/// with its line and column. Safe for concurrent use.
/// </summary>
public sealed class Config
{
    /// <summary>A configuration without any value.</summary>
    public static readonly Config Empty = new(ConfigObject.Empty);

    internal Config(ConfigObject root) => Root = root;

    internal ConfigObject Root { get; }

    /// <summary>Says whether there is no value at all.</summary>
    public bool IsEmpty => Root.Members.Count == 0;

    /// <summary>Reads HOCON text, as <see cref="ConfigurationFactory.ParseString(string)"/> does.</summary>
    public static implicit operator Config(string hocon) => ConfigurationFactory.ParseString(hocon);

    /// <summary>Says whether there is a value at the path.</summary>
    public bool HasPath(string path) => Find(path) is not null;

    /// <summary>Reads text.</summary>
    public string? GetString(string path, string? @default = null) => FindScalar(path)?.Text ?? @default;

    /// <summary>Reads a whole number of 32 bits.</summary>
    public int GetInt(string path, int @default = 0) =>
        Read(path, @default, "a whole number between -2147483648 and 2147483647", static (string text, out int value) =>
            int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value));

    /// <summary>Reads a whole number of 64 bits.</summary>
    public long GetLong(string path, long @default = 0) =>
        Read(path, @default, "a whole number", static (string text, out long value) =>
            long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value));

    /// <summary>Reads a number.</summary>
    public double GetDouble(string path, double @default = 0) =>
        Read(path, @default, "a number", static (string text, out double value) =>
            double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value));

    /// <summary>Reads <c>true</c>, <c>on</c>, <c>yes</c> or <c>false</c>, <c>off</c>, <c>no</c>.</summary>
    public bool GetBoolean(string path, bool @default = false) =>
        Read(path, @default, "true, on, yes, false, off or no", static (string text, out bool value) =>
        {
            value = text is "true" or "on" or "yes";
            return value || text is "false" or "off" or "no";
        });

    /// <summary>Reads a duration such as <c>10s</c>, <c>500 ms</c>, <c>7d</c>; a bare number is milliseconds.</summary>
    public TimeSpan GetTimeSpan(string path, TimeSpan? @default = null, bool allowInfinite = true)
    {
        var value = Read(path, @default.GetValueOrDefault(), "a duration such as 500ms, 10s or 7d", static (string text, out TimeSpan value) =>
            HoconUnits.TryDuration(text, out value));
        if (!allowInfinite && value == Timeout.InfiniteTimeSpan && FindScalar(path) is { } scalar)
            throw ConfigurationException.At(scalar.Position, $"`{path}` may not be infinite");
        return value;
    }

    /// <summary>Reads a number of bytes such as <c>512</c>, <c>64 KiB</c>, <c>10MB</c>; null when absent.</summary>
    public long? GetByteSize(string path) => GetByteSize(path, null);

    /// <summary>Reads a number of bytes such as <c>512</c>, <c>64 KiB</c>, <c>10MB</c>.</summary>
    public long? GetByteSize(string path, long? def) => Read(path, def, "a size such as 512, 64KiB or 10MB", static (string text, out long? value) =>
    {
        var good = HoconUnits.TrySize(text, out var bytes);
        value = bytes;
        return good;
    });

    /// <summary>Reads a list of texts; empty when absent.</summary>
    public IList<string> GetStringList(string path)
    {
        switch (Find(path))
        {
            case null:
                return [];
            case ConfigArray array:
                return [.. array.Items.Select(item => item is ConfigScalar scalar
                    ? scalar.Text
                    : throw ConfigurationException.At(item.Position, $"every element of `{path}` must be a text"))];
            case var other:
                throw ConfigurationException.At(other.Position, $"`{path}` must be a list, such as [a, b]");
        }
    }

    /// <summary>Reads the object at the path as a configuration of its own; null when absent.</summary>
    public Config? GetConfig(string path) => Find(path) switch
    {
        null => null,
        ConfigObject inner => new Config(inner),
        var other => throw ConfigurationException.At(other.Position, $"`{path}` must be an object in braces"),
    };

    /// <summary>Lays this configuration over another: objects merge, any other value here wins.</summary>
    public Config WithFallback(Config? fallback)
    {
        if (ReferenceEquals(fallback, this))
            throw new ArgumentException("A configuration cannot be its own fallback.", nameof(fallback));
        if (fallback is null || fallback.IsEmpty)
            return this;
        return IsEmpty ? fallback : new Config(Root.Over(fallback.Root));
    }

    private ConfigNode? Find(string path)
    {
        ConfigNode node = Root;
        foreach (var segment in ConfigPath.Split(path))
        {
            if (node is not ConfigObject inner || !inner.Members.TryGetValue(segment, out var next))
                return null;
            node = next;
        }

        return node is ConfigNull ? null : node;
    }

    private ConfigScalar? FindScalar(string path) => Find(path) switch
    {
        null => null,
        ConfigScalar scalar => scalar,
        var other => throw ConfigurationException.At(other.Position, $"`{path}` must be a single value, not {Kind(other)}"),
    };

    private T Read<T>(string path, T @default, string expected, Parser<T> parse)
    {
        if (FindScalar(path) is not { } scalar)
            return @default;
        return parse(scalar.Text, out var value)
            ? value
            : throw ConfigurationException.At(scalar.Position, $"`{path}` must be {expected}, but is \"{scalar.Text}\"");
    }

    private static string Kind(ConfigNode node) => node is ConfigArray ? "a list" : "an object";

    private delegate bool Parser<T>(string text, out T value);
}
