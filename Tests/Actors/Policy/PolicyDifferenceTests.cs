using Mesh.Actors.Policy;
using Xunit.Abstractions;

namespace Mesh.Tests.Actors.Policy;

public sealed class PolicyDifferenceTests(ITestOutputHelper output)
{
    static readonly PolicySubject[] Nodes =
    [
        Node("laptop", "alice"), Node("phone", "alice"), Node("desk", "bob"), Node("db", null, "server"), Node("web", null, "server", "ci"),
    ];

    [Fact]
    public void Says_who_gets_and_who_loses_access()
    {
        var meaning = Between([(["user:alice"], ["tag:server"])], [(["user:alice"], ["node:db"]), (["user:bob"], ["tag:server"])]);
        Assert.True(meaning.IsComplete);
        Assert.Equal(["user:alice > node:db", "user:bob > tag:server"], Text(meaning.SelectorsGained));
        Assert.Equal(["user:alice > tag:server"], Text(meaning.SelectorsLost));
        Assert.Equal(["desk > db", "desk > web"], Text(meaning.Gained));
        Assert.Equal(["laptop > web", "phone > web"], Text(meaning.Lost));
    }

    [Fact]
    public void A_rule_that_another_makes_needless_changes_nothing()
    {
        var meaning = Between([(["*"], ["*"])], [(["*"], ["*"]), (["user:alice"], ["tag:server"])]);
        Assert.Equal(["user:alice > tag:server"], Text(meaning.SelectorsGained));
        Assert.Equal((0, 0, 0), (meaning.SelectorsLost.Count, meaning.Gained.Count, meaning.Lost.Count));
    }

    [Fact]
    public void Nobody_gains_access_to_itself_and_only_so_many_are_named()
    {
        PolicySubject[] many = [.. Enumerable.Range(0, 5000).Select(i => Node($"m{i:0000}", "alice"))];
        var meaning = PolicyDifference.Between(CompiledPolicy.Empty, Compile([(["*"], ["*"])]), many);
        Assert.True(meaning.IsComplete);
        Assert.Equal(5000L * 4999, meaning.Gained.Count);
        Assert.Equal(PolicyDifference.MostNamed, meaning.Gained.Named.Count);
        Assert.Equal(new AccessPair("m0000", "m0001"), meaning.Gained.Named[0]);
    }

    [Fact]
    public void What_is_too_much_to_compare_is_left_out_and_said()
    {
        string[] sources = [.. Enumerable.Range(0, 1100).Select(i => $"node:s{i}")];
        string[] targets = [.. Enumerable.Range(0, 1100).Select(i => $"node:t{i}")];
        Assert.False(PolicyDifference.Between(CompiledPolicy.Empty, Compile([(sources, targets)]), Nodes).IsComplete);
    }

    [Fact]
    public void Counts_what_asking_for_every_pair_counts()
    {
        var seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        string[] selectors = ["*", "user:alice", "user:bob", "tag:server", "tag:ci", "node:db", "node:laptop", "node:gone"];
        var total = 0L;
        for (var round = 0; round < 500; round++)
        {
            var (before, after) = (Compile(Rules()), Compile(Rules()));
            var meaning = PolicyDifference.Between(before, after, Nodes);
            var (gained, lost) = (new List<string>(), new List<string>());
            foreach (var from in Nodes)
            {
                foreach (var to in Nodes.Where(to => to != from))
                {
                    var (was, now) = (before.Allows(from.Selectors, to.Selectors), after.Allows(from.Selectors, to.Selectors));
                    if (was != now)
                        (now ? gained : lost).Add($"{from.Name} > {to.Name}");
                }
            }
            Assert.Equal((gained.Count, lost.Count), ((int)meaning.Gained.Count, (int)meaning.Lost.Count));
            Assert.Equal(gained.Order(), Text(meaning.Gained).Order());
            Assert.Equal(lost.Order(), Text(meaning.Lost).Order());
            total += gained.Count + lost.Count;
        }
        Assert.True(total > 1000, $"only {total} differences");

        (string[], string[])[] Rules() =>
            [.. Enumerable.Range(0, random.Next(4)).Select(_ => (Draw(), Draw()))];

        string[] Draw() => [.. Enumerable.Range(0, random.Next(1, 3)).Select(_ => selectors[random.Next(selectors.Length)])];
    }

    static PolicyDifference Between((string[], string[])[] before, (string[], string[])[] after) =>
        PolicyDifference.Between(Compile(before), Compile(after), Nodes);

    static CompiledPolicy Compile((string[] From, string[] To)[] rules) =>
        CompiledPolicy.Compile(PolicyDocument.Empty with { Allow = [.. rules.Select(rule => new PolicyRule(rule.From, rule.To))] });

    static string[] Text(AccessChange change) => [.. change.Named.Select(pair => $"{pair.From} > {pair.To}")];

    static PolicySubject Node(string name, string? owner, params string[] tags) => new(name, NodeSelectors.Of(name, owner, tags));
}
