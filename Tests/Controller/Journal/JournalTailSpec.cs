using Mesh.Actors.Ports;
using Mesh.Controller.Journal;
using Mesh.Tests.Kit.Persistence;

namespace Mesh.Tests.Controller.Journal;

/// <summary>What everybody who follows a journal rests on, whatever database it is in.</summary>
public abstract class JournalTailSpec
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(20);

    [SpecFact]
    public async Task Existing_events_come_first_then_new_ones()
    {
        using var journal = NewPlace();
        using var database = journal.Open();
        await database.AppendAsync([TempJournal.Row("a", 1), TempJournal.Row("a", 2)]);
        IJournalTail tail = database;
        var existing = await tail.ReadAsync(0, 100, default);
        Assert.Equal(["a/1", "a/2"], existing.Select(Text));

        var waiting = tail.WaitAsync(existing[^1].Ordering, Long, default).AsTask();
        Assert.False(waiting.IsCompleted);
        await database.AppendAsync([TempJournal.Row("b", 1, command: "c")]);
        await waiting;
        var added = Assert.Single(await tail.ReadAsync(existing[^1].Ordering, 100, default));
        Assert.Equal(("b", 1L, 1000L, "test.happened.v1", "c"), (added.PersistenceId, added.SequenceNr, added.CreatedMs, added.Manifest, added.CommandId));
    }

    [SpecFact]
    public async Task Offset_is_exclusive_and_the_limit_holds()
    {
        using var journal = NewPlace();
        using var database = journal.Open();
        await database.AppendAsync([.. Enumerable.Range(1, 10).Select(i => TempJournal.Row("a", i))]);
        var third = (await database.ReadAsync(0, 3, default))[^1];
        Assert.Equal([4L, 5], (await database.ReadAsync(third.Ordering, 2, default)).Select(e => e.SequenceNr));
        var highest = await database.HighestOrderingAsync(default);
        Assert.Empty(await database.ReadAsync(highest, 10, default));
        Assert.Equal(10L, (await database.ReadAsync(highest - 1, 10, default)).Single().SequenceNr);
    }

    [SpecFact]
    public async Task Empty_journal_has_ordering_zero_and_waiting_ends_in_time()
    {
        using var journal = NewPlace();
        using var database = journal.Open();
        Assert.Equal(0, await database.HighestOrderingAsync(default));
        await database.WaitAsync(0, TimeSpan.FromMilliseconds(20), default);
        using var cancel = new CancellationTokenSource();
        var waiting = database.WaitAsync(0, Long, cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [SpecFact]
    public async Task What_is_no_event_wakes_nobody()
    {
        using var journal = NewPlace();
        using var database = journal.Open();
        await database.AppendAsync([TempJournal.Row("a", 1)]);
        var first = await database.HighestOrderingAsync(default);
        var waiting = database.WaitAsync(first, Long, default).AsTask();
        await database.AppendAsync([JournalRow.Spent("a", 2, 0)]);
        Assert.Equal(first, await database.HighestOrderingAsync(default));
        Assert.False(waiting.IsCompleted);
        await database.AppendAsync([JournalRow.Spent("a", 3, 0), TempJournal.Row("a", 4), JournalRow.Spent("a", 5, 0)]);
        await waiting;
        Assert.Equal([4L], (await database.ReadAsync(first, 10, default)).Select(e => e.SequenceNr));
        await database.DeleteToAsync("a", 5);
        Assert.Equal(0, await database.HighestOrderingAsync(default));
    }

    [SpecFact]
    public async Task Events_of_another_process_are_found()
    {
        using var journal = NewPlace();
        using var ours = journal.Open();
        using var theirs = journal.Open();
        var waiting = ours.WaitAsync(0, Long, default).AsTask();
        await theirs.AppendAsync([TempJournal.Row("a", 1)]);
        await waiting.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.Single(await ours.ReadAsync(0, 10, default));
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
                await ours.WaitAsync(offset, Long, default);
                foreach (var next in await ours.ReadAsync(offset, 97, default))
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
                await database.AppendAsync([TempJournal.Row($"writer-{writer}", sequence)]);
        })));
        await follow.WaitAsync(TimeSpan.FromSeconds(60));

        Assert.Equal(writers * each, seen.Count);
        Assert.Equal(seen.Count, seen.Select(e => e.Ordering).Distinct().Count());
        foreach (var entity in seen.GroupBy(e => e.PersistenceId))
            Assert.Equal(Enumerable.Range(1, each).Select(i => (long)i), entity.Select(e => e.SequenceNr));
    }

    private protected abstract ITempPlace NewPlace();

    private static string Text(JournalEvent e) => System.Text.Encoding.UTF8.GetString(e.Payload.Span);
}
