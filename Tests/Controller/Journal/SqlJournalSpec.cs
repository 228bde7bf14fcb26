using System.Text.Json.Serialization;
using Mesh.Actors.Persistence;
using Mesh.Controller.Journal;
using Mesh.Tests.Kit.Persistence;

namespace Mesh.Tests.Controller.Journal;

public sealed class SqlJournalSpec : JournalSpec
{
    private readonly OfferedJournal _journal;

    public SqlJournalSpec()
        : this(new OfferedJournal())
    {
    }

    private SqlJournalSpec(OfferedJournal journal)
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
    private readonly TempJournal _file = new();
    private readonly IDisposable _offer;
    private readonly string _name = $"test-{Guid.NewGuid():N}";

    public OfferedJournal()
    {
        Database = JournalDatabase.Open(_file.Path);
        _offer = SqlJournal.Offer(_name, Database, new JsonEventSerializer(Manifests));
    }

    public static EventManifests Manifests { get; } = new(
    [
        EventManifest.Of("test.tck.v1", TestEventJson.Default.TckEvent),
        EventManifest.Of("test.caused.v1", TestEventJson.Default.CausedEvent),
    ]);

    public JournalDatabase Database { get; }

    public string Path => _file.Path;

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
        _file.Dispose();
    }
}

internal sealed record CausedEvent(string CommandId, int Amount) : ICausedByCommand;

[JsonSerializable(typeof(TckEvent))]
[JsonSerializable(typeof(CausedEvent))]
internal sealed partial class TestEventJson : JsonSerializerContext;
