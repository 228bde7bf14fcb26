using Mesh.Controller.Journal;

namespace Mesh.Tests.Controller.Journal;

public sealed class JournalDatabaseTests
{
    [Fact]
    public async Task Rows_come_back_as_written()
    {
        using var journal = new TempJournal();
        var row = TempJournal.Row("credential-1", 1, "{\"x\":1}", "command-7");
        using (var database = JournalDatabase.Open(journal.Path))
            await database.AppendAsync([row]);
        using var reopened = JournalDatabase.Open(journal.Path);
        var rows = new List<JournalRow>();
        await reopened.ReplayAsync("credential-1", 1, long.MaxValue, long.MaxValue, rows.Add);
        var read = Assert.Single(rows);
        Assert.Equal(row.Message, read.Message);
        Assert.Equal(row, read with { Message = row.Message });
    }

    [Fact]
    public async Task All_rows_of_an_append_or_none()
    {
        using var journal = new TempJournal();
        using var database = JournalDatabase.Open(journal.Path);
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
        using var journal = new TempJournal();
        using var database = JournalDatabase.Open(journal.Path);
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

    [Fact]
    public async Task Conflict_in_a_group_fails_only_its_own_writer()
    {
        using var journal = new TempJournal();
        using var database = JournalDatabase.Open(journal.Path);
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

    [Fact]
    public async Task Two_databases_on_one_file_race_and_one_wins_each_number()
    {
        using var journal = new TempJournal();
        using var one = JournalDatabase.Open(journal.Path);
        using var two = JournalDatabase.Open(journal.Path);
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

    [Fact]
    public async Task Highest_number_waits_for_the_write_before_it()
    {
        using var journal = new TempJournal();
        using var database = JournalDatabase.Open(journal.Path);
        for (var sequence = 1; sequence <= 100; sequence++)
        {
            var write = database.AppendAsync([TempJournal.Row("a", sequence)]);
            Assert.Equal(sequence, await database.HighestSequenceNrAsync("a"));
            await write;
        }
    }

    [Fact]
    public async Task Delete_keeps_the_highest_number()
    {
        using var journal = new TempJournal();
        using (var database = JournalDatabase.Open(journal.Path))
        {
            await database.AppendAsync([.. Enumerable.Range(1, 5).Select(i => TempJournal.Row("a", i))]);
            await database.DeleteToAsync("a", 3);
            await database.DeleteToAsync("a", 5);
        }

        using var reopened = JournalDatabase.Open(journal.Path);
        Assert.Equal(5, await reopened.HighestSequenceNrAsync("a"));
        await reopened.ReplayAsync("a", 1, long.MaxValue, long.MaxValue, _ => Assert.Fail("a deleted event came back"));
    }

    [Fact]
    public async Task Writes_after_dispose_fail()
    {
        using var journal = new TempJournal();
        var database = JournalDatabase.Open(journal.Path);
        database.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => database.AppendAsync([TempJournal.Row("a", 1)]));
    }

    [Fact]
    public async Task Schema_is_the_layout_others_read()
    {
        using var journal = new TempJournal();
        using (var database = JournalDatabase.Open(journal.Path))
            await database.AppendAsync([TempJournal.Row("a", 1, command: "c-1")]);
        using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={journal.Path};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = """
            SELECT ordering, deleted, persistence_id, sequence_number, created, tags, message, identifier, manifest, writer_uuid, command_id FROM journal
            """;
        using var row = command.ExecuteReader();
        Assert.True(row.Read());
        var values = new object[row.FieldCount];
        row.GetValues(values);
        values[6] = System.Text.Encoding.UTF8.GetString((byte[])values[6]);
        Assert.Equal(
            [1L, 0L, "a", 1L, 621355968010000000L, DBNull.Value, "a/1", 100L, "test.happened.v1", "writer", "c-1"], values);
    }

    [Fact]
    public void Schema_version_1_never_changes()
    {
        using var journal = new TempJournal();
        JournalDatabase.Open(journal.Path).Dispose();
        using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={journal.Path};Pooling=False");
        connection.Open();
        Assert.Equal(1, connection.Scalar("PRAGMA user_version"));
        Assert.Equal(
            [
                "ordering INTEGER 0 1", "deleted INTEGER 1 0", "persistence_id TEXT 1 0", "sequence_number INTEGER 1 0", "created INTEGER 1 0",
                "tags TEXT 0 0", "message BLOB 1 0", "identifier INTEGER 0 0", "manifest TEXT 0 0", "writer_uuid TEXT 0 0", "command_id TEXT 0 0",
            ],
            Rows("SELECT name || ' ' || type || ' ' || \"notnull\" || ' ' || pk FROM pragma_table_info('journal')"));
        Assert.Equal(
            ["ordering_id INTEGER 1 1", "tag TEXT 1 2", "sequence_nr INTEGER 1 0", "persistence_id TEXT 1 0"],
            Rows("SELECT name || ' ' || type || ' ' || \"notnull\" || ' ' || pk FROM pragma_table_info('tags')"));
        Assert.Equal(
            ["persistence_id", "sequence_number"],
            Rows("SELECT c.name FROM pragma_index_list('journal') AS i, pragma_index_info(i.name) AS c WHERE i.\"unique\" ORDER BY c.seqno"));
        Assert.Equal(["wal"], Rows("PRAGMA journal_mode"));

        List<string> Rows(string sql)
        {
            using var command = connection.CreateCommand();
            command.CommandText = sql;
            using var reader = command.ExecuteReader();
            var rows = new List<string>();
            while (reader.Read())
                rows.Add(reader.GetString(0));
            return rows;
        }
    }

    [Fact]
    public void File_is_for_its_owner_only()
    {
        using var journal = new TempJournal();
        using var database = JournalDatabase.Open(journal.Path);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(journal.Path));
    }
}
