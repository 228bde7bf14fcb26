using System.Collections.Concurrent;
using System.Text.Json;
using Mesh.Controller.Journal;
using Mesh.Protocol.Enrollment;
using Mesh.Tests.Controller.Api;
using Mesh.Tests.Controller.Cluster;
using Mesh.Tests.Controller.Journal;
using Mesh.Tests.Kit.Nodes;
using Mesh.Tests.Kit.Persistence;

namespace Mesh.Tests.Controller.Nodes;

/// <summary>Holds that simulated nodes are to a controller what nodes are: whatever is measured or proven with them rests on that.</summary>
[NeedsPostgres]
public sealed class SimNodeTests
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Joins_takes_changes_in_and_says_who_is_online()
    {
        await using var controller = await RunningController.StartAsync();
        await controller.AllowAllAsync();
        var seen = new ConcurrentQueue<SimNodeEvent>();
        var options = new SimNodeOptions { Watch = seen.Enqueue };
        await using var first = await JoinAsync(controller, "first", options);
        await using var second = await JoinAsync(controller, "second", options);
        await first.WaitAsync(node => node.Trust.Body!.Peers.Count == 1, Patience);
        Assert.Equal("second", first.Trust.Body!.Peers[0].Name);
        Assert.Equal("first", second.Trust.Body!.Peers[0].Name);
        await Eventually(() => seen.Any(one => one.Kind == SimNodeEventKind.PeerPresence && one.Node == first && one.Peer == second.Id && one.Online));

        await second.StopAsync();
        await Eventually(() => seen.Any(one => one.Kind == SimNodeEventKind.PeerPresence && one.Node == first && one.Peer == second.Id && !one.Online));
        Assert.DoesNotContain(seen, one => one.Kind == SimNodeEventKind.MapRefused);

        Assert.Equal(0, (await controller.RunAsync(["node", "revoke", "first"])).Exit);
        await first.WaitAsync(node => node.Removed is not null, Patience);
    }

    [Fact]
    public async Task Comes_back_by_itself_when_it_is_cut_off_or_the_controller_starts_again()
    {
        await using var controller = await RunningController.StartAsync();
        await using var node = await JoinAsync(controller, "one");
        var revision = node.Revision;
        node.Cut();
        await node.WaitAsync(one => one.Counters.Attaches == 2, Patience);
        await controller.RestartAsync();
        await node.WaitAsync(one => one.Counters.Attaches == 3 && one.IsAttached, Patience);
        await node.RenewCertificateAsync();
        node.Cut();
        await node.WaitAsync(one => one.Counters.Attaches == 4, Patience);
        Assert.True(node.Revision >= revision);
    }

    [Fact]
    public async Task Acknowledges_the_same_body_whether_it_verifies_or_only_looks()
    {
        await using var controller = await RunningController.StartAsync();
        await controller.AllowAllAsync();
        await using var verifying = await JoinAsync(controller, "verifying");
        await using var looking = await JoinAsync(controller, "looking", new SimNodeOptions { VerifiesMaps = false });
        for (var i = 0; i < 3; i++)
        {
            await using var other = await JoinAsync(controller, $"other{i}");
            var revision = other.Revision;
            await verifying.WaitAsync(node => node.Revision >= revision && node.Trust.Body!.Peers.Count == 2 + i, Patience);
            await looking.WaitAsync(node => node.Revision >= verifying.Revision, Patience);
        }
        // What was only looked at is a body after all: the controller says of it, too, that it still holds.
        var hash = looking.BodyHash;
        looking.Cut();
        await looking.WaitAsync(node => node.Counters.Attaches == 2, Patience);
        await using var last = await JoinAsync(controller, "last");
        await looking.WaitAsync(node => node.BodyHash != hash, Patience);
        await Eventually(async () => await AcknowledgedAsync(controller, "looking") == looking.Revision);
    }

    [SpecFact]
    public async Task Goes_to_the_other_controller_first_when_it_has_lost_one()
    {
        var database = PostgresPlace.Parse(PostgresServer.Instance.CreateDatabase());
        await using var first = await RunningController.StartAsync(database);
        await using var second = await SecondController.StartAsync(first, database);
        var seen = new ConcurrentQueue<SimNodeEvent>();
        await using var node = await JoinAsync(first, "one", new SimNodeOptions { Watch = seen.Enqueue });
        await node.WaitAsync(one => one.Trust.Body!.Controllers.Count == 2, Patience);
        for (var i = 2; i < 5; i++)
        {
            var lost = node.Controller;
            node.Cut();
            await node.WaitAsync(one => one.Counters.Attaches == i && one.IsAttached, Patience);
            Assert.NotEqual(lost, node.Controller);
        }
        // Both have shown it a head of the audit chain, and it has held each against what the other had shown.
        Assert.Null(node.Trust.Audit!.Dispute);
        Assert.NotNull(node.Trust.Audit.Held);
        Assert.DoesNotContain(seen, one => one.Kind is SimNodeEventKind.MapRefused or SimNodeEventKind.AttachFailed);
    }

    [Fact]
    public async Task Is_refused_as_a_machine_is()
    {
        await using var controller = await RunningController.StartAsync();
        var credential = await controller.CreateCredentialAsync();
        await using var first = new SimNode("first");
        await using var second = new SimNode("second");
        await first.EnrollAsync(credential);
        var refused = await Assert.ThrowsAsync<SimNodeRefusedException>(() => second.EnrollAsync(credential));
        Assert.Equal(RefusalCodes.Used, refused.Problem.Code);
        await controller.StopAsync();
        await using var third = new SimNode("third");
        await Assert.ThrowsAsync<IOException>(() => third.EnrollAsync(credential));
        await controller.StartAgainAsync();
    }

    static async Task<SimNode> JoinAsync(RunningController controller, string name, SimNodeOptions? options = null)
    {
        var node = new SimNode(name, options);
        await node.EnrollAsync(await controller.CreateCredentialAsync());
        node.Start();
        await node.WaitAsync(one => one.IsAttached, Patience);
        return node;
    }

    static async Task<long> AcknowledgedAsync(RunningController controller, string name)
    {
        var (exit, output, error) = await controller.RunAsync(["node", "show", name, "--json"]);
        Assert.True(exit == 0, error);
        using var document = JsonDocument.Parse(output);
        return document.RootElement.GetProperty("revision").GetInt64();
    }

    static Task Eventually(Func<bool> condition) => Eventually(() => Task.FromResult(condition()));

    static async Task Eventually(Func<Task<bool>> condition)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (!await condition())
            await Task.Delay(10, limit.Token);
    }
}
