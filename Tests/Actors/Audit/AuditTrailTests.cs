using Mesh.Actors.Audit;
using Mesh.Actors.Ports;
using Mesh.Protocol.Audit;
using Mesh.Tests.Actors.Registry;
using Xunit.Abstractions;

namespace Mesh.Tests.Actors.Audit;

public sealed class AuditTrailTests(ITestOutputHelper output)
{
    [Fact]
    public void Any_head_is_remembered_or_few_events_behind_one_that_is()
    {
        var seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var trail = new AuditTrail();
        Assert.Equal(AuditHead.Empty, trail.Find(0));
        Assert.Null(trail.Find(1));
        var heads = new List<AuditHead> { AuditHead.Empty };
        for (var ordering = 0L; heads.Count <= 5000;)
        {
            ordering += random.Next(1, 4);
            heads.Add(heads[^1].Append(Event(ordering)));
            trail.Add(heads[^1]);
            // A follower that starts again repeats itself.
            if (random.Next(100) == 0)
                trail.Add(heads[random.Next(heads.Count)]);
        }
        Assert.Equal(heads[^1], trail.Tip);
        foreach (var head in heads)
        {
            if (trail.Find(head.Ordering) is { } found)
                Assert.Equal(head, found);
            else
                Assert.True(head.Count < heads.Count - 1000, $"{head} is not remembered");
            var before = trail.Before(head.Ordering);
            Assert.InRange(head.Count - before.Count, 0, AuditTrail.Spacing);
            Assert.Equal(heads[(int)before.Count], before);
            // Between two events there is no head.
            if (head.Count < heads.Count - 1 && heads[(int)head.Count + 1].Ordering > head.Ordering + 1)
                Assert.Null(trail.Find(head.Ordering + 1));
        }
    }

    [Fact]
    public void A_trail_that_begins_in_the_middle_knows_only_what_it_saw()
    {
        var trail = new AuditTrail();
        var start = new AuditHead(1000, 900, default);
        trail.Add(start);
        var next = start.Append(Event(1001));
        trail.Add(next);
        Assert.Equal((start, next, null, null), (trail.Find(1000), trail.Find(1001), trail.Find(999), trail.Find(876)));
        Assert.Equal(AuditHead.Empty, trail.Before(999));
        Assert.Equal(start, trail.Before(1001));
    }

    [Fact]
    public async Task Controllers_that_follow_one_journal_have_the_same_heads_and_a_restart_changes_none()
    {
        await using var harness = await ControllerHarness.StartAsync();
        await harness.JoinAsync("laptop");
        await harness.AllowAsync(("*", "*"));
        var first = harness.Controller.Queries.View;
        Assert.Equal(first.Revision, first.Audit.Ordering);
        Assert.Equal(harness.Store.Rows.Aggregate(AuditHead.Empty, (head, row) => head.Append(row.Row)), first.Audit);
        Assert.Equal(first.Audit, harness.Controller.Audit.Tip);
        await harness.CrashAsync();
        await harness.StartAgainAsync();
        Assert.Equal(first.Audit, harness.Controller.Queries.View.Audit);
        foreach (var row in harness.Store.Rows)
            Assert.Equal(row.Row.Ordering, harness.Controller.Audit.Find(row.Row.Ordering)!.Ordering);
    }

    static JournalEvent Event(long ordering) => new(ordering, "user-a", ordering, ordering, "user.created.v1", null, ReadOnlyMemory<byte>.Empty);
}
