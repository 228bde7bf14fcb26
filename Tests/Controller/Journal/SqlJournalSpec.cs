using System.Text.Json.Serialization;
using Mesh.Actors.Persistence;
using Mesh.Controller.Journal;
using Mesh.Tests.Kit.Persistence;

namespace Mesh.Tests.Controller.Journal;

public sealed class SqliteJournalSpec() : SqlJournalSpec(new OfferedJournal());

[NeedsPostgres]
public sealed class PostgresJournalSpec() : SqlJournalSpec(new OfferedJournal(new TempPostgres()));

public sealed class SqliteJournalActorTests : SqlJournalActorSpec
{
    private protected override ITempPlace NewPlace() => new TempJournal();
}

[NeedsPostgres]
public sealed class PostgresJournalActorTests : SqlJournalActorSpec
{
    private protected override ITempPlace NewPlace() => new TempPostgres();
}

/// <summary>What every journal plugin must do, over a database.</summary>
public abstract class SqlJournalSpec : JournalSpec
{
    private readonly OfferedJournal _journal;

    private protected SqlJournalSpec(OfferedJournal journal)
        : base(journal.Config) => _journal = journal;

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        await Sys.Terminate();
        _journal.Dispose();
    }
}

/// <summary>A database of its own under a name of its own, and the configuration that makes it the default journal.</summary>
internal sealed class OfferedJournal : IDisposable
{
    private readonly ITempPlace _place;
    private readonly IDisposable _offer;
    private readonly string _name = $"test-{Guid.NewGuid():N}";

    public OfferedJournal(ITempPlace? place = null)
    {
        _place = place ?? new TempJournal();
        Database = _place.Open();
        _offer = SqlJournal.Offer(_name, Database, new JsonEventSerializer(Manifests));
    }

    public static EventManifests Manifests { get; } = new(
    [
        EventManifest.Of("test.tck.v1", TestEventJson.Default.TckEvent),
        EventManifest.Of("test.caused.v1", TestEventJson.Default.CausedEvent),
    ]);

    public JournalDatabase Database { get; }

    public string Path => _place.Place;

    public Config Config => $$"""
        akka.persistence.journal {
          plugin = akka.persistence.journal.sql
          sql {
            class = "Mesh.Controller.Journal.SqlJournal, mesh-controller"
            database = "{{_name}}"
          }
        }
        """;

    public void Dispose()
    {
        _offer.Dispose();
        Database.Dispose();
        _place.Dispose();
    }
}

internal sealed record CausedEvent(string CommandId, int Amount) : ICausedByCommand;

[JsonSerializable(typeof(TckEvent))]
[JsonSerializable(typeof(CausedEvent))]
internal sealed partial class TestEventJson : JsonSerializerContext;
