using Mesh.Actors.Cluster;
using Mesh.Controller.Cluster;
using Mesh.Controller.Journal;
using Mesh.Protocol.Identity;
using Mesh.Tests.Actors.Registry;
using Mesh.Tests.Kit.Persistence;

namespace Mesh.Tests.Controller.Cluster;

/// <summary>Several boards on one database, each as a process of its own would have it.</summary>
[NeedsPostgres]
public sealed class PostgresBoardTests : IAsyncLifetime
{
    static readonly ClusterTimes Times = new() { Lease = TimeSpan.FromMilliseconds(600) };
    static readonly ControllerId A = TypedId.Create<ControllerId>(new SeededEntropy(1));
    static readonly ControllerId B = TypedId.Create<ControllerId>(new SeededEntropy(2));

    readonly string _uri = PostgresServer.Instance.CreateDatabase();
    readonly List<ClusterDatabase> _databases = [];

    public Task InitializeAsync()
    {
        PostgresJournal.Open(PostgresPlace.Parse(_uri)).Dispose();
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        foreach (var database in _databases)
            await database.DisposeAsync();
        PostgresServer.Instance.DropDatabase(_uri);
    }

    [SpecFact]
    public async Task A_job_has_one_holder_and_passes_on_when_the_holder_dies_and_at_once_when_it_leaves()
    {
        var (a, b) = (await JoinAsync(A, "a"), await JoinAsync(B, "b"));
        Assert.Equal((A, 1L), await HolderAsync(a));
        Assert.Equal((A, 1L), await HolderAsync(b));
        Assert.Equal((A, 1L), await HolderAsync(a));

        // Dead: nothing is heard of it any more.
        await UntilAsync(async () => await HolderAsync(b) == (B, 2L));
        Assert.Equal((B, 2L), await HolderAsync(a));

        await b.Board.LeaveAsync(b.Self, b.Incarnation, MemberPhase.Stopping, default);
        Assert.Equal((A, 3L), await HolderAsync(a));
    }

    [SpecFact]
    public async Task A_stopping_controller_takes_no_job_and_one_that_stopped_is_not_revived_by_a_late_heartbeat()
    {
        var (a, b) = (await JoinAsync(A, "a"), await JoinAsync(B, "b"));
        var reading = (await a.Board.BeatAsync(a.Self, a.Incarnation, Beat() with { Phase = MemberPhase.Stopping }, default))!;
        Assert.Empty(reading.Jobs);
        Assert.Equal(MemberPhase.Stopping, reading.Members.Single(member => member.Controller == A).Phase);
        await a.Board.LeaveAsync(a.Self, a.Incarnation, MemberPhase.Stopped, default);
        Assert.Null(await a.Board.BeatAsync(a.Self, a.Incarnation, Beat(), default));
        var seen = (await b.Board.BeatAsync(b.Self, b.Incarnation, Beat(), default))!;
        Assert.Equal(MemberPhase.Stopped, seen.Members.Single(member => member.Controller == A).Phase);
        // Who left in order need not be waited for.
        Assert.Equal(a.Incarnation + 1, (await JoinAsync(A, "elsewhere")).Incarnation);
    }

    [SpecFact]
    public async Task A_second_process_of_a_living_controller_is_refused_and_of_a_dead_one_fences_what_comes_back()
    {
        var first = await JoinAsync(A, "a");
        using (var stop = new CancellationTokenSource())
        {
            var beating = Task.Run(async () =>
            {
                while (!stop.IsCancellationRequested)
                {
                    await first.Board.BeatAsync(first.Self, first.Incarnation, Beat(), default);
                    await Task.Delay(50);
                }
            });
            Assert.Null(await Board().JoinAsync(new MemberSelf(A, "1.0", "copy"), default));
            await stop.CancelAsync();
            await beating;
        }

        // It stands still; after its lease the copy may have the row.
        var second = await JoinAsync(A, "copy");
        Assert.Equal(first.Incarnation + 1, second.Incarnation);
        Assert.Null(await first.Board.BeatAsync(first.Self, first.Incarnation, Beat(), default));
        Assert.NotNull(await second.Board.BeatAsync(second.Self, second.Incarnation, Beat(), default));
        // What the fenced one asked for, it did not get.
        await first.Board.LeaveAsync(first.Self, first.Incarnation, MemberPhase.Stopped, default);
        var reading = (await second.Board.BeatAsync(second.Self, second.Incarnation, Beat(), default))!;
        Assert.Equal(MemberPhase.Serving, Assert.Single(reading.Members).Phase);
        Assert.Equal(A, Assert.Single(reading.Jobs).Holder);
    }

    [SpecFact]
    public async Task A_start_from_the_same_directory_does_not_wait_for_the_lease_of_the_one_that_crashed()
    {
        var slow = new ClusterTimes { Lease = TimeSpan.FromHours(1) };
        var self = new MemberSelf(A, "1.0", "here");
        var first = await new PostgresBoard(Database(), slow).JoinAsync(self, default);
        var second = await new PostgresBoard(Database(), slow).JoinAsync(self, default).WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(first + 1, second);
    }

    [SpecFact]
    public async Task A_database_that_was_set_back_gets_the_row_again()
    {
        var a = await JoinAsync(A, "a");
        PostgresServer.Instance.Query(_uri, "UPDATE mesh_member SET incarnation = 0");
        Assert.NotNull(await a.Board.BeatAsync(a.Self, a.Incarnation, Beat(), default));
        PostgresServer.Instance.Query(_uri, "DELETE FROM mesh_member; DELETE FROM mesh_lease");
        var reading = (await a.Board.BeatAsync(a.Self, a.Incarnation, Beat(), default))!;
        Assert.Equal(a.Incarnation, Assert.Single(reading.Members).Incarnation);
    }

    [SpecFact]
    public async Task What_a_heartbeat_says_is_what_the_others_read()
    {
        var (a, b) = (await JoinAsync(A, "a"), await JoinAsync(B, "b"));
        var said = new MemberBeat(["a.test:1", "[::1]:2"], "10.0.0.1:8443", MemberPhase.Serving, 77, 5, TimeSpan.FromSeconds(-31.5), []);
        await a.Board.BeatAsync(a.Self, a.Incarnation, said, default);
        var reading = (await b.Board.BeatAsync(b.Self, b.Incarnation, Beat(), default))!;
        var row = reading.Members.Single(member => member.Controller == A);
        Assert.Equal(
            ("1.0", "a.test:1 [::1]:2", "10.0.0.1:8443", 77L, 5, TimeSpan.FromSeconds(-31.5)),
            (row.Version, string.Join(' ', row.Addresses), row.Internal, row.Revision, row.Attached, row.ClockOffset));
        Assert.InRange((reading.Now - row.HeartbeatAt).TotalSeconds, 0, 20);
        Assert.InRange((row.HeartbeatAt - row.StartedAt).TotalSeconds, 0, 20);
    }

    [SpecFact]
    public async Task Connections_that_are_cut_cost_a_heartbeat_at_most()
    {
        var a = await JoinAsync(A, "a");
        await a.Board.BeatAsync(a.Self, a.Incarnation, Beat(), default);
        PostgresServer.Instance.Query(
            _uri, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
        await UntilAsync(async () =>
        {
            try
            {
                return await a.Board.BeatAsync(a.Self, a.Incarnation, Beat(), default) is not null;
            }
            catch (Npgsql.NpgsqlException)
            {
                return false;
            }
        });
    }

    [SpecFact]
    public async Task Tables_of_version_1_are_brought_to_version_2_by_one_of_those_that_start_at_once_and_events_stay()
    {
        PostgresServer.Instance.Query(
            _uri,
            """
            DROP TABLE mesh_member, mesh_lease, mesh_last_seen;
            UPDATE mesh_schema SET version = 1;
            INSERT INTO journal(persistence_id, sequence_number, created, message) VALUES('a', 1, 0, 'x');
            """);
        // Whoever only looks leaves them.
        using (var looking = PostgresJournal.Open(PostgresPlace.Parse(_uri), SchemaRights.None))
            Assert.Equal(1, looking.SchemaVersion);
        var opened = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Run(() => PostgresJournal.Open(PostgresPlace.Parse(_uri), SchemaRights.Migrate))));
        foreach (var journal in opened)
        {
            Assert.Equal(2, journal.SchemaVersion);
            Assert.Single(await journal.ReadAsync(0, 10, default));
            journal.Dispose();
        }
        Assert.Equal("2\n", PostgresServer.Instance.Query(_uri, "SELECT version FROM mesh_schema"));
        Assert.NotNull(await JoinAsync(A, "a"));
    }

    static MemberBeat Beat() => new(["a:1"], "a:1", MemberPhase.Serving, 1, 0, TimeSpan.Zero, ["sweep"]);

    static async Task<(ControllerId Holder, long Token)?> HolderAsync(Joined joined)
    {
        var reading = (await joined.Board.BeatAsync(joined.Self, joined.Incarnation, Beat(), default))!;
        return reading.Jobs.Where(job => job.Until > reading.Now).Select(job => ((ControllerId, long)?)(job.Holder, job.Token)).SingleOrDefault();
    }

    static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!await condition())
            await Task.Delay(20, patience.Token);
    }

    async Task<Joined> JoinAsync(ControllerId controller, string place)
    {
        var (board, self) = (Board(), new MemberSelf(controller, "1.0", place));
        return new Joined(board, self, (await board.JoinAsync(self, default).WaitAsync(TimeSpan.FromSeconds(20)))!.Value);
    }

    PostgresBoard Board() => new(Database(), Times);

    ClusterDatabase Database()
    {
        var database = new ClusterDatabase(PostgresPlace.Parse(_uri));
        _databases.Add(database);
        return database;
    }

    sealed record Joined(PostgresBoard Board, MemberSelf Self, long Incarnation);
}
