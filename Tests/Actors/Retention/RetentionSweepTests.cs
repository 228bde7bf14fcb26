using Mesh.Actors.Events;
using Mesh.Actors.Ports;
using Mesh.Actors.Registry;
using Mesh.Actors.Retention;
using Mesh.Protocol.Time;
using Mesh.Tests.Actors.Registry;

namespace Mesh.Tests.Actors.Retention;

/// <summary>A controller with a retention, on virtual days.</summary>
public sealed class RetentionSweepTests
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task What_ended_is_forgotten_when_its_time_has_come_and_not_before()
    {
        await using var harness = new ControllerHarness(3);
        harness.Options = harness.Options with { Retention = TimeSpan.FromDays(60), RetentionInterval = TimeSpan.FromMilliseconds(50) };
        await harness.StartFirstAsync();
        var (machine, enrolled) = await harness.JoinAsync("gone");
        var (_, stays) = await harness.JoinAsync("stays");
        Assert.True((await harness.Controller.RevokeNodeAsync(enrolled.Node.Id, TimeSpan.Zero, harness.By("admin:root"))).IsDone);

        harness.Clock.Advance(TimeSpan.FromDays(59));
        await Task.Delay(300);
        Assert.DoesNotContain(harness.Store.Rows, row => row.Row.IsPruned || row.Event is HistoryPruned);

        harness.Clock.Advance(TimeSpan.FromDays(2));
        await Eventually(() => harness.Store.Rows.Count(row => row.Row.IsPruned) == 4);
        Assert.Single(harness.Store.Rows, row => row.Event is HistoryPruned);
        Assert.False(harness.Controller.Queries.View.Nodes.ContainsKey(enrolled.Node.Id));
        Assert.Contains(stays.Node.Id, harness.Controller.Queries.View.Present);
        var head = harness.Controller.Audit.Tip;

        // The next one knows no more of it, and the machine may join as one that was never there.
        await harness.CrashAsync();
        await harness.StartAgainAsync();
        Assert.Equal(head, harness.Controller.Audit.Tip);
        Assert.False(harness.Controller.Queries.View.Nodes.ContainsKey(enrolled.Node.Id));
        var back = await harness.Controller.EnrollAsync(machine.Request((await harness.CredentialAsync()).Text, harness.Clock.Now));
        Assert.True(back.Result.IsDone, back.Result.Refusal?.Message);
        Assert.Contains(back.Result.Value.Node.Id, harness.Controller.Queries.View.Present);
    }

    [Fact]
    public async Task What_was_decided_and_not_carried_out_is_finished_after_a_start()
    {
        await using var harness = await ControllerHarness.StartAsync(4, new ControllerOptions
        {
            CommandTimeout = TimeSpan.FromSeconds(5), RetentionInterval = TimeSpan.FromMilliseconds(50),
        });
        var (_, enrolled) = await harness.JoinAsync("gone");
        Assert.True((await harness.Controller.RevokeNodeAsync(enrolled.Node.Id, TimeSpan.Zero, harness.By("admin:root"))).IsDone);
        await harness.Controller.WhenAsync(view => view.PendingReleases.IsEmpty, default);
        harness.Clock.Advance(TimeSpan.FromDays(100));
        harness.Store.FailPruning = true;
        var before = harness.Clock.Now - TimeSpan.FromDays(90);
        var refused = await harness.Controller.PruneAsync(before, dryRun: false, harness.By("admin:root"));
        Assert.Equal(RefusalKind.Unavailable, refused.Refusal?.Kind);
        Assert.Contains(harness.Store.Rows, row => row.Event is HistoryPruned);
        Assert.DoesNotContain(harness.Store.Rows, row => row.Row.IsPruned);

        await harness.CrashAsync();
        harness.Store.FailPruning = false;
        await harness.StartAgainAsync();
        await Eventually(() => harness.Store.Rows.Count(row => row.Row.IsPruned) == 4);
        Assert.Single(harness.Store.Rows, row => row.Event is HistoryPruned);
    }

    [Fact]
    public async Task A_revocation_whose_content_was_taken_away_stops_the_controller_instead_of_being_undone()
    {
        await using var harness = await ControllerHarness.StartAsync(5);
        var (_, enrolled) = await harness.JoinAsync("gone");
        Assert.True((await harness.Controller.RevokeNodeAsync(enrolled.Node.Id, TimeSpan.Zero, harness.By("admin:root"))).IsDone);
        await harness.CrashAsync();
        var revocation = harness.Store.Rows.Single(row => row.Event is NodeRevoked).Row;
        harness.Store.Change(revocation.Ordering, JournalStore.WithoutContent);
        var start = harness.StartAgainAsync();
        await Assert.ThrowsAsync<TimeoutException>(() => start.WaitAsync(TimeSpan.FromSeconds(2)));
    }

    static async Task Eventually(Func<bool> condition)
    {
        var end = DateTime.UtcNow + Patience;
        while (!condition())
        {
            Assert.True(DateTime.UtcNow < end, "it did not happen");
            await Task.Delay(20);
        }
    }
}
