using System.Text.Json;
using Mesh.Tests.E2E.Lab;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E;

/// <summary>A controller whose database is exchanged for an older copy: its nodes know more than it does, and say so.</summary>
[Collection(Waiting.Scenarios)]
public sealed class RollbackTests(ITestOutputHelper output)
{
    [RequiresRootFact("ip", "ping")]
    public Task Nodes_and_controller_notice_a_database_that_was_rolled_back_also_when_it_has_grown_beyond() =>
        MeshLab.RunJoinedAsync("mrb", output, ["ada", "ben", "cleo"], async lab =>
    {
        var (ada, ben) = (lab["ada"], lab["ben"]);
        var older = await CopyJournalAsync("older");
        await StartAsync();
        foreach (var node in (LabNode[])[ada, ben])
            await node.AttachedAsync();
        // What the older copy does not know: cleo is out.
        var before = Revision();
        lab.Controller.Run("node", "revoke", "cleo").MustExit();
        foreach (var node in (LabNode[])[ada, ben])
            await Eventually.TrueAsync($"{node.Name} has the head of the revocation", TimeSpan.FromSeconds(10), async () => HeadOf(await node.StatusAsync()) > before);
        Assert.Empty((await ada.StatusAsync()).Health);
        Assert.DoesNotContain("warning: a node has", lab.Controller.Run("status").MustExit().Output, StringComparison.Ordinal);
        Assert.DoesNotContain("nodes have seen", lab.Controller.Run("status").MustExit().Output, StringComparison.Ordinal);
        var newest = await CopyJournalAsync("newest");

        PutBack(older);
        await StartAsync();
        foreach (var node in (LabNode[])[ada, ben])
            await SaysAsync(node, "the controllers' database was rolled back to an older copy: the history of controller");
        // Cleo, who is in again there, shows the same whenever she asks.
        await WarnsAsync("nodes have seen history that this journal does not hold (ada, ben");
        // What they have stays in force: cleo is out, the others talk.
        Assert.Null((await ada.StatusAsync()).Peer("cleo"));
        Assert.True(ada.Ns.Ping(ben.V4, 3));
        var text = ada.Mesh("status").MustExit().Output;
        Assert.Contains("was rolled back to an older copy", text, StringComparison.Ordinal);
        output.Print("rollback", text.Split('\n').First(line => line.Contains("rolled back", StringComparison.Ordinal)).Trim());

        // The true history again: nothing is left of it.
        await lab.Controller.Server.StopAsync();
        PutBack(newest);
        await StartAsync();
        foreach (var node in (LabNode[])[ada, ben])
            await Eventually.TrueAsync($"{node.Name} is content again", TimeSpan.FromSeconds(10), async () => await node.StatusAsync() is { IsAttached: true, Health.Count: 0 });
        Assert.DoesNotContain("nodes have seen", lab.Controller.Run("status").MustExit().Output, StringComparison.Ordinal);

        var head = (await ada.StatusAsync()).AuditHead!;

        // Now it grows beyond what the nodes have seen before they hear of it.
        await lab.Controller.Server.StopAsync();
        PutBack(older);
        await ada.Daemon.StopAsync();
        await ben.Daemon.StopAsync();
        await StartAsync();
        for (var i = 0; Revision() <= Ordering(head); i++)
            lab.Controller.CreateUser($"user{i}");
        await ada.StartAsync();
        await SaysAsync(ada, "the controllers' database was rolled back and went on, or was changed");
        await WarnsAsync("seen history that this journal does not hold (ada");
        // It is not forgotten with the daemon, and the controller's whole history is proof.
        await ada.Daemon.StopAsync();
        await ada.StartAsync();
        await SaysAsync(ada, "went on, or was changed");
        Assert.Equal(head, (await ada.StatusAsync()).AuditHead);
        var export = Path.Combine(lab.Folder, "export.jsonl");
        lab.Controller.Run("audit", "export", "-o", export).MustExit();
        var root = JsonDocument.Parse(lab.Controller.Run("status", "--json").MustExit().Output).RootElement.GetProperty("root_hash").GetString()!;
        lab.Controller.Run("audit", "verify", export, "--root-key-hash", root).MustExit();
        var verified = lab.Controller.Run("audit", "verify", export, "--root-key-hash", root, "--head", head);
        Assert.Equal(65, verified.ExitCode);
        Assert.Contains("two histories", verified.Error, StringComparison.Ordinal);
        output.Print("rollback", verified.Error.Trim());

        async Task<string> CopyJournalAsync(string name)
        {
            await lab.Controller.Server.StopAsync();
            var copy = Path.Combine(lab.Folder, name + ".db");
            File.Copy(JournalPath(), copy);
            Assert.False(File.Exists(JournalPath() + "-wal"), "a controller that was stopped leaves one file");
            return copy;
        }

        void PutBack(string copy) => File.Copy(copy, JournalPath(), overwrite: true);

        Task StartAsync() => lab.Controller.StartAsync();

        long Revision() => JsonDocument.Parse(lab.Controller.Run("status", "--json").MustExit().Output).RootElement.GetProperty("revision").GetInt64();

        Task SaysAsync(LabNode node, string what) => Eventually.TrueAsync($"{node.Name} says: {what}", TimeSpan.FromSeconds(15),
            async () => await node.TryStatusAsync() is { } status && status.Health.Any(line => line.Contains(what, StringComparison.Ordinal)));

        Task WarnsAsync(string what) => Eventually.TrueAsync($"the controller warns: {what}", TimeSpan.FromSeconds(10),
            () => lab.Controller.Run("status").MustExit().Output.Contains(what, StringComparison.Ordinal));

        string JournalPath() => Path.Combine(lab.Controller.StateDir, "journal.db");
    });

    static long HeadOf(NodeStatus status) => status.AuditHead is { } head ? Ordering(head) : 0;

    static long Ordering(string head) => long.Parse(head.Split(':')[0], System.Globalization.CultureInfo.InvariantCulture);
}
