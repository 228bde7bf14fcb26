using System.Text.Json;
using Mesh.Controller;
using Mesh.Controller.Journal;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Trust;
using Mesh.Tests.Controller.Api;
using Mesh.Tests.Controller.CommandLine;
using Mesh.Tests.Kit.Persistence;

namespace Mesh.Tests.Controller.Backup;

[NeedsPostgres]
public sealed class RestoreTests
{
    [SpecFact]
    public Task A_lost_controller_comes_back_in_a_file() => RestoredAsync(null);

    [SpecFact]
    public Task A_lost_controller_comes_back_in_PostgreSQL() => RestoredAsync(PostgresServer.Instance.CreateDatabase());

    static async Task RestoredAsync(string? database)
    {
        await using var network = await BackedUpNetwork.CreateAsync();
        var (controller, machine) = (network.Controller, network.Machine);
        // The machine has seen more than the backup knows.
        var trust = Trust(machine) with { Revision = network.RevisionLater };
        var old = machine.Reply!.Map;
        await network.WipeAsync();

        var (exit, text, error) = await network.RestoreAsync(database is null ? [] : ["--database", database]);
        Assert.True(exit == ExitCode.Done, error);
        Assert.Contains("\nepoch 2 begins, with controller ", text, StringComparison.Ordinal);
        Assert.Contains("\nrevoked: 2 credentials and 1 token, ", text, StringComparison.Ordinal);
        Assert.Contains($" --advertise {controller.Endpoint}\n", text, StringComparison.Ordinal);
        controller.Database = database is null ? null : PostgresPlace.Parse(database);
        await controller.StartAgainAsync();

        // Everything up to the backup is there, and behind it what the restoration did.
        Assert.Equal(network.Nodes, (await controller.RunAsync(["node", "list"])).Out);
        Assert.DoesNotContain("later", (await controller.RunAsync(["user", "list"])).Out, StringComparison.Ordinal);
        var audit = (await controller.RunAsync(["audit", "list", "--json"])).Out;
        var (before, entries) = (Entries(network.Audit), Entries(audit));
        Assert.Equal(before, entries[..before.Count]);
        var kinds = entries.Select(entry => JsonDocument.Parse(entry).RootElement.GetProperty("kind").GetString()).ToList();
        Assert.Equal(
            ["network.restored", "controller.withdrawn", "credential.revoked", "credential.revoked", "token.revoked", "controller.delegated"],
            kinds[before.Count..]);
        Assert.Matches(
            @"network\.restored +network +admin:\S+ +epoch 2, controller \S+, from the backup \S+ of revision \d+, taken \S+ by \S+",
            (await controller.RunAsync(["audit", "list"])).Out);
        Assert.Contains(" in epoch 2\n", (await controller.RunAsync(["status"])).Out, StringComparison.Ordinal);

        // A node that has seen newer revisions takes the new epoch's map, and nothing of the old any more.
        machine.PresentNothing();
        var node = machine.Reply.Node;
        Assert.Null(await machine.EnrollAsync());
        Assert.Equal(node, machine.Reply!.Node);
        Assert.Equal(TrustRefusal.None, trust.TryAccept(machine.Reply.Map, controller.Clock.Now, out var next));
        Assert.Equal(2, next.Epoch);
        Assert.True(next.Revision < trust.Revision);
        Assert.Equal(TrustRefusal.DelegationNotValid, next.TryAccept(old, controller.Clock.Now, out _));
        Assert.Single(next.Body!.Withdrawn);
        Assert.DoesNotContain(next.Body.Withdrawn[0], next.Body.Controllers.Select(one => one.Id));

        // What was used after the backup is not usable again, and neither is what was not used.
        using var late = new Machine(controller, network.UsedLater, "late");
        Assert.Equal(RefusalCodes.Revoked, (await late.EnrollAsync())!.Code);
        using var fresh = new Machine(controller, await controller.CreateCredentialAsync(), "fresh");
        Assert.Null(await fresh.EnrollAsync());

        // A second backup and restoration go on from there.
        var again = network.Other("again.backup");
        Assert.Equal(ExitCode.Done, (await controller.RunAsync(["backup", "-o", again])).Exit);
        var other = network.Other("other");
        (exit, text, error) = await Cli.RunAsync(["restore", again, "--new-epoch", "7", "--root-key", network.RootKey, "--state-dir", other]);
        Assert.True(exit == ExitCode.Done, error);
        Assert.Contains("\nepoch 7 begins, ", text, StringComparison.Ordinal);
        (exit, _, error) = await Cli.RunAsync(["restore", again, "--new-epoch", "2", "--root-key", network.RootKey, "--state-dir", network.Other("third")]);
        Assert.Equal((ExitCode.Refused, "mesh-controller: epoch 2 is not new: the backup knows epoch 2: nothing was changed\n"), (exit, error));
    }

    [SpecFact]
    public async Task A_backup_is_restored_where_nothing_is_and_with_the_root_key_or_not_at_all()
    {
        await using var network = await BackedUpNetwork.CreateAsync();
        var state = network.Controller.StateDirectory;
        await RefusedAsync(ExitCode.BadConfiguration, "another mesh-controller runs on", ["--new-epoch", "--root-key", network.RootKey]);
        await network.Controller.StopAsync();
        await RefusedAsync(ExitCode.Refused, "controller.json exists", ["--new-epoch", "--root-key", network.RootKey]);
        Directory.Delete(state, recursive: true);
        await RefusedAsync(ExitCode.Usage, "say --new-epoch", ["--root-key", network.RootKey]);
        await RefusedAsync(ExitCode.Usage, "--root-key", ["--new-epoch"]);
        await RefusedAsync(ExitCode.BadConfiguration, "is missing", ["--new-epoch", "--root-key", network.Other("nothing")]);
        Assert.False(Directory.Exists(state));

        // Another network's root.
        await using (var other = await RunningController.StartAsync())
            await RefusedAsync(ExitCode.Refused, "the root key is not that of network", ["--new-epoch", "--root-key", Path.Combine(other.StateDirectory, "root.key")]);
        // A database that holds something: neither it nor the directory is touched.
        var uri = PostgresServer.Instance.CreateDatabase();
        Assert.Equal(ExitCode.Done, (await Cli.RunAsync(["db", "migrate", "--database", uri])).Exit);
        using (var journal = JournalDatabase.Open(uri))
            await journal.AppendAsync([new("user-a", 1, 0, [], 100, "x.y.v1", null, null)]);
        await RefusedAsync(ExitCode.Refused, "is not empty", ["--new-epoch", "--root-key", network.RootKey, "--database", uri]);
        Assert.False(Directory.Exists(state));
        // A directory that was there stays, with what was in it.
        Directory.CreateDirectory(state);
        await File.WriteAllTextAsync(Path.Combine(state, "note"), "mine");
        await RefusedAsync(ExitCode.Refused, "is not empty", ["--new-epoch", "--root-key", network.RootKey, "--database", uri]);
        Assert.Equal(["lock", "note"], Directory.GetFiles(state).Select(Path.GetFileName).Order());
        Assert.Equal(ExitCode.Done, (await network.RestoreAsync()).Exit);

        async Task RefusedAsync(int exit, string said, string[] flags)
        {
            var (code, text, error) = await Cli.RunAsync(["restore", network.File, "--state-dir", state, .. flags]);
            Assert.Equal((exit, ""), (code, text));
            Assert.Contains(said, error, StringComparison.Ordinal);
            VerbTests.AssertOneLine(error);
        }
    }

    [SpecFact]
    public async Task A_controller_of_the_old_epoch_does_not_start_on_the_restored_journal()
    {
        var uri = PostgresServer.Instance.CreateDatabase();
        await using var network = await BackedUpNetwork.CreateAsync();
        await network.Controller.StopAsync();
        var state = network.Other("new");
        Assert.Equal(
            ExitCode.Done,
            (await Cli.RunAsync(["restore", network.File, "--new-epoch", "--root-key", network.RootKey, "--state-dir", state, "--database", uri])).Exit);
        network.Controller.Database = PostgresPlace.Parse(uri);
        var refused = await Assert.ThrowsAsync<CommandException>(network.Controller.StartAgainAsync);
        Assert.Contains("was withdrawn for ever", refused.Message, StringComparison.Ordinal);
    }

    static List<string> Entries(string audit) =>
        [.. JsonDocument.Parse(audit).RootElement.GetProperty("entries").EnumerateArray().Select(entry => entry.GetRawText())];

    static MapTrust Trust(Machine machine)
    {
        var trust = new MapTrust { Network = machine.Pinned!.Delegation.Network, Node = machine.Reply!.Node, Root = machine.Pinned.Root };
        Assert.Equal(Sha256.Hash(trust.Root.Value.Span), machine.Credential.RootHash);
        Assert.Equal(TrustRefusal.None, trust.TryAccept(machine.Reply.Map, Mesh.Protocol.Time.WallTime.From(DateTimeOffset.UtcNow), out var next));
        return next;
    }
}
