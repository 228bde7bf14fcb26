using System.Text.Json.Serialization;
using Mesh.Actors.Persistence;
using Mesh.Controller.Journal;
using Mesh.Tests.Kit.Persistence;

namespace Mesh.Bench.Actors;

/// <summary>Where a journal keeps its events.</summary>
enum Store
{
    /// <summary>In memory.</summary>
    Memory,

    /// <summary>In a file.</summary>
    Sqlite,

    /// <summary>In a database of a server that waits for the disk.</summary>
    Postgres,
}

/// <summary>
/// Where the events of one measurement go: to the memory journal, or to the controller's in a folder or a database that is removed.
/// </summary>
sealed class Ledger : IDisposable
{
    static readonly Lazy<PostgresServer> _server = new(static () => new PostgresServer(isDurable: true));

    readonly Action _remove = static () => { };
    readonly IDisposable? _offer;

    Ledger() { }

    Ledger(string place, Action remove)
    {
        _remove = remove;
        Database = JournalDatabase.Open(place);
        var name = $"bench-{Guid.NewGuid():N}";
        _offer = SqlJournal.Offer(name, Database, Serializer);
        Hocon = $$"""
            akka.persistence.journal {
              plugin = akka.persistence.journal.sql
              sql {
                class = "Mesh.Controller.Journal.SqlJournal, mesh-controller"
                database = "{{name}}"
              }
            }
            """;
    }

    /// <summary>Writes the events on disk.</summary>
    public static JsonEventSerializer Serializer { get; } =
        new(new EventManifests([EventManifest.Of("bench.deposited.v1", LedgerJson.Default.Deposited)]));

    /// <summary>What makes it the default journal of a system.</summary>
    public string Hocon { get; } = "";

    /// <summary>The database, if it is on disk.</summary>
    public JournalDatabase? Database { get; }

    public static Ledger Open(Store store, Effort effort)
    {
        switch (store)
        {
            case Store.Sqlite:
                var folder = Directory.CreateDirectory(Path.Combine(effort.Folder, $"mesh-bench-journal-{Guid.NewGuid():N}")).FullName;
                return new Ledger(Path.Combine(folder, "journal.db"), () => Directory.Delete(folder, recursive: true));
            case Store.Postgres:
                var uri = _server.Value.CreateDatabase();
                return new Ledger(uri, () => _server.Value.DropDatabase(uri));
            default:
                return new Ledger();
        }
    }

    /// <summary>What the journal's plugin makes of an event.</summary>
    public static JournalRow Row(string id, long sequenceNr, Deposited happened) => new(
        id, sequenceNr, DateTime.UtcNow.Ticks, Serializer.ToBinary(happened),
        Serializer.Identifier, Serializer.Manifest(happened), "bench", null);

    public void Dispose()
    {
        _offer?.Dispose();
        Database?.Dispose();
        _remove();
    }
}

/// <summary>What an <see cref="Account"/> persists.</summary>
sealed record Deposited(int Amount);

/// <summary>Has an <see cref="Account"/> persist one event for each time that it is sent.</summary>
sealed record Deposit(int Amount, Latch Persisted);

/// <summary>Has an <see cref="Account"/> persist several events at once.</summary>
sealed record DepositSeveral(int Count, Latch Persisted);

/// <summary>Tells how far the accounts of a measurement are.</summary>
sealed record AccountLife(Latch Recovered, Latch Stopped);

/// <summary>A persistent actor whose state is a sum.</summary>
sealed class Account : ReceivePersistentActor
{
    readonly AccountLife _life;
    long _sum;

    public Account(string id, AccountLife life)
    {
        PersistenceId = id;
        _life = life;
        Recover<Deposited>(Apply);
        Recover<RecoveryCompleted>(_ => life.Recovered.Signal());
        Command<Deposit>(command => Persist(new Deposited(command.Amount), happened =>
        {
            Apply(happened);
            command.Persisted.Signal();
        }));
        Command<DepositSeveral>(command => PersistAll(Enumerable.Repeat(new Deposited(1), command.Count), happened =>
        {
            Apply(happened);
            command.Persisted.Signal();
        }));
    }

    public override string PersistenceId { get; }

    protected override void PostStop() => _life.Stopped.Signal();

    void Apply(Deposited happened) => _sum += happened.Amount;
}

[JsonSerializable(typeof(Deposited))]
sealed partial class LedgerJson : JsonSerializerContext;
