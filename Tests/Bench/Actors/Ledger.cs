using System.Text.Json.Serialization;
using Mesh.Actors.Persistence;
using Mesh.Controller.Journal;

namespace Mesh.Bench.Actors;

/// <summary>
/// Where the events of one measurement go: to the memory journal, or to the controller's on disk in a folder that is removed.
/// </summary>
sealed class Ledger : IDisposable
{
    readonly string? _folder;
    readonly IDisposable? _offer;

    Ledger() { }

    Ledger(string parent)
    {
        _folder = Directory.CreateDirectory(Path.Combine(parent, $"mesh-bench-journal-{Guid.NewGuid():N}")).FullName;
        Database = SqliteJournal.Open(Path.Combine(_folder, "journal.db"));
        var name = Path.GetFileName(_folder);
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

    public static Ledger Open(bool onDisk, Effort effort) => onDisk ? new Ledger(effort.Folder) : new Ledger();

    /// <summary>What the journal's plugin makes of an event.</summary>
    public static JournalRow Row(string id, long sequenceNr, Deposited happened) => new(
        id, sequenceNr, DateTime.UtcNow.Ticks, Serializer.ToBinary(happened),
        Serializer.Identifier, Serializer.Manifest(happened), "bench", null);

    public void Dispose()
    {
        _offer?.Dispose();
        Database?.Dispose();
        if (_folder is not null)
            Directory.Delete(_folder, recursive: true);
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
