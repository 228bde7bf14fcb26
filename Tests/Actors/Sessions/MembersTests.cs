using Mesh.Actors.Registry;
using Mesh.Protocol.Trust;
using Mesh.Tests.Actors.Registry;

namespace Mesh.Tests.Actors.Sessions;

/// <summary>What is told to nodes where several controllers serve them.</summary>
public sealed class MembersTests
{
    [Fact]
    public async Task Another_controller_is_told_to_attached_nodes_and_so_is_its_end()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var node = await JoinAsync(harness, "a");
        await node.AttachAsync();
        var second = await DelegateAsync(harness);
        Assert.NotNull((await node.NextMapAsync()).Delta?.Controllers);
        Assert.Equal(2, node.Trust.Body!.Controllers.Count);
        Assert.Equal(["second.test:8443"], node.Trust.Body.Controllers.Single(one => one.Id == second.Controller).Addresses);

        Assert.True((await harness.Controller.WithdrawAsync(second.Controller, harness.By("admin:root"))).IsDone);
        Assert.NotNull((await node.NextMapAsync()).Delta?.Withdrawn);
        Assert.Equal([second.Controller], node.Trust.Body.Withdrawn);
        Assert.Equal(
            TrustRefusal.DelegationWithdrawn,
            node.Trust.TryReadDelegation(second.Delegation, harness.Clock.Now, DelegationRights.SignMaps, out _));
    }

    [Fact]
    public async Task A_stream_ends_with_the_controller_that_issued_its_certificate_and_the_others_go_on()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var second = await DelegateAsync(harness);
        var (a, b) = (await JoinAsync(harness, "a"), await JoinAsync(harness, "b"));
        a.Open(second.Controller);
        a.Attach();
        await a.NextMapAsync();
        b.Open(harness.Signer.Controller);
        b.Attach();
        await b.NextMapAsync();
        Assert.True((await harness.Controller.WithdrawAsync(second.Controller, harness.By("admin:root"))).IsDone);

        // It hears why before: what the withdrawn one says is refused from then on.
        await a.NextMapAsync();
        Assert.Equal([second.Controller], a.Trust.Body!.Withdrawn);
        Assert.Equal("certificate", await a.Closed);
        await b.NextMapAsync();
        Assert.True(harness.Controller.Queries.Presence(b.Id).Online);
        var again = a.Again();
        again.Open(second.Controller);
        Assert.Equal("certificate", await again.Closed);
    }

    [Fact]
    public async Task A_node_that_has_seen_more_waits_until_this_controller_has_seen_it_too()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var node = await JoinAsync(harness, "a");
        node.Open();
        var known = harness.Controller.Queries.View.Revision;
        node.Attach(ahead: known + 1 - node.Trust.Revision);
        // Behind the attach in the one queue there is: the node is not let in by then.
        Assert.True((await harness.Controller.CreateUserAsync("bob", harness.By("admin:root"))).IsDone);
        Assert.NotNull((await node.NextMapAsync()).Renewal);
        Assert.True(node.Trust.Revision > known);
        Assert.Single(node.Seen, frame => frame.Map is not null);
    }

    [Fact]
    public async Task A_node_that_has_seen_what_never_comes_goes_elsewhere()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var node = await JoinAsync(harness, "a");
        node.Open();
        node.Attach(ahead: 1000);
        Assert.Equal("behind", await node.Closed);
        Assert.DoesNotContain(node.Seen, frame => frame.Map is not null);
    }

    static async Task<TestSigner> DelegateAsync(ControllerHarness harness)
    {
        var second = new TestSigner(harness.Network, harness.Root, harness.Clock.Now, harness.Entropy);
        var outcome = await harness.Controller.DelegateAsync(
            second.Controller, second.Delegation, second.Authority, ["second.test:8443"], harness.By("system"));
        Assert.True(outcome.IsDone, outcome.Refusal?.Message);
        Assert.Equal(second.Authority, outcome.Value.Authority);
        return second;
    }

    static async Task<TestNode> JoinAsync(ControllerHarness harness, string name)
    {
        var (machine, enrolled) = await harness.JoinAsync(name);
        return new TestNode(harness, machine, enrolled);
    }
}
