using Mesh.Actors.Audit;
using Mesh.Controller.Journal;
using Mesh.Protocol.Crypto;
using Mesh.Tests.Kit.Persistence;

namespace Mesh.Tests.Controller.Journal;

/// <summary>What every database of the journal does.</summary>
public abstract class JournalDatabaseSpec
{
    [SpecFact]
    public async Task Rows_come_back_as_written()
    {
        using var journal = NewPlace();
        var row = TempJournal.Row("credential-1", 1, "{\"x\":1}", "command-7");
        using (var database = journal.Open())
            await database.AppendAsync([row]);
        using var reopened = journal.Open();
        var rows = new List<JournalRow>();
        await reopened.ReplayAsync("credential-1", 1, long.MaxValue, long.MaxValue, rows.Add);
        var read = Assert.Single(rows);
        Assert.Equal(row.Message, read.Message);
        Assert.Equal(row, read with { Message = row.Message });
    }

    [SpecFact]
    public async Task All_rows_of_an_append_or_none()
    {
        using var journal = NewPlace();
        using var database = journal.Open();
        await database.AppendAsync([TempJournal.Row("a", 1)]);
        await Assert.ThrowsAsync<JournalConflictException>(() => database.AppendAsync([TempJournal.Row("a", 2), TempJournal.Row("a", 1)]));
        Assert.Equal(1, await database.HighestSequenceNrAsync("a"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public async Task Only_the_number_behind_the_highest_is_taken(long other)
    {
        using var journal = NewPlace();
        using var database = journal.Open();
        await database.AppendAsync([TempJournal.Row("a", 1), TempJournal.Row("a", 2)]);
        // Not by a writer that has not seen a deletion either, whose numbers have no rows any more.
        await database.DeleteToAsync("a", 2);
        var refusal = await Assert.ThrowsAsync<JournalConflictException>(() => database.AppendAsync([TempJournal.Row("a", other)]));
        Assert.Equal(other, refusal.SequenceNr);
        await database.AppendAsync([JournalRow.Spent("a", 3, 0), TempJournal.Row("a", 4)]);
        Assert.Equal(4, await database.HighestSequenceNrAsync("a"));
        List<long> replayed = [];
        await database.ReplayAsync("a", 1, long.MaxValue, long.MaxValue, row => replayed.Add(row.SequenceNr));
        Assert.Equal([4L], replayed);
    }

    [SpecFact]
    public async Task Conflict_in_a_group_fails_only_its_own_writer()
    {
        using var journal = NewPlace();
        using var database = journal.Open();
        await database.AppendAsync([TempJournal.Row("fenced", 1)]);

        // All are queued before the writer is done with the first, so they share groups.
        var good = Enumerable.Range(1, 200).Select(i => database.AppendAsync([TempJournal.Row($"good-{i}", 1)])).ToList();
        var fenced = database.AppendAsync([TempJournal.Row("fenced", 1)]);
        good.AddRange(Enumerable.Range(201, 200).Select(i => database.AppendAsync([TempJournal.Row($"good-{i}", 1)])));

        await Task.WhenAll(good);
        var failure = await Assert.ThrowsAsync<JournalConflictException>(() => fenced);
        Assert.Equal("another writer was first at fenced", failure.Message);
        Assert.Equal(401, (await database.ReadAsync(0, 1000, default)).Count);
    }

    [SpecFact]
    public async Task Two_databases_on_one_file_race_and_one_wins_each_number()
    {
        using var journal = NewPlace();
        using var one = journal.Open();
        using var two = journal.Open();
        for (var sequence = 1; sequence <= 50; sequence++)
        {
            Task[] race = [one.AppendAsync([TempJournal.Row("a", sequence)]), two.AppendAsync([TempJournal.Row("a", sequence)])];
            var outcomes = await Task.WhenAll(race.Select(async write =>
            {
                try
                {
                    await write;
                    return true;
                }
                catch (JournalConflictException)
                {
                    return false;
                }
            }));
            Assert.Single(outcomes, won => won);
        }

        Assert.Equal(50, (await one.ReadAsync(0, 1000, default)).Count);
    }

    [SpecFact]
    public async Task Highest_number_waits_for_the_write_before_it()
    {
        using var journal = NewPlace();
        using var database = journal.Open();
        for (var sequence = 1; sequence <= 100; sequence++)
        {
            var write = database.AppendAsync([TempJournal.Row("a", sequence)]);
            Assert.Equal(sequence, await database.HighestSequenceNrAsync("a"));
            await write;
        }
    }

    [SpecFact]
    public async Task Delete_keeps_the_highest_number()
    {
        using var journal = NewPlace();
        using (var database = journal.Open())
        {
            await database.AppendAsync([.. Enumerable.Range(1, 5).Select(i => TempJournal.Row("a", i))]);
            await database.DeleteToAsync("a", 3);
            await database.DeleteToAsync("a", 5);
        }

        using var reopened = journal.Open();
        Assert.Equal(5, await reopened.HighestSequenceNrAsync("a"));
        await reopened.ReplayAsync("a", 1, long.MaxValue, long.MaxValue, _ => Assert.Fail("a deleted event came back"));
    }

    [SpecFact]
    public async Task Pruning_leaves_place_and_hash_and_nothing_to_replay()
    {
        using var journal = NewPlace();
        using var database = journal.Open();
        await database.AppendAsync([TempJournal.Row("node-a", 1, "{\"x\":1}", "c1")]);
        await database.AppendAsync([TempJournal.Row("node-b", 1, "{\"x\":2}", "c2")]);
        await database.AppendAsync([TempJournal.Row("node-a", 2, "{\"x\":3}"), JournalRow.Spent("node-a", 3, 0)]);
        var before = await database.ReadAsync(0, 10, default);
        await database.AppendAsync([TempJournal.Row("node-a", 4, "{\"x\":4}")]);
        for (var time = 0; time < 2; time++)
        {
            await database.PruneAsync(["node-a", "node-c"], before[^1].Ordering);
            var after = await database.ReadAsync(0, 10, default);
            Assert.Equal(before.Select(one => one.ToChainEntry()), after.Take(3).Select(one => one.ToChainEntry()));
            Assert.Equal([true, false, true, false], after.Select(one => one.IsPruned));
            Assert.Equal(Sha256.Hash("{\"x\":1}"u8).Value.Span.ToArray(), after[0].Payload.ToArray());
            Assert.Equal("{\"x\":2}"u8.ToArray(), after[1].Payload.ToArray());
            List<(long, bool)> replayed = [];
            await database.ReplayAsync("node-a", 1, long.MaxValue, long.MaxValue, row => replayed.Add((row.SequenceNr, row.IsPruned)));
            Assert.Equal([(1L, true), (2L, true), (4L, false)], replayed);
        }
        Assert.Equal(4, await database.HighestSequenceNrAsync("node-a"));

        // A copy tells the same.
        using var other = NewPlace();
        using var copy = other.Open();
        await copy.ImportAsync(database.ReadAll().ToList());
        Assert.Equal(
            (await database.ReadAsync(0, 10, default)).Select(one => (one.ToChainEntry(), one.IsPruned)),
            (await copy.ReadAsync(0, 10, default)).Select(one => (one.ToChainEntry(), one.IsPruned)));
    }

    [SpecFact]
    public async Task Writes_after_dispose_fail()
    {
        using var journal = NewPlace();
        var database = journal.Open();
        database.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => database.AppendAsync([TempJournal.Row("a", 1)]));
    }

    private protected abstract ITempPlace NewPlace();
}
