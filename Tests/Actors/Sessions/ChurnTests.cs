using Mesh.Actors.Sessions;
using Mesh.Tests.Actors.Registry;

namespace Mesh.Tests.Actors.Sessions;

/// <summary>Machines that come, go and change streams, and two that live with one identity.</summary>
public sealed class ChurnTests
{
    static readonly StreamOrigin Original = new("aaaa", "192.0.2.1");
    static readonly StreamOrigin Copy = new("bbbb", "192.0.2.2");

    [Fact]
    public async Task Two_machines_with_one_identity_are_noticed_and_the_one_that_has_to_wait_is_told()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var (machine, enrolled) = await harness.JoinAsync("laptop");
        var first = await OpenAsync(new TestNode(harness, machine, enrolled), Original);
        var second = await OpenAsync(first.Again(), Copy);
        // A machine that started anew looks the same.
        Assert.Equal("replaced", await first.Closed);
        Assert.Null(harness.Controller.Queries.Presence(first.Id).CopiedAt);
        var third = await OpenAsync(second.Again(), Original);
        Assert.Equal("copied", await second.Closed);
        var presence = harness.Controller.Queries.Presence(first.Id);
        Assert.Equal((harness.Clock.Now, "192.0.2.1 and 192.0.2.2"), (presence.CopiedAt, presence.CopiedFrom));
        Assert.True(presence.Online);
        // The other one hears it as soon as the first is back.
        await OpenAsync(third.Again(), Copy);
        Assert.Equal("copied", await third.Closed);
    }

    [Fact]
    public async Task A_machine_that_changes_streams_or_starts_anew_ten_times_stays_online_and_is_no_copy()
    {
        await using var harness = await ControllerHarness.StartAsync();
        await harness.AllowAsync(("*", "*"));
        var (peerMachine, peerEnrolled) = await harness.JoinAsync("server");
        var peer = new TestNode(harness, peerMachine, peerEnrolled);
        await peer.AttachAsync();
        var (machine, enrolled) = await harness.JoinAsync("laptop");
        await peer.NextMapAsync();
        var node = await OpenAsync(new TestNode(harness, machine, enrolled), Original);
        Assert.True((await peer.NextPresenceAsync(node.Id)).Online);
        for (var i = 0; i < 10; i++)
        {
            var next = await OpenAsync(node.Again(), i % 2 == 0 ? new StreamOrigin($"start{i / 2}", "192.0.2.1") : new StreamOrigin($"start{i / 2}", "192.0.2.9"));
            Assert.Equal("replaced", await node.Closed);
            node = next;
        }
        Assert.Null(harness.Controller.Queries.Presence(node.Id).CopiedAt);
        // The next thing that the peer hears of it is that it left: it never was offline before.
        node.Handle.Closed();
        Assert.False((await peer.NextPresenceAsync(node.Id)).Online);
        Assert.DoesNotContain(peer.Seen, frame => frame.Map is { } map && System.Text.Encoding.UTF8.GetString(map.Leaf).Contains("removal", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_machine_whose_stream_breaks_and_is_back_in_time_never_was_offline_to_its_peers()
    {
        await using var harness = await ControllerHarness.StartAsync(options: new Mesh.Actors.Registry.ControllerOptions { MoveGrace = TimeSpan.FromSeconds(3) });
        await harness.AllowAsync(("*", "*"));
        var (peerMachine, peerEnrolled) = await harness.JoinAsync("server");
        var peer = new TestNode(harness, peerMachine, peerEnrolled);
        await peer.AttachAsync();
        var (machine, enrolled) = await harness.JoinAsync("laptop");
        await peer.NextMapAsync();
        var node = await OpenAsync(new TestNode(harness, machine, enrolled), Original);
        Assert.True((await peer.NextPresenceAsync(node.Id)).Online);
        for (var flap = 0; flap < 5; flap++)
        {
            node.Handle.Closed();
            Assert.True(SpinWait.SpinUntil(() => harness.Controller.Attached == 1, TimeSpan.FromSeconds(5)));
            Assert.True(harness.Controller.Queries.Presence(node.Id).Online);
            node = await OpenAsync(node.Again(), Original);
        }
        // Gone for good it is offline, and that is the next that its peer hears.
        node.Handle.Closed();
        Assert.False((await peer.NextPresenceAsync(node.Id)).Online);
        Assert.False(harness.Controller.Queries.Presence(node.Id).Online);
    }

    [Fact]
    public async Task Everybody_down_and_up_five_times_finds_everybody_each_time()
    {
        await using var harness = await ControllerHarness.StartAsync();
        await harness.AllowAsync(("*", "*"));
        var nodes = new List<TestNode>();
        for (var i = 0; i < 8; i++)
        {
            var (machine, enrolled) = await harness.JoinAsync("laptop");
            nodes.Add(new TestNode(harness, machine, enrolled));
        }
        for (var round = 0; round < 5; round++)
        {
            // All at once, as after a cut of power.
            foreach (var node in nodes)
            {
                node.Open(origin: Original);
                node.Attach();
            }
            foreach (var node in nodes)
            {
                await node.NextMapAsync();
                Assert.Equal(7, node.Peers.Count);
            }
            Assert.True(SpinWait.SpinUntil(() => nodes.TrueForAll(node => harness.Controller.Queries.Presence(node.Id).Online), TimeSpan.FromSeconds(5)));
            foreach (var node in nodes)
                node.Handle.Closed();
            Assert.True(SpinWait.SpinUntil(() => nodes.TrueForAll(node => !harness.Controller.Queries.Presence(node.Id).Online), TimeSpan.FromSeconds(5)));
            nodes = [.. nodes.Select(node => node.Again())];
        }
        Assert.Equal(8, harness.Controller.Queries.Nodes.Count(node => node.Node.IsPresent));
        Assert.Equal(8, nodes.Select(node => node.Id).Distinct().Count());
    }

    [Fact]
    public async Task Peers_only_grow_while_machines_join()
    {
        await using var harness = await ControllerHarness.StartAsync();
        await harness.AllowAsync(("*", "*"));
        var (machine, enrolled) = await harness.JoinAsync("first");
        var first = new TestNode(harness, machine, enrolled);
        await first.AttachAsync();
        for (var joined = 1; joined <= 10; joined++)
        {
            var (other, otherEnrolled) = await harness.JoinAsync("other");
            // Whoever joins has everybody in its first map.
            Assert.Equal(joined, new TestNode(harness, other, otherEnrolled).Peers.Count);
            await first.NextMapAsync();
            Assert.Equal(joined, first.Peers.Count);
        }
    }

    static async Task<TestNode> OpenAsync(TestNode node, StreamOrigin origin)
    {
        node.Open(origin: origin);
        node.Attach();
        await node.NextMapAsync();
        return node;
    }
}
