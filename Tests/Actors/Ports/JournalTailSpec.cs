using Mesh.Actors.Ports;
using Mesh.Tests.Kit.Persistence;

namespace Mesh.Tests.Actors.Ports;

/// <summary>What everybody who follows a journal rests on, whatever it is kept in.</summary>
public abstract class JournalTailSpec
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(20);

    [SpecFact]
    public async Task Existing_events_come_first_then_new_ones()
    {
        using var journal = NewPlace();
        using var database = journal.Open();
        await database.AppendAsync([new TailedRow("a", 1), new TailedRow("a", 2)]);
        var tail = database.Tail;
        var existing = await tail.ReadAsync(0, 100, default);
        Assert.Equal([("a", 1L), ("a", 2)], existing.Select(e => (e.PersistenceId, e.SequenceNr)));

        var waiting = tail.WaitAsync(existing[^1].Ordering, Long, default).AsTask();
        Assert.False(waiting.IsCompleted);
        var row = new TailedRow("b", 1, "c");
        await database.AppendAsync(row);
        await waiting;
        var added = Assert.Single(await tail.ReadAsync(existing[^1].Ordering, 100, default));
        var (created, manifest, payload) = database.Expected(row);
        Assert.Equal(("b", 1L, created, manifest, "c"), (added.PersistenceId, added.SequenceNr, added.CreatedMs, added.Manifest, added.CommandId));
        Assert.Equal(payload, added.Payload.ToArray());
    }

    [SpecFact]
    public async Task Offset_is_exclusive_and_the_limit_holds()
    {
        using var journal = NewPlace();
        using var database = journal.Open();
        await database.AppendAsync([.. Enumerable.Range(1, 10).Select(i => new TailedRow("a", i))]);
        var third = (await database.Tail.ReadAsync(0, 3, default))[^1];
        Assert.Equal([4L, 5], (await database.Tail.ReadAsync(third.Ordering, 2, default)).Select(e => e.SequenceNr));
        var highest = await database.Tail.HighestOrderingAsync(default);
        Assert.Empty(await database.Tail.ReadAsync(highest, 10, default));
        Assert.Equal(10L, (await database.Tail.ReadAsync(highest - 1, 10, default)).Single().SequenceNr);
    }

    [SpecFact]
    public async Task Empty_journal_has_ordering_zero_and_waiting_ends_in_time()
    {
        using var journal = NewPlace();
        using var database = journal.Open();
        Assert.Equal(0, await database.Tail.HighestOrderingAsync(default));
        await database.Tail.WaitAsync(0, TimeSpan.FromMilliseconds(20), default);
        using var cancel = new CancellationTokenSource();
        var waiting = database.Tail.WaitAsync(0, Long, cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [SpecFact]
    public async Task What_is_no_event_wakes_nobody()
    {
        using var journal = NewPlace();
        using var database = journal.Open();
        await database.AppendAsync([new TailedRow("a", 1)]);
        var first = await database.Tail.HighestOrderingAsync(default);
        var waiting = database.Tail.WaitAsync(first, Long, default).AsTask();
        await database.AppendAsync([new TailedRow("a", 2, IsSpent: true)]);
        Assert.Equal(first, await database.Tail.HighestOrderingAsync(default));
        Assert.False(waiting.IsCompleted);
        await database.AppendAsync([new TailedRow("a", 3, IsSpent: true), new TailedRow("a", 4), new TailedRow("a", 5, IsSpent: true)]);
        await waiting;
        Assert.Equal([4L], (await database.Tail.ReadAsync(first, 10, default)).Select(e => e.SequenceNr));
        await database.DeleteToAsync("a", 5);
        Assert.Equal(0, await database.Tail.HighestOrderingAsync(default));
    }

    [SpecFact]
    public async Task Events_of_another_process_are_found()
    {
        using var journal = NewPlace();
        using var ours = journal.Open();
        using var theirs = journal.Open();
        var waiting = ours.Tail.WaitAsync(0, Long, default).AsTask();
        await theirs.AppendAsync([new TailedRow("a", 1)]);
        await waiting.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.Single(await ours.Tail.ReadAsync(0, 10, default));
    }

    [SpecFact]
    public async Task No_miss_and_no_duplicate_under_concurrent_appends()
    {
        const int writers = 8;
        const int each = 250;
        using var journal = NewPlace();
        using var ours = journal.Open();
        using var theirs = journal.Open();
        var seen = new List<JournalEvent>();
        var follow = Task.Run(async () =>
        {
            var offset = 0L;
            while (seen.Count < writers * each)
            {
                await ours.Tail.WaitAsync(offset, Long, default);
                foreach (var next in await ours.Tail.ReadAsync(offset, 97, default))
                {
                    seen.Add(next);
                    offset = next.Ordering;
                }
            }
        });
        await Task.WhenAll(Enumerable.Range(0, writers).Select(writer => Task.Run(async () =>
        {
            var database = writer % 4 == 0 ? theirs : ours;
            for (var sequence = 1; sequence <= each; sequence++)
                await database.AppendAsync([new TailedRow($"writer-{writer}", sequence)]);
        })));
        await follow.WaitAsync(TimeSpan.FromSeconds(60));

        Assert.Equal(writers * each, seen.Count);
        Assert.Equal(seen.Count, seen.Select(e => e.Ordering).Distinct().Count());
        foreach (var entity in seen.GroupBy(e => e.PersistenceId))
            Assert.Equal(Enumerable.Range(1, each).Select(i => (long)i), entity.Select(e => e.SequenceNr));
    }

    protected abstract ITailedPlace NewPlace();
}
