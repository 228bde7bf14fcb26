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

    // Plain ones: a frozen dictionary costs several times as much to make, for every policy, as the questions that it makes faster.
    readonly Dictionary<string, List<Rule>> _byFrom;
    readonly Dictionary<string, List<Rule>> _byTo;
    readonly Dictionary<string, Rule> _byKey;
    readonly IReadOnlyList<string>? _approved;

    CompiledPolicy(PolicyDocument document, Dictionary<string, Rule> rules, IReadOnlyList<string>? approved)
    {
        Document = document;
        _approved = approved;
        _byKey = rules;
        _byFrom = Index(rules.Values, rule => rule.From);
        _byTo = Index(rules.Values, rule => rule.To);
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
        return new CompiledPolicy(document, rules, document.Approval is { } approval ? Expand(approval.Automatic) : null);

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
        to.SelectMany(selector => RulesOf(_byTo, selector)).Distinct().SelectMany(rule => rule.From);

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
        from.SelectMany(selector => RulesOf(_byFrom, selector)).Distinct();

    static IReadOnlyList<Rule> RulesOf(Dictionary<string, List<Rule>> index, string selector) =>
        index.TryGetValue(selector, out var rules) ? rules : [];

    static Dictionary<string, List<Rule>> Index(IReadOnlyCollection<Rule> rules, Func<Rule, IReadOnlyList<string>> side)
    {
        var index = new Dictionary<string, List<Rule>>(rules.Count, StringComparer.Ordinal);
        foreach (var rule in rules)
        {
            foreach (var selector in side(rule))
            {
                if (index.TryGetValue(selector, out var known))
                    known.Add(rule);
                else
                    index.Add(selector, [rule]);
            }
        }
        return index;
    }
}
