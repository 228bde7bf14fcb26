using Mesh.Actors.Audit;
using Mesh.Actors.Events;
using Mesh.Actors.Registry;
using Mesh.Protocol.Audit;
using Mesh.Tests.Actors.Registry;
using Mesh.Tests.Actors.Sessions;

namespace Mesh.Tests.Actors.Audit;

/// <summary>Nodes show what they have seen, and the controller's journal is compared with it.</summary>
public sealed class AuditActorTests
{
    [Fact]
    public async Task A_node_and_a_controller_that_agree_go_on_together()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var node = await JoinAsync(harness, "a");
        Assert.Equal(harness.Controller.Queries.View.Audit, node.Trust.Audit!.Held);
        await node.AttachAsync();
        Assert.True((await node.NextAnswerAsync()).Agrees);
        await harness.AllowAsync(("*", "*"));
        await JoinAsync(harness, "b");
        await node.NextMapAsync();
        Assert.Equal(node.Trust.Revision, node.Trust.Audit!.Held!.Ordering);
        Assert.Equal(harness.Controller.Audit.Find(node.Trust.Revision), node.Trust.Audit.Held);
        Assert.Empty(harness.Controller.AuditDisputes.Open);
    }

    [Fact]
    public async Task A_rolled_back_journal_is_noticed_by_both_sides_and_its_return_too()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var node = await JoinAsync(harness, "a");
        var rows = harness.Store.Rows;
        await CreateUserAsync(harness, "bob");
        await node.AttachAsync();
        var held = node.Trust.Audit!.Held!;
        await harness.CrashAsync();
        harness.Store.RollBack(rows.Count);
        await harness.StartAgainAsync();

        var back = node.Again();
        back.AttachTo();
        var witness = await back.NextAnswerAsync();
        Assert.True(witness.Dispute!.IsShorter);
        Assert.Equal((held, harness.Controller.Audit.Tip), (witness.Dispute.Held, witness.Dispute.Tip));
        Assert.Equal(("a", held), (harness.Controller.AuditDisputes.Open.Single().Name, harness.Controller.AuditDisputes.Open.Single().Held));

        // It grows to the very number, and beyond.
        await CreateUserAsync(harness, "carol");
        back = back.Again();
        back.AttachTo();
        Assert.False((await back.NextAnswerAsync()).Dispute!.IsShorter);
        await CreateUserAsync(harness, "dave");
        back = back.Again();
        back.AttachTo();
        witness = await back.NextAnswerAsync();
        Assert.Equal((held, held.Ordering), (witness.Dispute!.Held, witness.Dispute.Shown.Ordering));
        Assert.NotEqual(held, witness.Dispute.Shown);

        // A node that has not seen the other history makes no complaint.
        var fresh = await JoinAsync(harness, "b");
        await fresh.AttachAsync();
        Assert.True((await fresh.NextAnswerAsync()).Agrees);
        Assert.Equal(["a"], harness.Controller.AuditDisputes.Open.Select(one => one.Name));
    }

    [Fact]
    public async Task What_lies_far_back_is_computed_from_the_journal_as_it_is_now()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var node = await JoinAsync(harness, "a");
        var held = node.Trust.Audit!.Held!;
        // So much later that nobody remembers it.
        for (var i = 0; i < 1100; i++)
            await harness.Store.WriteAsync([new Persistent(new UserCreated($"c{i}", "admin:root", harness.Clock.Now, $"u{i}"), 1, $"user-u{i}")]);
        await Until(() => harness.Controller.Audit.Tip.Count > 1100);
        Assert.Null(harness.Controller.Audit.Find(held.Ordering));
        await node.AttachAsync();
        var witness = await node.NextAnswerAsync();
        Assert.Null(witness.Dispute);

        // It was changed since: the controller itself has not noticed, the node does.
        harness.Store.Change(held.Ordering - 1, row => row with { CommandId = "another" });
        harness.Clock.Advance(TimeSpan.FromMinutes(2));
        var older = node.Again();
        older.HoldAgain(held);
        older.AttachTo();
        witness = await older.NextAnswerAsync();
        Assert.Equal(held, witness.Dispute!.Held);
        Assert.Equal(held.Count, witness.Dispute.Shown.Count);
        Assert.Single(harness.Controller.AuditDisputes.Open);
    }

    [Fact]
    public async Task One_node_has_the_journal_read_for_it_only_now_and_then()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var node = await JoinAsync(harness, "a");
        await node.AttachAsync();
        await node.NextAnswerAsync();
        var lying = node.Again();
        lying.HoldAgain(new AuditHead(1_000_000, 5, default));
        lying.AttachTo();
        Assert.True((await lying.NextAnswerAsync()).Dispute!.IsShorter);
        // At once again with another: no answer comes before the next map.
        lying = lying.Again();
        lying.HoldAgain(new AuditHead(2_000_000, 5, default));
        lying.AttachTo();
        await harness.AllowAsync(("*", "*"));
        var other = await JoinAsync(harness, "b");
        await lying.NextMapAsync();
        // Who asks later is answered later: the question has been looked at, at the time at which it was put.
        await other.AttachAsync();
        await other.NextAnswerAsync();
        Assert.DoesNotContain(lying.Seen, frame => frame.Audit is not null);
        harness.Clock.Advance(TimeSpan.FromSeconds(11));
        lying = lying.Again();
        lying.HoldAgain(new AuditHead(2_000_000, 5, default));
        lying.AttachTo();
        Assert.NotNull((await lying.NextAnswerAsync()).Dispute);
    }

    static async Task<TestNode> JoinAsync(ControllerHarness harness, string name)
    {
        var (machine, enrolled) = await harness.JoinAsync(name);
        return new TestNode(harness, machine, enrolled);
    }

    static async Task CreateUserAsync(ControllerHarness harness, string name) =>
        Assert.True((await harness.Controller.CreateUserAsync(name, harness.By("admin:root"))).IsDone);

    static async Task Until(Func<bool> condition)
    {
        for (var left = 500; !condition(); left--)
        {
            Assert.True(left > 0, "the condition did not become true");
            await Task.Delay(10);
        }
    }
}
