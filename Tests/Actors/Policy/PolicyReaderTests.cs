using Mesh.Actors.Policy;
using Mesh.Tests.Actors.Registry;
using static Mesh.Tests.Actors.Registry.PolicyText;

namespace Mesh.Tests.Actors.Policy;

public sealed class PolicyReaderTests
{
    static readonly PolicySource Example = Map(1,
        ("version", Text("1", 1)),
        ("groups", Map(2, ("admins", List(2, "bob", "alice", "alice")))),
        ("tags", Map(3, ("server", Map(3, ("owners", List(3, "group:admins")))))),
        ("allow", new PolicySource.Sequence(
        [
            Map(5, ("from", List(5, "group:admins", "user:carol", "tag:server", "node:laptop")), ("to", List(6, "tag:server", "node:db"))),
        ], 4)));

    [Fact]
    public void Reads_the_example_into_canonical_form()
    {
        var reading = Read(Example);
        Assert.Empty(reading.Problems);
        var document = reading.Document!;
        Assert.Equal(["alice", "bob"], Assert.Single(document.Groups).Members);
        Assert.Equal(["group:admins"], Assert.Single(document.Tags).Owners);
        var rule = Assert.Single(document.Allow);
        Assert.Equal(["group:admins", "node:laptop", "tag:server", "user:carol"], rule.From);
        Assert.Equal(["node:db", "tag:server"], rule.To);
    }

    [Fact]
    public void Reads_whose_machines_wait()
    {
        Assert.Null(Approval(Text("automatic", 2)));
        Assert.Empty(Approval(Text("required", 2))!.Automatic);
        Assert.Equal(
            ["ephemeral", "tag:ci", "user:alice"],
            Approval(Map(3, ("automatic", List(3, "user:alice", "tag:ci", "ephemeral", "tag:ci"))))!.Automatic);
        foreach (var wrong in (PolicySource[])
            [Text("yes", 2), Text(null, 2), List(2, "alice"), Map(3, ("automatic", List(3, "node:laptop"))), Map(3, ("automatic", List(3, "alice"))),
                Map(3, ("automatic", List(3, "group:nobody"))), Map(3, ("by-hand", List(3)))])
            Assert.Null(Read(Map(1, ("version", Text("1", 1)), ("approval", wrong))).Document);

        static PolicyApproval? Approval(PolicySource value)
        {
            var reading = Read(Map(1, ("version", Text("1", 1)), ("approval", value)));
            Assert.DoesNotContain(reading.Problems, problem => problem.Severity == PolicySeverity.Error);
            return reading.Document!.Approval;
        }
    }

    [Fact]
    public void Warns_of_what_does_not_exist_yet_and_takes_the_rest()
    {
        var reading = PolicyReader.Read(Example, user => user != "bob", _ => true);
        var warning = Assert.Single(reading.Problems);
        Assert.Equal("line 2: groups.admins[0]: warning: there is no user 'bob' (yet)", warning.ToString());
        Assert.Equal(["alice", "bob"], reading.Document!.Groups[0].Members);
    }

    public static TheoryData<PolicySource?, string> Wrong => new()
    {
        { null, "line 1: the policy is empty: it must at least say 'version: 1'" },
        { Text("nonsense", 3), "line 3: expected 'key: value' pairs" },
        { Map(1, ("allow", List(2))), "line 1: 'version' is missing: write 'version: 1'" },
        { Map(1, ("version", Text("2", 1))), "line 1: version: this program reads version 1: write 'version: 1'" },
        { Map(1, ("version", Text("1", 1)), ("alow", List(7))), "line 7: unknown key 'alow': version, groups, tags, allow, approval are known here" },
        { Map(1, ("version", Text("1", 1)), ("version", Text("1", 2))), "line 2: the key 'version' stands here twice" },
        { Map(1, ("version", Text("1", 1)), ("groups", List(2, "a"))), "line 2: groups: expected 'key: value' pairs" },
        { Map(1, ("version", Text("1", 1)), ("groups", Map(2, ("A b", List(2))))), "line 2: groups.A b: 'A b' is not a group name: lower-case letters, digits and '-' are" },
        { Map(1, ("version", Text("1", 1)), ("groups", Map(2, ("a", List(3, "Not ok"))))), "line 3: groups.a[0]: 'Not ok' is not a user name" },
        { Map(1, ("version", Text("1", 1)), ("tags", Map(2, ("a", Map(3, ("owners", List(3, "tag:b"))))))), "line 3: tags.a.owners[0]: 'tag:b' cannot own a tag: write user:NAME or group:NAME" },
        { Allow(("alice", "*")), "line 3: allow[0].from[0]: 'alice' matches nothing: write *, user:NAME, group:NAME, tag:NAME or node:NAME" },
        { Allow(("*", "group:nobody")), "line 3: allow[0].to[0]: there is no group 'nobody': add it under 'groups'" },
        { Allow(("*", "host:x")), "line 3: allow[0].to[0]: 'host:x' matches nothing: write *, user:NAME, group:NAME, tag:NAME or node:NAME" },
        { Map(1, ("version", Text("1", 1)), ("allow", Text("all", 2))), "line 2: allow: expected a list" },
        { Map(1, ("version", Text("1", 1)), ("allow", new PolicySource.Sequence([Map(3, ("from", List(3, "*")))], 2))), "line 3: allow[0]: 'to' is missing" },
        { Map(1, ("version", Text("1", 1)), ("allow", new PolicySource.Sequence([Map(3, ("from", List(3, "*")), ("to", List(4)))], 2))), "line 4: allow[0].to: the list is empty: write \"*\" for every node, or take the rule out" },
        { Map(1, ("version", Text("1", 1)), ("allow", new PolicySource.Sequence([Map(3, ("from", List(3, "*")), ("to", List(3, "*")), ("ports", List(5)))], 2))), "line 5: allow[0]: unknown key 'ports': from, to are known here" },
    };

    [Theory, MemberData(nameof(Wrong))]
    public void Names_line_and_place_of_what_is_wrong(PolicySource? source, string problem)
    {
        var reading = Read(source);
        Assert.Null(reading.Document);
        Assert.Equal(problem, Assert.Single(reading.Problems).ToString());
    }

    static PolicySource Allow(params (string, string)[] rules) => Of(rules);

    static PolicyReading Read(PolicySource? source) => PolicyReader.Read(source, _ => true, _ => true);
}
