namespace Mesh.Actors.Engine.Configuration;

/// <summary>What was written, before substitutions are resolved.</summary>
internal abstract class HoconSyntax(ConfigPosition position)
{
    public ConfigPosition Position { get; } = position;
}

/// <summary>A run of text: quoted, unquoted, or the white space between two values that are joined.</summary>
internal sealed class HoconText(ConfigPosition position, string text, bool quoted, bool isSpace = false) : HoconSyntax(position)
{
    public string Text { get; } = text;

    public bool Quoted { get; } = quoted;

    /// <summary>White space between two joined values; dropped when objects or arrays are joined.</summary>
    public bool IsSpace { get; } = isSpace;
}

internal sealed class HoconArray(ConfigPosition position) : HoconSyntax(position)
{
    public List<HoconSyntax> Items { get; } = [];
}

internal sealed class HoconObject(ConfigPosition position) : HoconSyntax(position)
{
    public Dictionary<string, HoconField> Fields { get; } = new(StringComparer.Ordinal);

    public List<string> Order { get; } = [];

    public HoconField Field(string key)
    {
        if (Fields.TryGetValue(key, out var field))
            return field;
        Order.Add(key);
        return Fields[key] = new HoconField();
    }
}

/// <summary>Several pieces written beside each other: strings are glued, arrays appended, objects merged.</summary>
internal sealed class HoconConcatenation(ConfigPosition position, List<HoconSyntax> pieces) : HoconSyntax(position)
{
    public List<HoconSyntax> Pieces { get; } = pieces;
}

internal sealed class HoconSubstitution(ConfigPosition position, List<string> path, bool optional) : HoconSyntax(position)
{
    public List<string> Path { get; } = path;

    public bool Optional { get; } = optional;
}

/// <summary>What a key was given, in order: a later value merges with or replaces the ones before it.</summary>
internal sealed class HoconField
{
    public List<HoconAssignment> Assignments { get; } = [];
}

internal sealed record HoconAssignment(HoconSyntax Value, bool Append);
