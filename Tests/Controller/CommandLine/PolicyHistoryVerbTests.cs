using System.Text.Json;
using System.Text.RegularExpressions;
using Mesh.Actors.Events;
using Mesh.Actors.Persistence;
using Mesh.Actors.Policy;
using Mesh.Controller;
using Mesh.Controller.CommandLine;
using Mesh.Controller.Journal;
using Mesh.Tests.Controller.Api;

namespace Mesh.Tests.Controller.CommandLine;

public sealed class PolicyHistoryVerbTests : IAsyncLifetime
{
    const string ServersOnly = "version: 1\nallow:\n  - from: ['*']\n    to: [tag:server]\n";
    const string Everybody = "version: 1\nallow:\n  - from: ['*']\n    to: ['*']\n";

    RunningController _controller = null!;

    public async Task InitializeAsync() => _controller = await RunningController.StartAsync();

    public async Task DisposeAsync() => await _controller.DisposeAsync();

    [Fact]
    public async Task Policies_are_listed_compared_and_set_again()
    {
        foreach (var name in (string[])["db", "web"])
        {
            using var machine = new Machine(_controller, await _controller.CreateCredentialAsync(), name);
            Assert.Null(await machine.EnrollAsync());
        }
        Assert.Contains("no policy was set yet", (await _controller.RunAsync(["policy", "diff"])).Error, StringComparison.Ordinal);
        await SetAsync(ServersOnly);
        await SetAsync(Everybody);
        await SetAsync("version: 1\n");
        var lines = (await _controller.RunAsync(["policy", "history"])).Out.Trim().Split('\n');
        Assert.Matches(@"^REVISION  TIME +BY +WHAT$", lines[0]);
        Assert.Matches(@"^\d+ +\d{4}-\S+ \S+Z  admin:\S+  1 rule, 0 groups, 0 tags; lines \+4 -0$", lines[1]);
        Assert.Matches(@"1 rule, 0 groups, 0 tags; lines \+1 -1$", lines[2]);
        Assert.Matches(@"0 rules, 0 groups, 0 tags; lines \+0 -3$", lines[3]);
        var revisions = lines[1..].Select(line => line.Split(' ')[0]).ToArray();

        var (exit, text, _) = await _controller.RunAsync(["policy", "diff", revisions[0], "@" + revisions[1]]);
        Assert.Equal(ExitCode.Done, exit);
        Assert.Matches(new Regex(
            $"""
            ^--- revision {revisions[0]}, \d.*
            \+\+\+ revision {revisions[1]}, \d.*
            @@ -1,4 \+1,4 @@
             version: 1
             allow:
               - from: \['\*'\]
            -    to: \[tag:server\]
            \+    to: \['\*'\]

            rules allow anew: 1 pair
              \+ \* -> \*
            rules no longer allow: 1 pair
              - \* -> tag:server
            nodes that get access: none
            nodes that lose access: none
            $
            """.ReplaceLineEndings("\n")), text);
        // The last change, and from a revision to what is in force.
        text = (await _controller.RunAsync(["policy", "diff"])).Out;
        Assert.Contains("nodes that lose access: 2 pairs\n  - db -> web\n  - web -> db\n", text, StringComparison.Ordinal);
        Assert.Equal(text, (await _controller.RunAsync(["policy", "diff", revisions[1]])).Out);
        Assert.Equal(text, (await _controller.RunAsync(["policy", "diff", revisions[1], revisions[2]])).Out);
        var unknown = await _controller.RunAsync(["policy", "diff", "1"]);
        Assert.Equal((ExitCode.Failed, "mesh-controller: revision 1 set no policy: 'mesh-controller policy history' shows those that did\n"), (unknown.Exit, unknown.Error));

        // What would change, without changing it.
        (exit, text, _) = await _controller.RunAsync(["policy", "diff", "-f", "-"], Everybody);
        Assert.Equal(ExitCode.Done, exit);
        Assert.Contains("+++ -\n", text, StringComparison.Ordinal);
        Assert.Contains("nodes that get access: 2 pairs\n  + db -> web\n  + web -> db\n", text, StringComparison.Ordinal);
        var bad = await _controller.RunAsync(["policy", "diff", "-f", "-"], "version: 2\n");
        Assert.Equal(ExitCode.BadInput, bad.Exit);
        Assert.StartsWith("-:1: error: version: ", bad.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("access", bad.Out, StringComparison.Ordinal);
        Assert.Equal("version: 1\n", (await _controller.RunAsync(["policy", "get"])).Out);

        // Back, as a new revision.
        var back = await _controller.RunAsync(["policy", "rollback", revisions[0]]);
        Assert.Equal((ExitCode.Done, $"the policy of revision {revisions[0]} is in force\n"), (back.Exit, back.Out));
        Assert.Equal(ServersOnly, (await _controller.RunAsync(["policy", "get"])).Out);
        Assert.Equal(5, (await _controller.RunAsync(["policy", "history"])).Out.Trim().Split('\n').Length);
        Assert.Equal(ExitCode.Failed, (await _controller.RunAsync(["policy", "rollback", "1"])).Exit);
        Assert.Equal(ExitCode.Usage, (await _controller.RunAsync(["policy", "rollback", "last"])).Exit);
        var json = JsonDocument.Parse((await _controller.RunAsync(["policy", "diff", "--json"])).Out).RootElement;
        Assert.Equal(2, json.GetProperty("meaning").GetProperty("gained").GetProperty("count").GetInt32());
    }

    [Fact]
    public async Task An_old_policy_that_could_no_longer_be_set_is_refused_with_the_reason()
    {
        await _controller.StopAsync();
        long revision;
        using (var journal = SqliteJournal.Open(Path.Combine(_controller.StateDirectory, "journal.db")))
        {
            // As an earlier program might have taken it.
            var serializer = new JsonEventSerializer(NetworkEvents.Manifests);
            var old = new PolicySet("c", "admin:root", _controller.Clock.Now, "version: 0\n", PolicyDocument.Empty);
            await journal.AppendAsync([new("policy", 1, DateTime.UtcNow.Ticks, serializer.ToBinary(old), serializer.Identifier, serializer.Manifest(old), "w", "c")]);
            revision = await journal.HighestOrderingAsync(CancellationToken.None);
        }
        await _controller.StartAgainAsync();
        await SetAsync(Everybody);
        var (exit, text, error) = await _controller.RunAsync(["policy", "rollback", $"{revision}"]);
        Assert.Equal((ExitCode.BadInput, ""), (exit, text));
        Assert.Equal($"revision {revision}:1: error: version: this program reads version 1: write 'version: 1'\n", error);
        Assert.Equal(Everybody, (await _controller.RunAsync(["policy", "get"])).Out);
    }

    [Fact]
    public async Task A_difference_is_coloured_on_a_terminal_and_what_a_comment_holds_cannot_play_with_it()
    {
        await SetAsync("version: 1\n");
        using var output = new StringWriter();
        var terminal = new Terminal
        {
            Out = output, Error = TextWriter.Null, In = new StringReader("version: 1\n# \u009b31m\n"), Environment = _ => null, Colours = true,
        };
        Assert.Equal(0, await ControllerProgram.RunAsync(["policy", "diff", "-f", "-", "--socket", _controller.Socket], terminal));
        Assert.Contains("\e[32m+# ?31m\e[0m\n", output.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("\e", (await _controller.RunAsync(["policy", "diff", "-f", "-"], "version: 1\n#\n")).Out, StringComparison.Ordinal);
    }

    Task<(int Exit, string Out, string Error)> SetAsync(string policy) => _controller.RunAsync(["policy", "set", "-f", "-"], policy);
}
