using System.Diagnostics;
using System.Text.Json;
using Mesh.Tests.E2E.Lab;
using Mesh.Tests.Kit.Persistence;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E;

/// <summary>The journal moves from a file to PostgreSQL and back while everybody goes on talking.</summary>
public sealed class MigrationTests(ITestOutputHelper output)
{
    static readonly TimeSpan _patience = TimeSpan.FromSeconds(10);

    [ClusterFact]
    public Task A_network_moves_to_PostgreSQL_and_back_and_its_nodes_stay_who_they_are() => MeshLab.RunJoinedAsync("mmg", output, ["ada", "ben", "cleo"], async lab =>
    {
        var (ada, ben, cleo) = (lab["ada"], lab["ben"], lab["cleo"]);
        Assert.True(ada.Ns.Ping(ben.V4, 3) && cleo.Ns.Ping(ada.V4, 3));
        await using var steady = ada.StartPing(ben.V4);
        await using var steady6 = cleo.StartPing(ada.V6);
        using var stop = new CancellationTokenSource();
        var revisions = WatchRevisionsAsync(lab.Nodes, stop.Token);
        var uri = PostgresServer.Instance.CreateDatabase();
        string[] inFile = ["--state-dir", lab.Controller.StateDir], inDatabase = ["--database", uri];

        var held = new HashSet<string>(StringComparer.Ordinal);
        var before = await SeenAsync(lab, held);
        var toDatabase = await MoveAsync(lab, "to-database", inFile, inDatabase, () => PostgresServer.Instance.Query(
            uri, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY journal%'") == "1\n", uri);
        Assert.Equal(before, await SeenAsync(lab, held));

        // What is decided there counts, and goes back with the rest.
        lab.Controller.CreateUser("bob");
        lab.Controller.Run("node", "tag", "ben", "--user", "bob").MustExit();
        await Eventually.TrueAsync("the change arrives", _patience, async () => (await ada.StatusAsync()).Peer("ben") is { Owner: "bob" });

        var between = await SeenAsync(lab, held);
        Assert.NotEqual(before.Head, between.Head);
        var journal = Path.Combine(lab.Controller.StateDir, "journal.db");
        var toFile = await MoveAsync(lab, "to-file", inDatabase, inFile, () => new FileInfo(journal) is { Exists: true, Length: > 0 }, database: null,
            prepare: () =>
            {
                // The file that was left is older: it is kept, but elsewhere.
                foreach (var file in Directory.GetFiles(lab.Controller.StateDir, "journal.db*"))
                    File.Move(file, file + ".before");
            });
        Assert.Equal(between, await SeenAsync(lab, held));
        Assert.Contains("bob", lab.Controller.Run("user", "list").MustExit().Output, StringComparison.Ordinal);
        lab.Controller.Run("node", "tag", "cleo", "--user", "bob").MustExit();
        await Eventually.TrueAsync("a change made afterwards arrives", _patience, async () => (await ada.StatusAsync()).Peer("cleo") is { Owner: "bob" });
        // One history: what the controller and its nodes held at any of these times is part of it.
        held.UnionWith([before.Head, between.Head]);
        var export = Path.Combine(lab.Folder, "whole.audit");
        lab.Controller.Run("audit", "export", "-o", export).MustExit();
        var verified = lab.Controller.Run(["audit", "verify", export, "--root-key-hash", before.Root, .. held.SelectMany(head => (string[])["--head", head])]).MustExit();
        Assert.Contains($"{held.Count} heads are part of this history", verified.Output, StringComparison.Ordinal);

        await stop.CancelAsync();
        var samples = await revisions;
        var (lost, lost6) = (await steady.StopWithoutLossAsync(), await steady6.StopWithoutLossAsync());
        output.Print("migration", $"a file to PostgreSQL: {toDatabase}; back: {toFile}; {lost} and {lost6} pings, none lost; {samples} looks at 3 nodes, no revision went backwards");
    });

    // Stops the controller, moves the journal with one import killed half-way, and starts it there.
    static async Task<string> MoveAsync(MeshLab lab, string name, string[] from, string[] to, Func<bool> isUnderWay, string? database, Action? prepare = null)
    {
        Assert.Equal(0, await lab.Controller.Server.StopAsync());
        var away = Stopwatch.StartNew();
        var file = Path.Combine(lab.Folder, name + ".jsonl");
        lab.Controller.Run(["db", "export", "-f", file, .. from]).MustExit();
        var whole = await File.ReadAllTextAsync(file);
        if (prepare is not null)
        {
            // Nothing is imported over what there is.
            var full = lab.Controller.Run(["db", "import", "-f", file, .. to]);
            Assert.Equal(77, full.ExitCode);
            Assert.Matches("^mesh-controller: the journal .* is not empty: nothing was imported into it\n$", full.Error);
            prepare();
        }

        var pipe = Path.Combine(lab.Folder, name + ".pipe");
        ProcessRun.Run("mkfifo", [pipe]).MustExit();
        var half = lab.Controller.Ns.Start(Programs.Controller, ["db", "import", "-f", pipe, .. to]);
        await using (var writer = new FileStream(pipe, FileMode.Open, FileAccess.ReadWrite))
        {
            await writer.WriteAsync(System.Text.Encoding.UTF8.GetBytes(whole[..(whole.Length / 2)]));
            await writer.FlushAsync();
            await Eventually.TrueAsync("the import is under way", TimeSpan.FromSeconds(20), () =>
                half.HasExited ? throw new InvalidOperationException($"the import ended\n{half.Output}") : isUnderWay());
            // The rows that it got so far are not seen by anybody; it takes them in at once.
            await Task.Delay(300);
            Assert.False(half.HasExited, half.Output);
            half.Signal("KILL");
            await half.WaitForExitAsync(_patience);
        }
        Assert.Matches("(?m)^rows +0$", lab.Controller.Run(["db", "check", .. to]).MustExit().Output);
        await File.WriteAllTextAsync(lab.Controller.ConfigFile, database is null ? "" : $"mesh.controller.database = \"{database}\"\n");
        lab.Controller.Server.Start();
        Assert.Equal(78, await lab.Controller.Server.Process.WaitForExitAsync(TimeSpan.FromSeconds(20)));
        Assert.Matches("mesh-controller: .* is empty, but the keys beside it are of network .*db import", lab.Controller.Server.Process.Output);

        // Again, and whole; the source is what it was.
        lab.Controller.Run(["db", "import", "-f", file, .. to]).MustExit();
        Assert.Equal(77, lab.Controller.Run(["db", "import", "-f", file, .. to]).ExitCode);
        Assert.Equal(whole, lab.Controller.Run(["db", "export", "-f", "-", .. to]).MustExit().Output);
        if (prepare is null)
            Assert.Equal(whole, lab.Controller.Run(["db", "export", "-f", "-", .. from]).MustExit().Output);
        await lab.Controller.StartAsync();
        foreach (var node in lab.Nodes)
            await Eventually.TrueAsync($"{node.Name} is attached again", TimeSpan.FromSeconds(60), async () => await node.TryStatusAsync() is { IsAttached: true });
        return $"{whole.Split('\n').Length - 3} events, byte for byte the same there, all of 3 attached {away.Elapsed.TotalSeconds:0.0} s after the controller stopped";
    }

    // What the network is, in words of everybody.
    static async Task<Seen> SeenAsync(MeshLab lab, HashSet<string> held)
    {
        var told = JsonDocument.Parse(lab.Controller.Run("status", "--json").MustExit().Output).RootElement;
        var (revision, head) = (told.GetProperty("revision").GetInt64(), told.GetProperty("audit_head").GetString()!);
        var nodes = new List<string>();
        foreach (var node in lab.Nodes)
        {
            var status = await node.StatusAsync();
            held.Add(status.AuditHead!);
            var self = status.Self!;
            nodes.Add($"{self.ID} {self.HostName} {self.PublicKey} {string.Join(' ', self.Addresses)}");
        }
        // What one of them was told, in the bytes that were signed.
        nodes.Add(lab.Controller.Run("at", $"@{revision}", "map", "ada", "--json").MustExit().Output);
        return new Seen(revision, head, told.GetProperty("root_hash").GetString()!, string.Join('\n', nodes));
    }

    // Gives how often it looked.
    static async Task<int> WatchRevisionsAsync(IReadOnlyList<LabNode> nodes, CancellationToken stop)
    {
        var last = new Dictionary<LabNode, (int Epoch, long Revision)>();
        var looks = 0;
        for (; !stop.IsCancellationRequested; looks++)
        {
            foreach (var node in nodes)
            {
                if (await node.TryStatusAsync() is not { } status)
                    continue;
                var now = (status.Epoch, status.Revision);
                Assert.True(!last.TryGetValue(node, out var before) || now.CompareTo(before) >= 0, $"{node.Name} went from {before} to {now}");
                last[node] = now;
            }
            await Task.Delay(50, CancellationToken.None);
        }
        return looks;
    }

    sealed record Seen(long Revision, string Head, string Root, string Nodes);
}
