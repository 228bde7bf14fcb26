using Mesh.Actors.Registry;
using Mesh.Protocol.Map;
using Mesh.Protocol.Trust;
using Mesh.Tests.Actors.Registry;

namespace Mesh.Tests.Actors.Sessions;

/// <summary>A node whose stream is full costs nobody but itself, and is led to the newest state in one step once it has read.</summary>
public sealed class SlowReaderTests
{
    [Fact]
    public async Task Gets_one_delta_for_all_that_it_missed_while_others_got_each()
    {
        await using var harness = await ControllerHarness.StartAsync();
        await harness.AllowAsync(("*", "*"));
        var (slow, quick) = (await JoinAsync(harness, "slow"), await JoinAsync(harness, "quick"));
        await slow.AttachAsync();
        await quick.AttachAsync();
        slow.Reads = false;
        var others = new List<TestNode>();
        for (var i = 0; i < 8; i++)
        {
            others.Add(await JoinAsync(harness, $"other{i}"));
            Assert.NotNull((await quick.NextMapAsync()).Delta);
            await others[i].AttachAsync();
            others[i].Handle.Post(new(Hint: others[i].Hint("192.0.2.1:51820")));
            while ((await quick.NextPresenceAsync(others[i].Id)).Online is false)
                Assert.Fail("online is told first");
        }
        // The first that it had no room for; after that nothing is even tried.
        Assert.Equal(1, slow.NotTaken);
        Assert.False(slow.Closed.IsCompleted);

        slow.Reads = true;
        var leaf = await slow.NextMapAsync();
        Assert.Equal(8, leaf.Delta!.Set!.Count);
        Assert.Equal(quick.Trust.Revision, slow.Trust.Revision);
        Assert.Equal(9, slow.Peers.Count);
        // What it was not told between maps it is told now.
        foreach (var other in others)
            Assert.True((await slow.NextPresenceAsync(other.Id)).Online);
        Assert.Equal(2, slow.Seen.Count(frame => frame.Map is not null));
    }

    [Fact]
    public async Task Is_counted_in_a_revocation_once_it_has_read()
    {
        await using var harness = await ControllerHarness.StartAsync();
        await harness.AllowAsync(("*", "*"));
        var (bad, slow) = (await JoinAsync(harness, "bad"), await JoinAsync(harness, "slow"));
        await slow.AttachAsync();
        slow.Reads = false;
        var revoking = harness.Controller.RevokeNodeAsync(bad.Id, TimeSpan.FromSeconds(30), harness.By("admin:root"));
        await harness.AllowAsync(("*", "*"), ("node:slow", "node:slow"));
        Assert.False(revoking.IsCompleted);
        slow.Reads = true;
        Assert.NotNull((await slow.NextMapAsync()).Delta);
        Assert.Equal(["slow"], (await revoking).Value!.Acknowledged);
    }

    [Fact]
    public async Task Is_told_that_its_body_holds_where_what_it_missed_came_to_nothing()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var (slow, other) = (await JoinAsync(harness, "slow"), await JoinAsync(harness, "other"));
        await slow.AttachAsync();
        await other.AttachAsync();
        slow.Reads = false;
        await harness.AllowAsync(("node:slow", "node:other"));
        Assert.NotNull((await other.NextMapAsync()).Delta);
        await harness.AllowAsync();
        Assert.NotNull((await other.NextMapAsync()).Delta);
        slow.Reads = true;
        Assert.NotNull((await slow.NextMapAsync()).Renewal);
        Assert.Equal(other.Trust.Revision, slow.Trust.Revision);
    }

    static async Task<TestNode> JoinAsync(ControllerHarness harness, string name)
    {
        var (machine, enrolled) = await harness.JoinAsync(name);
        return new TestNode(harness, machine, enrolled);
    }
}
