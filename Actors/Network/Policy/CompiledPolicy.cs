using System.Collections.Frozen;
using Mesh.Actors.Events;
using Mesh.Actors.Projection;

namespace Mesh.Actors.Policy;

/// <summary>
/// Is a policy made ready to answer: groups are replaced by their users and every selector knows its rules, so that a question
/// costs what the rules of the two nodes cost, not the whole policy. Immutable.
/// </summary>
public sealed class CompiledPolicy
{
    /// <summary>Is a rule without groups; both lists are sorted and hold no selector twice.</summary>
    public sealed record Rule(IReadOnlyList<string> From, IReadOnlyList<string> To)
    {
        internal string Key { get; } = string.Join(' ', From) + " > " + string.Join(' ', To);
    }

    readonly FrozenDictionary<string, Rule[]> _byFrom;
    readonly FrozenDictionary<string, Rule[]> _byTo;
    readonly FrozenDictionary<string, Rule> _byKey;
    readonly IReadOnlyList<string>? _approved;

    CompiledPolicy(PolicyDocument document, IReadOnlyList<Rule> rules, IReadOnlyList<string>? approved)
    {
        Document = document;
        _approved = approved;
        _byKey = rules.ToFrozenDictionary(rule => rule.Key, StringComparer.Ordinal);
        _byFrom = Index(rules, rule => rule.From);
        _byTo = Index(rules, rule => rule.To);
    }

    /// <summary>Gets the policy of a new network, which allows nothing.</summary>
    public static CompiledPolicy Empty { get; } = Compile(PolicyDocument.Empty);

    /// <summary>Gets what was compiled.</summary>
    public PolicyDocument Document { get; }

    /// <summary>Compiles a document that <see cref="PolicyReader"/> found free of errors; a rule that matches nobody drops out.</summary>
    public static CompiledPolicy Compile(PolicyDocument document)
    {
        var groups = document.Groups.ToDictionary(group => NodeSelectors.Group + group.Name, StringComparer.Ordinal);
        var rules = new Dictionary<string, Rule>(StringComparer.Ordinal);
        foreach (var written in document.Allow)
        {
            var rule = new Rule(Expand(written.From), Expand(written.To));
            if (rule.From.Count > 0 && rule.To.Count > 0)
                rules.TryAdd(rule.Key, rule);
        }
        return new CompiledPolicy(document, [.. rules.Values], document.Approval is { } approval ? Expand(approval.Automatic) : null);

        IReadOnlyList<string> Expand(IReadOnlyList<string> selectors) =>
        [
            .. selectors
                .SelectMany(selector => groups.TryGetValue(selector, out var group)
                    ? group.Members.Select(member => NodeSelectors.User + member)
                    : selector.StartsWith(NodeSelectors.Group, StringComparison.Ordinal) ? [] : [selector])
                .Distinct(StringComparer.Ordinal)
                .Order(StringComparer.Ordinal),
        ];
    }

    /// <summary>Tells whether a node that the first selectors match may open connections to one that the second match.</summary>
    public bool Allows(IReadOnlyList<string> from, IReadOnlyList<string> to) =>
        RulesFrom(from).Any(rule => rule.To.Any(selector => to.Contains(selector, StringComparer.Ordinal)));

    /// <summary>Tells whether a machine that joins with a credential waits for nobody.</summary>
    public bool Approves(EnrolledNode node, CredentialView? credential)
    {
        if (_approved is null || credential is { Approved: true })
            return true;
        var selectors = NodeSelectors.Of(node.Name, node.Owner, node.Tags)
            .Where(selector => !selector.StartsWith(NodeSelectors.Node, StringComparison.Ordinal))
            .Append(credential is { Uses: > 1 } ? PolicyApproval.Reusable : PolicyApproval.OneTime);
        if (credential is { Ephemeral: true })
            selectors = selectors.Append(PolicyApproval.Ephemeral);
        return selectors.Any(selector => _approved.Contains(selector, StringComparer.Ordinal));
    }

    /// <summary>Lists the selectors whose nodes a node may open connections to; one may occur twice.</summary>
    public IEnumerable<string> Reaches(IReadOnlyList<string> from) => RulesFrom(from).SelectMany(rule => rule.To);

    /// <summary>Lists the selectors whose nodes may open connections to a node; one may occur twice.</summary>
    public IEnumerable<string> ReachedBy(IReadOnlyList<string> to) =>
        to.SelectMany(selector => _byTo.GetValueOrDefault(selector, [])).Distinct().SelectMany(rule => rule.From);

    /// <summary>Lists the selectors of every rule that one of two policies has and the other has not.</summary>
    public static IReadOnlySet<string> Difference(CompiledPolicy before, CompiledPolicy after)
    {
        var selectors = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (one, other) in ((CompiledPolicy, CompiledPolicy)[])[(before, after), (after, before)])
        {
            foreach (var rule in one.RulesNotIn(other))
            {
                selectors.UnionWith(rule.From);
                selectors.UnionWith(rule.To);
            }
        }
        return selectors;
    }

    /// <summary>Gets every selector that a rule names; one may occur twice.</summary>
    internal IEnumerable<string> Selectors => _byFrom.Keys.Concat(_byTo.Keys);

    /// <summary>Lists the rules that another policy has not.</summary>
    internal IEnumerable<Rule> RulesNotIn(CompiledPolicy other) => _byKey.Values.Where(rule => !other._byKey.ContainsKey(rule.Key));

    IEnumerable<Rule> RulesFrom(IReadOnlyList<string> from) =>
        from.SelectMany(selector => _byFrom.GetValueOrDefault(selector, [])).Distinct();

    static FrozenDictionary<string, Rule[]> Index(IReadOnlyList<Rule> rules, Func<Rule, IReadOnlyList<string>> side) =>
        rules.SelectMany(rule => side(rule).Select(selector => (selector, rule)))
            .GroupBy(pair => pair.selector, pair => pair.rule, StringComparer.Ordinal)
            .ToFrozenDictionary(group => group.Key, group => group.ToArray(), StringComparer.Ordinal);
}
