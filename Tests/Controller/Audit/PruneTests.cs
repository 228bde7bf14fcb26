using System.Text;
using System.Text.Json;
using Mesh.Actors.Events;
using Mesh.Actors.Persistence;
using Mesh.Controller;
using Mesh.Controller.Journal;
using Mesh.Protocol.Crypto;
using Mesh.Tests.Controller.Api;
using Mesh.Tests.Controller.CommandLine;

namespace Mesh.Tests.Controller.Audit;

/// <summary><c>audit prune</c> on a running controller, and what is left afterwards.</summary>
public sealed class PruneTests : IAsyncLifetime
{
    // In this spelling it is in the events of the machine alone; the name that it was given stays in those of the addresses.
    const string Hostname = "GoneForGood";

    readonly TemporaryDirectory _directory = new();
    RunningController _controller = null!;

    public async Task InitializeAsync() => _controller = await RunningController.StartAsync();

    public async Task DisposeAsync()
    {
        await _controller.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task What_ended_is_forgotten_and_every_head_stays_provable()
    {
        await _controller.AllowAllAsync();
        var gone = await _controller.CreateCredentialAsync();
        using (var machine = new Machine(_controller, gone, Hostname))
            Assert.Null(await machine.EnrollAsync());
        Assert.Equal(ExitCode.Done, (await _controller.RunAsync(["node", "revoke", Hostname.ToLowerInvariant()])).Exit);
        using (var machine = new Machine(_controller, await _controller.CreateCredentialAsync(), "web"))
            Assert.Null(await machine.EnrollAsync());
        var (root, head, revision) = await StatusAsync();
        var before = _directory.File("before.jsonl");
        Assert.Equal(ExitCode.Done, (await _controller.RunAsync(["audit", "export", "-o", before])).Exit);
        var map = await MapAsync();
        Assert.True(IsStored(Hostname));

        _controller.Clock.Offset = TimeSpan.FromDays(100);
        var refused = await _controller.RunAsync(["audit", "prune", "--older-than", "10d"]);
        Assert.Equal((ExitCode.Usage, ""), (refused.Exit, refused.Out));
        Assert.Contains("30 days", refused.Error, StringComparison.Ordinal);
        VerbTests.AssertOneLine(refused.Error);
        Assert.StartsWith("pruned 0 events of 0 ", (await _controller.RunAsync(["audit", "prune", "--older-than", "200d"])).Out, StringComparison.Ordinal);
        Assert.Equal(revision, (await StatusAsync()).Revision);
        var dry = JsonDocument.Parse((await _controller.RunAsync(["audit", "prune", "--older-than", "90d", "--dry-run", "--json"])).Out).RootElement;
        Assert.Equal(revision, (await StatusAsync()).Revision);
        var (entities, events) = (dry.GetProperty("entities").GetInt32(), dry.GetProperty("events").GetInt64());
        // The machine and its credential: made and used, enrolled and revoked.
        Assert.Equal((2, 4L), (entities, events));
        var said = (await _controller.RunAsync(["audit", "prune", "--older-than", "90d"])).Out;
        Assert.StartsWith($"pruned {events} events of {entities} credentials, machines and tokens that ended before ", said, StringComparison.Ordinal);

        for (var start = 0; start < 2; start++)
        {
            Assert.Equal(map, await MapAsync());
            Assert.DoesNotContain(gone.Id.ToString(), (await _controller.RunAsync(["credential", "list"])).Out, StringComparison.Ordinal);
            var list = (await _controller.RunAsync(["audit", "list"])).Out;
            Assert.Equal(4, list.Split("pruned: the content is gone").Length - 1);
            Assert.Matches("history.pruned +network +\\S+ +what had ended before ", list);
            var past = await _controller.RunAsync(["at", $"@{revision}", "node", "list"]);
            Assert.Equal(ExitCode.Done, past.Exit);
            Assert.Contains("web", past.Out, StringComparison.Ordinal);
            Assert.Contains($"{events} events until then were pruned", past.Error, StringComparison.Ordinal);

            var after = _directory.File($"after-{start}.jsonl");
            Assert.Equal(ExitCode.Done, (await _controller.RunAsync(["audit", "export", "-o", after])).Exit);
            foreach (var file in new[] { before, after })
            {
                var verified = await Cli.RunAsync(["audit", "verify", file, "--root-key-hash", root, "--head", head]);
                Assert.True(verified.Exit == ExitCode.Done, verified.Error);
                Assert.Equal(file == after, verified.Out.Contains($"{events} of them were pruned", StringComparison.Ordinal));
            }
            await _controller.RestartAsync();
        }

        // The secret lets nobody in, as before.
        using (var late = new Machine(_controller, gone, "late"))
            Assert.NotNull(await late.EnrollAsync());
        await _controller.StopAsync();
        Assert.False(IsStored(Hostname));
        using (var journal = JournalDatabase.Open(Path.Combine(_controller.StateDirectory, "journal.db")))
        {
            var check = JournalCheck.Run(journal.ReadAll(), new JsonEventSerializer(NetworkEvents.Manifests));
            Assert.Empty(check.Problems);
        }
        await _controller.StartAgainAsync();
    }

    [Fact]
    public async Task Content_that_was_stripped_from_an_export_is_not_taken_for_pruned()
    {
        using var machine = new Machine(_controller, await _controller.CreateCredentialAsync(), "web");
        Assert.Null(await machine.EnrollAsync());
        var file = _directory.File("all.jsonl");
        Assert.Equal(ExitCode.Done, (await _controller.RunAsync(["audit", "export", "-o", file])).Exit);
        var lines = await File.ReadAllLinesAsync(file);
        foreach (var (id, said) in new[] { ("node-", "is not what the controller signed"), ("network", "its payload is missing") })
        {
            var at = Array.FindIndex(lines, line => line.Contains($"\"id\":\"{id}", StringComparison.Ordinal));
            var payload = JsonDocument.Parse(lines[at]).RootElement.GetProperty("payload").GetString()!;
            var hash = Sha256.Hash(Convert.FromBase64String(payload)).ToString();
            var changed = lines.ToArray();
            changed[at] = lines[at].Replace($"\"payload\":\"{payload}\"", $"\"payload_hash\":\"{hash}\"", StringComparison.Ordinal);
            Assert.NotEqual(lines[at], changed[at]);
            var stripped = _directory.File("stripped.jsonl");
            await File.WriteAllTextAsync(stripped, string.Join('\n', changed) + "\n");
            var (exit, _, error) = await Cli.RunAsync(["audit", "verify", stripped]);
            Assert.Equal(ExitCode.BadInput, exit);
            Assert.Contains(said, error, StringComparison.Ordinal);
        }
    }

    async Task<string> MapAsync() => string.Join(
        '\n', (await _controller.RunAsync(["map", "web"])).Out.Split('\n').Where(line => !line.StartsWith("revision", StringComparison.Ordinal)));

    bool IsStored(string text) => Directory.GetFiles(_controller.StateDirectory, "journal.db*")
        .Any(file => File.ReadAllBytes(file).AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) >= 0);

    async Task<(string Root, string Head, long Revision)> StatusAsync()
    {
        var status = JsonDocument.Parse((await _controller.RunAsync(["status", "--json"])).Out).RootElement;
        return (status.GetProperty("root_hash").GetString()!, status.GetProperty("audit_head").GetString()!, status.GetProperty("revision").GetInt64());
    }
}
