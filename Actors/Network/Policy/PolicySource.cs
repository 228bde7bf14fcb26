namespace Mesh.Actors.Policy;

/// <summary>Is a part of a policy as it was written, with the line it stands on (from 1). The tree that a YAML parser hands over.</summary>
public abstract record PolicySource(int Line)
{
    /// <summary>Is a single value; null text stands for an empty value.</summary>
    public sealed record Scalar(string? Text, int Line) : PolicySource(Line);

    /// <summary>Is a list.</summary>
    public sealed record Sequence(IReadOnlyList<PolicySource> Items, int Line) : PolicySource(Line);

    /// <summary>Is a list of keys with their values, in the order written.</summary>
    public sealed record Mapping(IReadOnlyList<Entry> Entries, int Line) : PolicySource(Line);

    /// <summary>Is one key of a mapping with its value.</summary>
    public sealed record Entry(string Key, PolicySource Value, int Line);
}

/// <summary>Says how bad a problem is.</summary>
public enum PolicySeverity
{
    /// <summary>The policy takes effect nevertheless.</summary>
    Warning,

    /// <summary>The policy is not taken.</summary>
    Error,
}

/// <summary>Is something wrong in a policy.</summary>
/// <param name="Severity">How bad it is.</param>
/// <param name="Line">The line, from 1.</param>
/// <param name="Path">Where in the document: <c>allow[0].from[1]</c>.</param>
/// <param name="Message">What is wrong and what to write instead.</param>
public sealed record PolicyProblem(PolicySeverity Severity, int Line, string Path, string Message)
{
    /// <summary>Prints one line for people.</summary>
    public override string ToString() =>
        $"line {Line}: {(Path.Length == 0 ? "" : Path + ": ")}{(Severity == PolicySeverity.Warning ? "warning: " : "")}{Message}";
}

/// <summary>Is the result of reading a policy: a document unless there is an error among the problems.</summary>
public sealed record PolicyReading(PolicyDocument? Document, IReadOnlyList<PolicyProblem> Problems);
