using System.Text.Json.Serialization;
using Mesh.Actors.Persistence;
using Mesh.Controller.Journal;
using Mesh.Tests.Engine.Persistence.Chaos;
using Xunit.Abstractions;

namespace Mesh.Tests.Controller.Journal;

/// <summary>The same entities, clients and checker as over the memory journal; here it is the database itself that misbehaves.</summary>
public sealed class SqlJournalChaosTests(ITestOutputHelper output)
{
    private static readonly ChaosOdds Odds = ChaosOdds.Wild with
    {
        CallTimeout = TimeSpan.FromMilliseconds(200),
        ClientPatience = TimeSpan.FromMilliseconds(80),
    };

    [Fact]
    public async Task What_is_acknowledged_survives_a_database_that_is_locked_full_and_interrupted()
    {
        var series = new ChaosSeries(output);
        await series.RunAsync(seed => new ChaosWorld(seed, Odds, series.Figures), PlayAsync);
        if (series.IsRerun)
            return;
        var figures = series.Figures;
        Assert.All(
            [figures.Acknowledged, figures.Unknown, figures.Rejected, figures.FailedWrites, figures.Restarts, figures.FailedRecoveries],
            count => Assert.NotEqual(0, count));
    }

    private static async Task<IReadOnlyList<Violation>> PlayAsync(ChaosWorld world)
    {
        using var file = new TempJournal();
        await using (var program = Program.Open(file.Path, world))
        {
            var raging = new JournalDemon(program.Database, world).RunAsync();
            try
            {
                await program.Run.PlayAsync(program.System);
            }
            finally
            {
                world.BecomeCalm();
                await raging;
            }
        }

        // Opening checks the file; the journal is read and recovered from by another program.
        await using var next = Program.Open(file.Path, world);
        await next.Run.ReadAsync(next.System);
        await CheckTailAsync(next.Database, world);
        return next.Run.Judge();
    }

    /// <summary>The tail has the same events, an entity's in the order of their numbers.</summary>
    private static async Task CheckTailAsync(SqliteJournal database, ChaosWorld world)
    {
        var tail = (await database.ReadAsync(0, int.MaxValue, default)).ToLookup(row => row.PersistenceId, row => row.SequenceNr);
        foreach (var stored in world.History.Entries.OfType<Stored>().GroupBy(stored => stored.Entity, stored => stored.SequenceNr))
            Assert.Equal(stored, tail[stored.Key]);
    }

    /// <summary>A database, and an actor system whose journal it is.</summary>
    private sealed class Program : IAsyncDisposable
    {
        private readonly IDisposable _offer;

        private Program(SqliteJournal database, ChaosWorld world)
        {
            var name = $"chaos-{Guid.NewGuid():N}";
            Database = database;
            var manifests = new EventManifests([EventManifest.Of("test.chaos.v1", ChaosEventJson.Default.ChaosEvent)]);
            _offer = SqlJournal.Offer(name, database, new JsonEventSerializer(manifests));
            Run = new ChaosRun(world, new ChaosStage
            {
                Journal = $"""
                    class = "Mesh.Controller.Journal.SqlJournal, mesh-controller"
                    database = "{name}"
                    """,
                Entities = 6,
                Commands = 12,
            });
            System = Run.Start();
        }

        public SqliteJournal Database { get; }

        public ChaosRun Run { get; }

        public ActorSystem System { get; }

        public static Program Open(string path, ChaosWorld world) => new(SqliteJournal.Open(path), world);

        public async ValueTask DisposeAsync()
        {
            await System.Terminate();
            _offer.Dispose();
            Database.Dispose();
        }
    }
}

[JsonSerializable(typeof(ChaosEvent))]
internal sealed partial class ChaosEventJson : JsonSerializerContext;
