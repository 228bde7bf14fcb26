using System.Text.Json;
using Mesh.Controller;
using Mesh.Protocol.Enrollment;
using Mesh.Tests.Controller.Api;

namespace Mesh.Tests.Controller.CommandLine;

/// <summary>The verbs that change nodes and make credentials for several machines, through the admin socket.</summary>
public sealed class NodeVerbTests : IAsyncLifetime
{
    const string Policy = "version: 1\ntags:\n  server:\n  ci:\nallow: []\napproval:\n  automatic: [tag:server]\n";

    RunningController _controller = null!;

    public async Task InitializeAsync()
    {
        _controller = await RunningController.StartAsync();
        await _controller.RunAsync(["user", "create", "alice"]);
        Assert.Equal(ExitCode.Done, (await _controller.RunAsync(["policy", "set", "-f", "-"], Policy)).Exit);
    }

    public async Task DisposeAsync() => await _controller.DisposeAsync();

    [Theory]
    [InlineData("is made with --reusable", "--uses", "3")]
    [InlineData("for 1 to 25 machines", "--reusable", "--uses", "26")]
    [InlineData("at most 24 hours", "--reusable", "--ttl", "25h")]
    public async Task A_credential_for_too_many_or_too_long_is_refused(string expected, params string[] flags)
    {
        var (exit, output, error) = await _controller.RunAsync(["credential", "create", "--user", "alice", .. flags]);
        Assert.Equal((ExitCode.Usage, ""), (exit, output));
        Assert.Contains(expected, error);
        VerbTests.AssertOneLine(error);
    }

    [Fact]
    public async Task A_reusable_credential_says_what_it_is_and_how_often_it_was_used()
    {
        var created = await CreateAsync("--user", "alice", "--reusable", "--uses", "2", "--ephemeral", "--approved");
        foreach (var (name, used, state) in new[] { ("ci", "1 of 2", "created"), ("ci-1", "2 of 2", "used") })
        {
            using var machine = new Machine(_controller, created, "ci");
            Assert.Null(await machine.EnrollAsync());
            Assert.Equal(name, machine.Reply!.Name);
            var line = (await _controller.RunAsync(["credential", "list"])).Out.Split('\n').Single(one => one.StartsWith(created.Id.ToString(), StringComparison.Ordinal));
            Assert.Matches($@"  {state} +alice ephemeral approved +{used} ", line);
            Assert.Contains("ephemeral    yes", (await _controller.RunAsync(["node", "show", name])).Out);
        }
        using var third = new Machine(_controller, created, "ci");
        Assert.Equal(RefusalCodes.Used, (await third.EnrollAsync())!.Code);
        var all = JsonDocument.Parse((await _controller.RunAsync(["credential", "create", "--user", "alice", "--reusable", "--json"])).Out).RootElement;
        Assert.Equal(25, all.GetProperty("credential").GetProperty("uses").GetInt32());
    }

    [Fact]
    public async Task A_node_that_waits_is_shown_and_let_in()
    {
        using var laptop = await JoinAsync("laptop", "--user", "alice");
        using var server = await JoinAsync("server", "--tag", "server");
        using var ci = await JoinAsync("ci", "--tag", "ci", "--approved");
        Assert.Equal(["waiting", "offline", "offline"], [await StateAsync("laptop"), await StateAsync("server"), await StateAsync("ci")]);
        Assert.Equal((ExitCode.Done, "laptop is in the network\n"), Short(await _controller.RunAsync(["node", "approve", "laptop"])));
        Assert.Equal("offline", await StateAsync("laptop"));
        Assert.Equal(ExitCode.Failed, (await _controller.RunAsync(["node", "approve", "nobody"])).Exit);
    }

    [Fact]
    public async Task A_node_is_renamed_tagged_and_given_back_and_what_is_wrong_changes_nothing()
    {
        using var laptop = await JoinAsync("laptop", "--user", "alice");
        using var server = await JoinAsync("server", "--tag", "server");
        foreach (var (wrong, exit, expected) in new (string[], int, string)[]
        {
            (["rename", "laptop", "server"], ExitCode.Failed, "another node is called 'server'"),
            (["rename", "laptop", "Not A Name"], ExitCode.Usage, "is not a node's name"),
            (["tag", "laptop", "--set", "unknown"], ExitCode.Usage, "there is no tag 'unknown'"),
            (["tag", "laptop", "--set", "No Tag"], ExitCode.Usage, "'No Tag' is not a tag"),
            (["tag", "laptop", "--set", ""], ExitCode.Usage, "at least one tag"),
            (["tag", "server", "--remove", "server"], ExitCode.Usage, "at least one tag"),
            (["tag", "laptop"], ExitCode.Usage, "say one of"),
            (["tag", "laptop", "--user", "alice", "--add", "ci"], ExitCode.Usage, "say one of"),
            (["tag", "laptop", "--user", "nobody"], ExitCode.Usage, "there is no user 'nobody'"),
            (["expire", "server"], ExitCode.Failed, "never expires"),
            (["expire", "laptop", "--in", "soon"], ExitCode.Usage, "--in 'soon'"),
            (["expire", "laptop", "--at", "whenever"], ExitCode.Usage, "--at 'whenever'"),
            (["expire", "laptop", "--never", "--in", "1h"], ExitCode.Usage, "say one of"),
            (["delete", "laptop"], ExitCode.Failed, "--force"),
        })
        {
            var before = await _controller.RunAsync(["node", "show", "laptop"]);
            var ran = await _controller.RunAsync(["node", .. wrong]);
            Assert.Equal((exit, ""), Short(ran));
            Assert.Contains(expected, ran.Error);
            VerbTests.AssertOneLine(ran.Error);
            Assert.Equal(before, await _controller.RunAsync(["node", "show", "laptop"]));
        }
        Assert.Equal((ExitCode.Done, "laptop is main now\n"), Short(await _controller.RunAsync(["node", "rename", "laptop", "main"])));
        Assert.Equal((ExitCode.Done, "main belongs to tag:server\n"), Short(await _controller.RunAsync(["node", "tag", "main", "--set", "tag:server"])));
        Assert.Equal((ExitCode.Done, "main belongs to tag:ci,tag:server\n"), Short(await _controller.RunAsync(["node", "tag", "main", "--add", "ci"])));
        Assert.Equal((ExitCode.Done, "main belongs to tag:ci\n"), Short(await _controller.RunAsync(["node", "tag", "main", "--remove", "server"])));
        Assert.Equal((ExitCode.Done, "main belongs to alice\n"), Short(await _controller.RunAsync(["node", "tag", "main", "--user", "alice"])));
    }

    [Fact]
    public async Task A_node_expires_and_is_deleted_with_its_history_kept()
    {
        using var laptop = await JoinAsync("laptop", "--user", "alice", "--approved");
        Assert.Matches(@"^laptop expires at \d{4}-\d\d-\d\d ", (await _controller.RunAsync(["node", "expire", "laptop", "--in", "1h"])).Out);
        Assert.Equal("laptop expires at 2100-01-31 00:00:00Z\n", (await _controller.RunAsync(["node", "expire", "laptop", "--at", "2100-01-31"])).Out);
        Assert.Equal("laptop has expired: it must join again\n", (await _controller.RunAsync(["node", "expire", "laptop"])).Out);
        Assert.Equal("expired", await StateAsync("laptop"));
        Assert.Equal("laptop does not expire\n", (await _controller.RunAsync(["node", "expire", "laptop", "--never"])).Out);
        Assert.Equal("offline", await StateAsync("laptop"));
        Assert.EndsWith("deleted laptop\n", (await _controller.RunAsync(["node", "delete", "laptop", "--force"])).Out, StringComparison.Ordinal);
        Assert.DoesNotContain("laptop", (await _controller.RunAsync(["node", "list"])).Out);
        var audit = (await _controller.RunAsync(["audit", "list"])).Out;
        Assert.All(
            (string[])["node.registered", "node.expiry-set", "node.expired", "node.revoked", "node.deleted"], kind => Assert.Contains(kind, audit));
    }

    async Task<CredentialString> CreateAsync(params string[] flags)
    {
        var created = await _controller.RunAsync(["credential", "create", .. flags]);
        Assert.True(CredentialString.TryParse(created.Out, out var credential), created.Error);
        return credential;
    }

    async Task<Machine> JoinAsync(string hostname, params string[] flags)
    {
        var machine = new Machine(_controller, await CreateAsync(flags), hostname);
        Assert.Null(await machine.EnrollAsync());
        return machine;
    }

    async Task<string> StateAsync(string node) =>
        JsonDocument.Parse((await _controller.RunAsync(["node", "show", node, "--json"])).Out).RootElement.GetProperty("state").GetString()!;

    static (int, string) Short((int Exit, string Out, string Error) ran) => (ran.Exit, ran.Out);
}
