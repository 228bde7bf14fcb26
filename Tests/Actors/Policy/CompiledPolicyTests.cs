using Mesh.Actors.Policy;

namespace Mesh.Tests.Actors.Policy;

public sealed class CompiledPolicyTests
{
    static readonly IReadOnlyList<string> AlicesLaptop = NodeSelectors.Of("laptop", "alice", []);
    static readonly IReadOnlyList<string> BobsPhone = NodeSelectors.Of("phone", "bob", []);
    static readonly IReadOnlyList<string> Server = NodeSelectors.Of("db", "alice", ["server", "prod"]);

    [Fact]
    public void Denies_what_no_rule_allows()
    {
        Assert.False(CompiledPolicy.Empty.Allows(AlicesLaptop, Server));
        Assert.Empty(CompiledPolicy.Empty.Reaches(AlicesLaptop));
    }

    [Fact]
    public void Has_one_direction()
    {
        var policy = Compile((["group:admins"], ["tag:server"]));
        Assert.True(policy.Allows(AlicesLaptop, Server));
        Assert.False(policy.Allows(Server, AlicesLaptop));
        Assert.False(policy.Allows(BobsPhone, Server));
    }

    [Fact]
    public void Takes_a_tagged_node_from_its_user()
    {
        var policy = Compile((["user:alice"], ["*"]));
        Assert.True(policy.Allows(AlicesLaptop, Server));
        Assert.False(policy.Allows(Server, AlicesLaptop));
    }

    [Theory]
    [InlineData("*", "*", true)]
    [InlineData("node:laptop", "node:db", true)]
    [InlineData("node:laptop", "tag:prod", true)]
    [InlineData("user:bob", "tag:prod", false)]
    [InlineData("group:empty", "*", false)]
    public void Knows_every_selector(string from, string to, bool allowed) =>
        Assert.Equal(allowed, Compile(([from], [to])).Allows(AlicesLaptop, Server));

    [Fact]
    public void Tells_which_rules_differ_once_groups_are_replaced()
    {
        var before = Compile((["group:admins"], ["tag:server"]), (["*"], ["node:db"]));
        var after = Compile((["user:alice"], ["tag:server"]), (["*"], ["node:laptop"]));
        Assert.Equal(["*", "node:db", "node:laptop"], CompiledPolicy.Difference(before, after).Order(StringComparer.Ordinal));
        Assert.Empty(CompiledPolicy.Difference(before, before));
    }

    static CompiledPolicy Compile(params (string[] From, string[] To)[] rules) => CompiledPolicy.Compile(new PolicyDocument(
        1, [new("admins", ["alice"]), new("empty", [])], [], [.. rules.Select(rule => new PolicyRule(rule.From, rule.To))]));
}
