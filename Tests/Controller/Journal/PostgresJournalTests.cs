using System.Collections.Concurrent;
using System.Diagnostics;
using Mesh.Actors.Ports;
using Mesh.Controller.Journal;
using Mesh.Tests.Actors.Ports;
using Mesh.Tests.Kit;
using Mesh.Tests.Kit.Persistence;
using Npgsql;
using Xunit.Abstractions;

namespace Mesh.Tests.Controller.Journal;

[NeedsPostgres]
public sealed class PostgresJournalTailTests : JournalTailSpec
{
    protected override ITailedPlace NewPlace() => new TailedDatabase(new TempPostgres());
}

[NeedsPostgres]
public sealed class PostgresJournalTests(ITestOutputHelper output) : JournalDatabaseSpec
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [SpecFact]
    public async Task Schema_is_the_layout_others_read()
    {
        using var journal = NewPlace();
        using (var database = journal.Open())
            await database.AppendAsync([TempJournal.Row("a", 1, command: "c-1"), JournalRow.Spent("a", 2, 7)]);
        Assert.Equal(
            "1|f|a|1|621355968010000000||a/1|100|test.happened.v1|writer|c-1\n2|t|a|2|7|||0|||\n",
            PostgresServer.Instance.Query(
                journal.Place,
                """
                SELECT ordering, deleted, persistence_id, sequence_number, created, tags, convert_from(message, 'UTF8'), identifier, manifest,
                    writer_uuid, command_id FROM journal ORDER BY ordering
                """));
        Assert.Equal(
            """
            ordering bigint NO
            deleted boolean NO
            persistence_id text NO
            sequence_number bigint NO
            created bigint NO
            tags text YES
            message bytea NO
            identifier integer YES
            manifest text YES
            writer_uuid text YES
            command_id text YES

            """,
            PostgresServer.Instance.Query(
                journal.Place,
                "SELECT column_name || ' ' || data_type || ' ' || is_nullable FROM information_schema.columns WHERE table_name = 'journal' ORDER BY ordinal_position"));
        Assert.Equal("2\n", PostgresServer.Instance.Query(journal.Place, "SELECT version FROM mesh_schema"));
    }

    [SpecFact]
    public async Task Tables_that_another_program_made_in_that_layout_are_taken_over()
    {
        using var journal = NewPlace();
        PostgresServer.Instance.Query(
            journal.Place,
            """
            CREATE TABLE journal(ordering BIGSERIAL PRIMARY KEY, deleted BOOLEAN NOT NULL DEFAULT FALSE, persistence_id VARCHAR(255) NOT NULL,
                sequence_number BIGINT NOT NULL, created BIGINT NOT NULL, tags TEXT NULL, message BYTEA NOT NULL, identifier INTEGER NULL,
                manifest VARCHAR(500) NULL, writer_uuid VARCHAR(128) NULL, UNIQUE(persistence_id, sequence_number));
            INSERT INTO journal(persistence_id, sequence_number, created, message) VALUES('a', 1, 0, 'x');
            """);
        using var database = journal.Open();
        Assert.Equal(1, await database.HighestSequenceNrAsync("a"));
        await database.AppendAsync([TempJournal.Row("a", 2)]);
        Assert.Equal([1L, 2], (await database.ReadAsync(0, 10, default)).Select(e => e.SequenceNr));
    }

    [SpecFact]
    public void A_journal_of_a_newer_program_is_refused()
    {
        using var journal = NewPlace();
        journal.Open().Dispose();
        PostgresServer.Instance.Query(journal.Place, "UPDATE mesh_schema SET version = 9");
        var refusal = Assert.Throws<JournalSchemaException>(() => journal.Open());
        Assert.Matches("^start refused: the journal postgresql://.* has schema version 9, this program knows up to 2; install a newer one$", refusal.Message);
    }

    [SpecFact]
    public void Where_a_journal_was_nobody_makes_an_empty_one()
    {
        using var journal = NewPlace();
        var refusal = Assert.Throws<JournalLostException>(() => PostgresJournal.Open(PostgresPlace.Parse(journal.Place), SchemaRights.Migrate));
        Assert.Matches(@"^start refused: postgresql://\S+ has no journal; restore it from a backup$", refusal.Message);
        journal.Open().Dispose();
        PostgresJournal.Open(PostgresPlace.Parse(journal.Place), SchemaRights.Migrate).Dispose();
    }

    [SpecFact]
    public void A_database_that_is_not_there_is_named()
    {
        var gone = NewPlace();
        gone.Dispose();
        var refusal = Assert.Throws<JournalUnavailableException>(() => gone.Open());
        Assert.Matches("""^cannot open the journal postgresql://\S+: database "\w+" does not exist$""", refusal.Message);
    }

    [SpecFact]
    public async Task A_server_that_goes_away_while_everything_is_read_is_said_so()
    {
        using var journal = NewPlace();
        using var database = journal.Open();
        // More than the driver has read ahead.
        await database.AppendAsync([.. Enumerable.Range(1, 200).Select(i => TempJournal.Row("a", i, new string('x', 20_000)))]);
        using var rows = database.ReadAll().GetEnumerator();
        Assert.True(rows.MoveNext());
        PostgresServer.Instance.Query(
            journal.Place, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
        var failure = Assert.Throws<JournalUnavailableException>(() =>
        {
            while (rows.MoveNext())
            {
                // To the end, or to where the connection was cut.
            }
        });
        Assert.Equal(Mesh.Controller.ExitCode.Unreachable, failure.ExitCode);
    }

    [SpecFact]
    public async Task Ten_programs_that_start_at_once_make_the_tables_once()
    {
        using var journal = NewPlace();
        var opened = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Task.Run(() => journal.Open())));
        await Task.WhenAll(opened.Select((database, i) => database.AppendAsync([TempJournal.Row($"a-{i}", 1)])));
        Assert.Equal(10, (await opened[0].ReadAsync(0, 100, default)).Count);
        foreach (var database in opened)
            database.Dispose();
    }

    [SpecFact]
    public async Task An_event_of_another_process_is_announced_and_not_only_found_by_asking()
    {
        using var journal = NewPlace();
        using var ours = journal.Open();
        using var theirs = journal.Open();
        var delays = new List<TimeSpan>();
        for (var sequence = 1; sequence <= 10; sequence++)
        {
            var highest = await ours.HighestOrderingAsync(default);
            var waiting = ours.WaitAsync(highest, Patience, default).AsTask();
            await theirs.AppendAsync([TempJournal.Row("a", sequence)]);
            var stopwatch = Stopwatch.StartNew();
            await waiting;
            delays.Add(stopwatch.Elapsed);
        }

        // Asking alone would take a quarter of a second on average.
        output.WriteLine($"heard of after {string.Join(", ", delays.Select(d => $"{d.TotalMilliseconds:0.0}"))} ms");
        Assert.True(delays.Order().ElementAt(5) < TimeSpan.FromMilliseconds(200), $"{delays.Order().ElementAt(5)}");
    }

    [SpecFact]
    public async Task Who_keeps_the_lock_holds_the_others_up_for_two_seconds_only()
    {
        using var journal = NewPlace();
        using var database = journal.Open();
        await database.AppendAsync([TempJournal.Row("a", 1)]);
        await using var source = NpgsqlDataSource.Create(PostgresPlace.Parse(journal.Place).Connection);
        await using (var holder = await source.OpenConnectionAsync())
        {
            await using var transaction = await holder.BeginTransactionAsync();
            await using (var take = new NpgsqlCommand("SELECT pg_advisory_xact_lock(1835365224, 1)", holder))
                await take.ExecuteNonQueryAsync();
            var stopwatch = Stopwatch.StartNew();
            var refusal = await Assert.ThrowsAsync<JournalWriteException>(() => database.AppendAsync([TempJournal.Row("a", 2)]).WaitAsync(Patience));
            Assert.Equal("cannot write to the journal: another program holds its lock", refusal.Message);
            Assert.InRange(stopwatch.Elapsed.TotalSeconds, 1.5, 10);
            Assert.Single(await database.ReadAsync(0, 10, default));
        }

        await database.AppendAsync([TempJournal.Row("a", 2)]);
    }

    [SpecFact]
    public async Task A_text_that_the_database_does_not_take_fails_only_its_own_writer()
    {
        using var journal = NewPlace();
        using var database = journal.Open();
        var writes = Enumerable.Range(0, 50).Select(i => database.AppendAsync([TempJournal.Row($"a-{i}", 1, command: i == 20 ? "\0" : "c")])).ToList();
        var refusal = await Assert.ThrowsAsync<JournalWriteException>(() => writes[20]);
        Assert.StartsWith("cannot write to the journal: ", refusal.Message, StringComparison.Ordinal);
        writes.RemoveAt(20);
        await Task.WhenAll(writes);
        Assert.Equal(49, (await database.ReadAsync(0, 100, default)).Count);
    }

    /// <summary>
    /// Programs that write, and somebody who ends their sessions. Whoever gets an error does not know whether it was stored, looks, and goes on.
    /// </summary>
    [SpecFact]
    public async Task Thirty_two_writers_whose_sessions_are_killed_leave_no_gap_no_duplicate_and_no_reordering_at_the_tail()
    {
        const int programs = 4, writersEach = 8;
        using var journal = NewPlace();
        var databases = Enumerable.Range(0, programs).Select(_ => journal.Open()).ToArray();
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(Requirements.Full ? 60 : 4));
        var acknowledged = new ConcurrentBag<(string Id, long Number, string Command)>();
        var (unknown, killed) = (0, 0);

        var following = Task.Run(FollowAsync);
        var killing = Task.Run(KillAsync);
        await Task.WhenAll(Enumerable.Range(0, programs * writersEach).Select(i => Task.Run(() => WriteAsync(databases[i % programs], $"w-{i}"))));
        await killing;
        using var last = journal.Open();
        var whole = await last.ReadAsync(0, int.MaxValue, default);
        var seen = await following.WaitAsync(Patience);

        output.WriteLine($"{whole.Count} events, {acknowledged.Count} acknowledged, {unknown} unknown to their writer, {killed} sessions killed");
        Assert.True(killed > 0 && unknown > 0, $"{killed} sessions killed, {unknown} unknown");
        Assert.Equal(whole.Select(e => e.Ordering).Order().Distinct(), seen.Select(e => e.Ordering));
        Assert.Equal(whole.Select(e => (e.PersistenceId, e.SequenceNr)), seen.Select(e => (e.PersistenceId, e.SequenceNr)));
        foreach (var entity in whole.GroupBy(e => e.PersistenceId))
            Assert.Equal(Enumerable.Range(1, entity.Count()).Select(i => (long)i), entity.Select(e => e.SequenceNr));
        var stored = whole.ToDictionary(e => (e.PersistenceId, e.SequenceNr), e => e.CommandId);
        Assert.All(acknowledged, each => Assert.Equal(each.Command, stored[(each.Id, each.Number)]));
        Assert.Equal(whole.Count, whole.Select(e => e.CommandId).Distinct().Count());
        foreach (var database in databases)
            database.Dispose();

        async Task WriteAsync(JournalDatabase database, string id)
        {
            var number = 0L;
            for (var attempt = 1; !stop.IsCancellationRequested; attempt++)
            {
                var command = $"{id}/{attempt}";
                try
                {
                    await database.AppendAsync([TempJournal.Row(id, number + 1, command: command)]);
                    number++;
                    acknowledged.Add((id, number, command));
                }
                catch (JournalException)
                {
                    Interlocked.Increment(ref unknown);
                    number = await HighestAsync(database, id);
                }
            }
        }

        async Task<long> HighestAsync(JournalDatabase database, string id)
        {
            while (true)
            {
                try
                {
                    return await database.HighestSequenceNrAsync(id);
                }
                catch (JournalException)
                {
                    // Killed again.
                }
            }
        }

        async Task KillAsync()
        {
            var random = new Random(1);
            await using var source = NpgsqlDataSource.Create(PostgresPlace.Parse(journal.Place).Connection);
            await using var connection = await source.OpenConnectionAsync();
            while (!stop.IsCancellationRequested)
            {
                await using var kill = new NpgsqlCommand(
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1
                    """,
                    connection);
                if (await kill.ExecuteScalarAsync() is true)
                    killed++;
                await Task.Delay(random.Next(5, 60));
            }
        }

        async Task<List<JournalEvent>> FollowAsync()
        {
            var seen = new List<JournalEvent>();
            var after = 0L;
            for (var quiet = 0; !stop.IsCancellationRequested || quiet < 3;)
            {
                try
                {
                    await databases[0].WaitAsync(after, TimeSpan.FromMilliseconds(200), default);
                    var next = await databases[0].ReadAsync(after, 97, default);
                    quiet = next.Count == 0 && stop.IsCancellationRequested ? quiet + 1 : 0;
                    seen.AddRange(next);
                    after = seen.Count == 0 ? 0 : seen[^1].Ordering;
                }
                catch (JournalException)
                {
                    // Killed too.
                }
            }

            return seen;
        }
    }

    private protected override ITempPlace NewPlace() => new TempPostgres();
}
