namespace Mesh.Actors.Engine.Configuration;

/// <summary>
/// Turns syntax into values (HOCON specification, "Substitutions" and "Self-referential fields"): a reference from within a field's
/// own value means the value the field had before; every other reference means the final value.
/// </summary>
internal sealed class HoconResolver(HoconObject document, Func<string, string?> environment)
{
    /// <summary>How many references may hang on each other before it counts as a cycle.</summary>
    private const int MaximumChain = 100;

    private readonly Dictionary<HoconField, int> _resolving = [];
    private int _chain;
    private bool _metItself;

    public ConfigObject Resolve() => ResolveObject(document);

    private ConfigObject ResolveObject(HoconObject syntax)
    {
        var members = new Dictionary<string, ConfigNode>(StringComparer.Ordinal);
        foreach (var key in syntax.Order)
        {
            if (ResolveField(syntax.Fields[key]) is { } value)
                members[key] = value;
        }

        return new ConfigObject(syntax.Position, members);
    }

    /// <summary>Folds the assignments of a field; while one is being resolved only those before it count.</summary>
    private ConfigNode? ResolveField(HoconField field)
    {
        var nested = _resolving.TryGetValue(field, out var below);
        var end = nested ? below : field.Assignments.Count;
        try
        {
            ConfigNode? result = null;
            for (var i = FirstThatMatters(field, end); i < end; i++)
            {
                _resolving[field] = i;
                var (syntax, append) = field.Assignments[i];
                if (ResolveValue(syntax) is not { } value)
                    continue;
                result = append ? Append(result, value) : Merge(result, value);
            }

            return result;
        }
        finally
        {
            if (nested)
                _resolving[field] = below;
            else
                _resolving.Remove(field);
        }
    }

    /// <summary>A plain value hides what stands before it, so that is not resolved (it might name something absent).</summary>
    private static int FirstThatMatters(HoconField field, int end)
    {
        for (var i = end - 1; i > 0; i--)
        {
            if (field.Assignments[i] is { Append: false, Value: HoconText or HoconArray } assignment && !MentionsSubstitution(assignment.Value))
                return i;
        }

        return 0;
    }

    private static bool MentionsSubstitution(HoconSyntax syntax) => syntax switch
    {
        HoconSubstitution => true,
        HoconConcatenation concatenation => concatenation.Pieces.Exists(MentionsSubstitution),
        HoconArray array => array.Items.Exists(MentionsSubstitution),
        _ => false,
    };

    private ConfigNode? ResolveValue(HoconSyntax syntax) => syntax switch
    {
        HoconText text => Scalar(text.Position, text.Text, text.Quoted),
        HoconObject nested => ResolveObject(nested),
        HoconArray array => new ConfigArray(array.Position, [.. array.Items.Select(ResolveValue).OfType<ConfigNode>()]),
        HoconSubstitution substitution => ResolveSubstitution(substitution),
        HoconConcatenation concatenation => ResolveConcatenation(concatenation),
        _ => throw new InvalidOperationException($"unknown syntax {syntax.GetType().Name}"),
    };

    private static ConfigNode Scalar(ConfigPosition position, string text, bool quoted) =>
        !quoted && text == "null" ? new ConfigNull(position) : new ConfigScalar(position, text, quoted);

    private ConfigNode? ResolveSubstitution(HoconSubstitution substitution)
    {
        if (++_chain > MaximumChain)
            throw Cycle(substitution);
        _metItself = false;
        try
        {
            if (Find(document, substitution.Path, 0) is { } found and not ConfigNull)
                return found with { Position = substitution.Position };
        }
        finally
        {
            _chain--;
        }

        var name = ConfigPath.Join(substitution.Path);
        if (environment(string.Join('.', substitution.Path)) is { } value)
            return new ConfigScalar(substitution.Position, value, Quoted: true);
        if (substitution.Optional)
            return null;
        throw _metItself
            ? Cycle(substitution)
            : ConfigurationException.At(
                substitution.Position, $"${{{name}}} is neither set in this text nor in the environment; write ${{?{name}}} if it may be absent");
    }

    private ConfigNode? Find(HoconObject scope, List<string> path, int depth)
    {
        if (!scope.Fields.TryGetValue(path[depth], out var field))
            return null;
        if (depth == path.Count - 1)
            return Earlier(field);

        // Literal objects are entered without resolving their other members: siblings may refer to each other.
        if (field.Assignments.TrueForAll(each => each is { Append: false, Value: HoconObject }))
        {
            for (var i = field.Assignments.Count - 1; i >= 0; i--)
            {
                if (Find((HoconObject)field.Assignments[i].Value, path, depth + 1) is { } found)
                    return found;
            }

            return null;
        }

        // A merge such as `a = ${base} { x = ${a.y} }`: the newest literal part that knows the path wins, else the folded value.
        if (field.Assignments[^1].Value is HoconObject newest && Find(newest, path, depth + 1) is { } direct)
            return direct;
        var node = Earlier(field);
        for (var i = depth + 1; i < path.Count && node is not null; i++)
            node = node is ConfigObject inner && inner.Members.TryGetValue(path[i], out var member) ? member : null;
        return node;
    }

    /// <summary>The value of a field, or the one it had before the assignment that is being resolved just now.</summary>
    private ConfigNode? Earlier(HoconField field)
    {
        if (!_resolving.TryGetValue(field, out var below) || below > 0)
            return ResolveField(field);
        _metItself = true;
        return null;
    }

    private ConfigNode? ResolveConcatenation(HoconConcatenation concatenation)
    {
        var values = new List<(ConfigNode Node, bool IsSpace)>();
        foreach (var piece in concatenation.Pieces)
        {
            var isSpace = piece is HoconText { IsSpace: true };
            if (isSpace)
                values.Add((new ConfigScalar(piece.Position, ((HoconText)piece).Text, Quoted: true), true));
            else if (ResolveValue(piece) is { } value)
                values.Add((value, false));
        }

        var solid = values.Where(value => !value.IsSpace).Select(value => value.Node).ToList();
        if (solid.Count == 0)
            return null;
        if (solid.TrueForAll(node => node is ConfigObject))
            return solid.Aggregate((lower, upper) => ((ConfigObject)upper).Over((ConfigObject)lower));
        if (solid.TrueForAll(node => node is ConfigArray))
            return new ConfigArray(concatenation.Position, [.. solid.SelectMany(node => ((ConfigArray)node).Items)]);
        if (solid.Find(node => node is ConfigObject or ConfigArray) is { } odd)
        {
            throw ConfigurationException.At(
                odd.Position, $"{(odd is ConfigArray ? "a list" : "an object")} cannot be joined with a value of another kind");
        }

        // Joined text keeps its inner spaces; those left at the ends by an absent optional substitution go.
        var text = string.Concat(values.Select(value => value.Node is ConfigScalar scalar ? scalar.Text : "null"));
        return new ConfigScalar(concatenation.Position, values is [{ IsSpace: true }, ..] or [.., { IsSpace: true }] ? text.Trim() : text, Quoted: true);
    }

    private static ConfigNode Merge(ConfigNode? earlier, ConfigNode later) =>
        earlier is ConfigObject lower && later is ConfigObject upper ? upper.Over(lower) : later;

    private static ConfigArray Append(ConfigNode? earlier, ConfigNode element) => earlier switch
    {
        null or ConfigNull => new ConfigArray(element.Position, [element]),
        ConfigArray array => array with { Items = [.. array.Items, element] },
        _ => throw ConfigurationException.At(element.Position, "'+=' appends to a list, but the value so far is not a list"),
    };

    private static ConfigurationException Cycle(HoconSubstitution substitution) =>
        ConfigurationException.At(substitution.Position, $"${{{ConfigPath.Join(substitution.Path)}}} refers to itself");
}
