namespace Mesh.Actors.Policy;

/// <summary>Is a node as a policy sees it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Selectors">What <see cref="NodeSelectors.Of"/> says of it.</param>
public sealed record PolicySubject(string Name, IReadOnlyList<string> Selectors);

/// <summary>Is a direction in which connections may be opened, between two selectors or two nodes.</summary>
public sealed record AccessPair(string From, string To);

/// <summary>Says in which directions access differs.</summary>
/// <param name="Count">How many there are; at least so many where <see cref="PolicyDifference.IsComplete"/> is false.</param>
/// <param name="Named">The first of them, <see cref="PolicyDifference.MostNamed"/> at most.</param>
public sealed record AccessChange(long Count, IReadOnlyList<AccessPair> Named);

/// <summary>
/// Says what the step from one policy to another means: which selectors get or lose access to which, and which nodes, a node's right
/// to open connections to another counting as one. Rules that others make needless change nothing. Immutable.
/// </summary>
/// <param name="SelectorsGained">Pairs of selectors that only the second policy allows.</param>
/// <param name="SelectorsLost">Pairs of selectors that only the first allows.</param>
/// <param name="Gained">Pairs of nodes that only the second allows.</param>
/// <param name="Lost">Pairs of nodes that only the first allows.</param>
/// <param name="IsComplete">Whether everything was looked at: a comparison has a bound.</param>
public sealed record PolicyDifference(
    AccessChange SelectorsGained, AccessChange SelectorsLost, AccessChange Gained, AccessChange Lost, bool IsComplete)
{
    /// <summary>How many pairs are named.</summary>
    public const int MostNamed = 20;

    /// <summary>After how many comparisons of selectors, or of classes of nodes, the rest is left out.</summary>
    const int MostComparisons = 1_000_000;

    /// <summary>Compares two policies over the nodes of a network. Nodes that no rule tells apart are compared once.</summary>
    public static PolicyDifference Between(CompiledPolicy before, CompiledPolicy after, IEnumerable<PolicySubject> nodes)
    {
        var budget = MostComparisons;
        var selectorsLost = Selectors(before, after, ref budget);
        var selectorsGained = Selectors(after, before, ref budget);
        var isComplete = budget > 0;

        budget = MostComparisons;
        var (gained, lost) = (new Tally(), new Tally());
        if (selectorsLost.Count + selectorsGained.Count > 0 || !isComplete)
            Compare(before, after, nodes, gained, lost, ref budget);
        return new(selectorsGained, selectorsLost, gained.Result, lost.Result, isComplete && budget > 0);
    }

    // The pairs that one policy allows and the other does not.
    static AccessChange Selectors(CompiledPolicy one, CompiledPolicy other, ref int budget)
    {
        var tally = new Tally();
        var reachedByOther = new Dictionary<string, HashSet<string>>(StringComparer.Ordinal);
        var seen = new HashSet<(string, string)>();
        foreach (var rule in one.RulesNotIn(other).OrderBy(rule => rule.Key, StringComparer.Ordinal))
        {
            foreach (var from in rule.From)
            {
                if (!reachedByOther.TryGetValue(from, out var reached))
                    reachedByOther[from] = reached = other.Reaches([from]).ToHashSet(StringComparer.Ordinal);
                foreach (var to in rule.To)
                {
                    if (--budget < 0)
                        return tally.Result;
                    if (!reached.Contains(to) && seen.Add((from, to)))
                        tally.Add(1, () => [new AccessPair(from, to)]);
                }
            }
        }
        return tally.Result;
    }

    static void Compare(CompiledPolicy before, CompiledPolicy after, IEnumerable<PolicySubject> nodes, Tally gained, Tally lost, ref int budget)
    {
        var known = before.Selectors.Concat(after.Selectors).ToHashSet(StringComparer.Ordinal);
        var classes = nodes.OrderBy(node => node.Name, StringComparer.Ordinal)
            .GroupBy(node => string.Join(' ', node.Selectors.Where(known.Contains).Order(StringComparer.Ordinal)), StringComparer.Ordinal)
            .Select(group => (Selectors: group.First().Selectors, Nodes: group.Select(node => node.Name).ToList()))
            .ToList();
        foreach (var from in classes)
        {
            var was = before.Reaches(from.Selectors).ToHashSet(StringComparer.Ordinal);
            var now = after.Reaches(from.Selectors).ToHashSet(StringComparer.Ordinal);
            if (was.SetEquals(now))
                continue;
            foreach (var to in classes)
            {
                if (--budget < 0)
                    return;
                var (allowed, allows) = (to.Selectors.Any(was.Contains), to.Selectors.Any(now.Contains));
                if (allowed != allows)
                    (allows ? gained : lost).Add(
                        // Nobody opens connections to itself through the network.
                        (long)from.Nodes.Count * (ReferenceEquals(from.Nodes, to.Nodes) ? to.Nodes.Count - 1 : to.Nodes.Count),
                        () => from.Nodes.SelectMany(one => to.Nodes.Where(other => other != one).Select(other => new AccessPair(one, other))));
            }
        }
    }

    sealed class Tally
    {
        readonly List<AccessPair> _named = [];
        long _count;

        public AccessChange Result => new(_count, _named);

        public void Add(long count, Func<IEnumerable<AccessPair>> pairs)
        {
            _count += count;
            if (_named.Count < MostNamed)
                _named.AddRange(pairs().Take(MostNamed - _named.Count));
        }
    }
}
