using Mesh.Actors.Events;
using Mesh.Actors.Policy;
using Mesh.Actors.Registry;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;

namespace Mesh.Tests.Actors.Registry;

/// <summary>Has another controller be first, at the same entity and the same number, as often as it likes.</summary>
public sealed class LostRaceTests
{
    [Fact]
    public async Task A_command_that_loses_many_races_in_a_row_is_decided_again_each_time_and_answered_rightly()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var credential = (await harness.CredentialAsync()).Text;
        harness.Store.RaceAgainst("allocations", 9, left => Rival(harness, 10 - left, "laptop" + (left == 9 ? "" : $"-{9 - left}")));
        var outcome = await harness.Controller.EnrollAsync(new Machine(harness.Entropy, "laptop").Request(credential, harness.Clock.Now));
        Assert.True(outcome.Result.IsDone, outcome.Result.Refusal?.Message);
        var node = outcome.Result.Value.Node.Node;
        Assert.Equal(("laptop-9", "100.64.0.10"), (node.Name, node.Ipv4));
        Assert.Equal(10, harness.Store.Rows.Count(row => row.Event is AllocationReserved));
    }

    [Fact]
    public async Task One_that_never_wins_is_told_to_try_again_when_its_time_is_over()
    {
        await using var harness = await ControllerHarness.StartAsync(options: new ControllerOptions { CommandTimeout = TimeSpan.FromMilliseconds(500) });
        harness.Store.RaceAgainst("policy", int.MaxValue, left => new PolicySet($"rival{left}", "admin:b", harness.Clock.Now, $"version: 1 # {left}", PolicyDocument.Empty));
        var outcome = await harness.Controller.SetPolicyAsync("version: 1", PolicyText.Of(), harness.By("admin:root"));
        Assert.Equal(RefusalKind.Unavailable, outcome.Refusal?.Kind);
        harness.Store.RaceAgainst("policy", 0, _ => null!);
        Assert.True((await harness.Controller.SetPolicyAsync("version: 1", PolicyText.Of(), harness.By("admin:root"))).IsDone);
    }

    [Fact]
    public async Task Commands_that_wait_for_a_write_are_written_together_and_decided_one_upon_the_other()
    {
        await using var harness = await ControllerHarness.StartAsync();
        // All of them lose the first race as one write, and so the second, and are all there after the third.
        harness.Store.RaceAgainst("policy", 2, left => new PolicySet($"rival{left}", "admin:b", harness.Clock.Now, $"version: 1 # {left}", PolicyDocument.Empty));
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 100).Select(i => Task.Run(() =>
            harness.Controller.SetPolicyAsync($"version: 1 # {i % 50}", PolicyText.Of(), harness.By("admin:root")))));
        Assert.All(outcomes, outcome => Assert.True(outcome.IsDone, outcome.Refusal?.Message));
        var texts = harness.Store.Rows.Select(row => row.Event).OfType<PolicySet>().Select(set => set.Text).ToList();
        Assert.All(texts.Zip(texts.Skip(1)), pair => Assert.NotEqual(pair.First, pair.Second));
        Assert.All(Enumerable.Range(0, 50), i => Assert.Contains($"version: 1 # {i}", texts));
    }

    [Fact]
    public async Task An_entity_that_starts_again_reads_only_what_came_after_the_projection()
    {
        await using var harness = await ControllerHarness.StartAsync();
        for (var i = 0; i < 40; i++)
            await harness.JoinAsync("laptop");
        await harness.Store.WriteAsync([new Persistent(Rival(harness, 41, "laptop-40"), 41, "allocations", "allocation.reserved.v1")]);
        await harness.Controller.Queries.SeesAsync(view => view.Revision == harness.Store.Rows.Count);
        harness.Store.RaceAgainst("allocations", 1, _ => Rival(harness, 42, "laptop-41"));
        var (_, enrolled) = await harness.JoinAsync("laptop");
        Assert.Equal(("laptop-42", "100.64.0.43"), (enrolled.Node.Name, enrolled.Node.Node.Ipv4));
        Assert.InRange(harness.Store.Replayed("allocations"), 0, 2);
        // Behind it the numbers go on, and a whole replay tells the same.
        Assert.Equal(Enumerable.Range(1, 43), harness.Store.Rows.Where(row => row.Row.PersistenceId == "allocations").Select(row => (int)row.Row.SequenceNr));
        await harness.CrashAsync();
        await harness.StartAgainAsync();
        Assert.Equal("laptop-43", (await harness.JoinAsync("laptop")).Enrolled.Node.Name);
    }

    static AllocationReserved Rival(ControllerHarness harness, int number, string name) => new(
        $"rival{number}", "node:rival", harness.Clock.Now, TypedId.Create<CredentialId>(harness.Entropy), TypedId.Create<NodeId>(harness.Entropy), name,
        $"100.64.0.{number}", $"fd12:3456:789a::{number:x}", new Machine(harness.Entropy, name).Identity, new Machine(harness.Entropy, name).TunnelKey,
        "alice", []);
}
