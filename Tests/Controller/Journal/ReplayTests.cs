using System.Text;
using Mesh.Actors.Ports;
using Mesh.Actors.Projection;
using Mesh.Controller;
using Mesh.Controller.Journal;
using Mesh.Protocol;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Tests.Controller.Api;
using Mesh.Tests.Kit.Persistence;
using Xunit.Abstractions;

namespace Mesh.Tests.Controller.Journal;

/// <summary>The same history gives the same network, whichever database it lies in.</summary>
[NeedsPostgres]
public sealed class ReplayTests(ITestOutputHelper output)
{
    [SpecFact]
    public async Task A_history_replayed_from_a_file_and_from_PostgreSQL_gives_the_same_views_at_every_revision()
    {
        await using var controller = await RunningController.StartAsync();
        foreach (var user in (string[])["alice", "bob", "carol"])
            await controller.RunAsync(["user", "create", user]);
        for (var i = 0; i < 4; i++)
        {
            using var machine = new Machine(controller, await controller.CreateCredentialAsync(i % 2 == 0 ? ["--user", "alice"] : ["--tag", "server"]), $"m{i}");
            Assert.Null(await machine.EnrollAsync());
            foreach (var to in (string[])["*", "tag:server", $"node:m{i}"])
                await controller.RunAsync(["policy", "set", "-f", "-"], $"version: 1\nallow:\n  - from: ['*']\n    to: ['{to}']\n");
        }
        await controller.RunAsync(["node", "revoke", "m1"]);
        await controller.StopAsync();

        var uri = PostgresServer.Instance.CreateDatabase();
        var export = await Cli.RunAsync(["db", "export", "-f", "-", "--state-dir", controller.StateDirectory]);
        Assert.Equal(ExitCode.Done, (await Cli.RunAsync(["db", "import", "-f", "-", "--database", uri], export.Out)).Exit);
        using var file = SqliteJournal.Open(Path.Combine(controller.StateDirectory, "journal.db"));
        using var database = JournalDatabase.Open(uri);
        var (left, right) = (await HashesAsync(file), await HashesAsync(database));
        Assert.Equal(left, right);
        Assert.True(left.Distinct().Count() > 20, string.Join('\n', left));
        output.WriteLine($"{left.Count} revisions replayed from each, {left.Distinct().Count()} different views, all hashes equal");
    }

    // Of everything that a view shows, bodies in their canonical bytes, after every revision.
    static async Task<List<Digest256>> HashesAsync(IJournalTail journal)
    {
        var history = new NetworkHistory(journal);
        var hashes = new List<Digest256>();
        var after = 0L;
        while (await journal.ReadAsync(after, 1, CancellationToken.None) is [var next])
        {
            after = next.Ordering;
            var past = await history.AtAsync(new Moment.AtRevision(after), CancellationToken.None);
            Assert.True(past.IsDone, past.Refusal?.Message);
            var view = past.Value.View;
            var text = new StringBuilder();
            foreach (var node in view.Nodes.Values.OrderBy(node => node.IdText, StringComparer.Ordinal))
            {
                text.AppendLine($"{node.Node with { Tags = [] }} {string.Join(',', node.Node.Tags)} {node.Credential} {node.RegisteredAt} {node.Removed} {node.RemovedAt}");
                if (view.BodyFor(node.Id) is { } body)
                    text.AppendLine(Encoding.UTF8.GetString(ProtocolJson.Encode(body, ProtocolJson.Default.MapBody)));
            }
            foreach (var one in view.Credentials.Values.OrderBy(one => one.Id.ToString(), StringComparer.Ordinal))
                text.AppendLine($"{one with { Tags = [] }} {string.Join(',', one.Tags)}");
            foreach (var user in view.Users.Values.OrderBy(user => user.Name, StringComparer.Ordinal))
                text.AppendLine($"{user}");
            text.Append(view.PolicyText);
            hashes.Add(Sha256.Hash(Encoding.UTF8.GetBytes(text.ToString())));
        }
        return hashes;
    }
}
