using Mesh.Actors.Policy;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Mesh.Controller.Policy;

/// <summary>
/// Reads YAML 1.2 (and so JSON) into the tree that <see cref="PolicyReader"/> takes, keeping lines. Anchors, aliases, tags and
/// several documents have no place in a policy and are refused: what is written is what is meant.
/// </summary>
static class YamlPolicy
{
    const int MaximumDepth = 16;

    /// <summary>Reads a text; the tree is null where the text is empty. The problem is null where nothing is wrong.</summary>
    public static PolicySource? Parse(string text, out PolicyProblem? problem)
    {
        problem = null;
        if (text.Length > PolicyReader.MaximumLength)
        {
            problem = Error(1, $"the policy is longer than {PolicyReader.MaximumLength} characters");
            return null;
        }
        try
        {
            var parser = new Parser(new StringReader(text));
            parser.Consume<StreamStart>();
            if (parser.TryConsume<StreamEnd>(out _))
                return null;
            parser.Consume<DocumentStart>();
            var root = Read(parser, 0);
            parser.Consume<DocumentEnd>();
            if (!parser.TryConsume<StreamEnd>(out _))
                throw new YamlException(parser.Current!.Start, parser.Current.End, "a policy is one document: take the '---' out");
            return root;
        }
        catch (YamlException e)
        {
            problem = Error((int)e.Start.Line, e.Message.Split('\n')[0]);
            return null;
        }
    }

    static PolicySource Read(Parser parser, int depth)
    {
        var line = (int)parser.Current!.Start.Line;
        if (depth > MaximumDepth)
            throw new YamlException(parser.Current.Start, parser.Current.End, "this is nested too deep for a policy");
        if (parser.Current is NodeEvent { Anchor.IsEmpty: false } or AnchorAlias)
            throw new YamlException(parser.Current.Start, parser.Current.End, "anchors and aliases are not read here: write the value out");
        if (parser.TryConsume<Scalar>(out var scalar))
            return new PolicySource.Scalar(
                scalar.Style == ScalarStyle.Plain && scalar.Value is "" or "~" or "null" ? null : scalar.Value, line);
        if (parser.TryConsume<SequenceStart>(out _))
        {
            var items = new List<PolicySource>();
            while (!parser.TryConsume<SequenceEnd>(out _))
                items.Add(Read(parser, depth + 1));
            return new PolicySource.Sequence(items, line);
        }
        parser.Consume<MappingStart>();
        var entries = new List<PolicySource.Entry>();
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            var keyLine = (int)parser.Current!.Start.Line;
            if (Read(parser, depth + 1) is not PolicySource.Scalar { Text: { } key })
                throw new YamlException(parser.Current!.Start, parser.Current.End, "a key must be a name");
            entries.Add(new PolicySource.Entry(key, Read(parser, depth + 1), keyLine));
        }
        return new PolicySource.Mapping(entries, line);
    }

    static PolicyProblem Error(int line, string message) => new(PolicySeverity.Error, line, "", message);
}
