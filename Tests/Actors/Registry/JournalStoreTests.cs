using System.Text.Json.Serialization;
using Mesh.Actors.Events;
using Mesh.Actors.Persistence;
using Mesh.Actors.Ports;
using Mesh.Protocol.Time;
using Mesh.Tests.Actors.Ports;
using Mesh.Tests.Kit.Persistence;

namespace Mesh.Tests.Actors.Registry;

/// <summary>The journal in memory that controllers of these tests share does what those in databases do: what every plugin must.</summary>
public sealed class SharedMemoryJournalSpec : JournalSpec
{
    static readonly EventManifests Manifests = new([EventManifest.Of("test.tck.v1", TckEventJson.Default.TckEvent)]);
    readonly JournalStore _store;

    public SharedMemoryJournalSpec() : this(new JournalStore(Manifests).Offer())
    {
    }

    SharedMemoryJournalSpec(JournalStore store) : base(store.Hocon) => _store = store;

    protected override bool RejectsUnknownEvents => false;

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        await Sys.Terminate();
        _store.Dispose();
    }
}

/// <summary>And its tail does what theirs do.</summary>
public sealed class SharedMemoryJournalTailTests : JournalTailSpec
{
    protected override ITailedPlace NewPlace() => new Place();

    sealed class Place : ITailedPlace
    {
        readonly JournalStore _store = new();

        public ITailedJournal Open() => new Opened(_store);

        public void Dispose() => _store.Dispose();
    }

    // Whoever opens it has the same, as programs on one database have.
    sealed class Opened(JournalStore store) : ITailedJournal
    {
        public IJournalTail Tail => store;

        public async Task AppendAsync(params TailedRow[] rows)
        {
            foreach (var stretch in Stretches(rows))
            {
                if (stretch is [{ IsSpent: true } spent])
                    store.Spend(spent.Id, spent.Number);
                else
                    await store.WriteAsync([.. stretch.Select(row => new Persistent(Event(row), row.Number, row.Id))]);
            }
        }

        public Task DeleteToAsync(string id, long number)
        {
            store.DeleteTo(id, number);
            return Task.CompletedTask;
        }

        public (long CreatedMs, string Manifest, byte[] Payload) Expected(TailedRow row) =>
            (0, "user.created.v1", NetworkEvents.Manifests.Encode(Event(row)));

        public void Dispose()
        {
            // It is the place's.
        }

        static UserCreated Event(TailedRow row) => new(row.Command!, "root", WallTime.From(DateTimeOffset.UnixEpoch), $"{row.Id}-{row.Number}");

        // A number that is spent stands alone.
        static IEnumerable<TailedRow[]> Stretches(TailedRow[] rows)
        {
            for (var i = 0; i < rows.Length;)
            {
                var next = rows[i].IsSpent ? [rows[i]] : rows.Skip(i).TakeWhile(row => !row.IsSpent).ToArray();
                i += next.Length;
                yield return next;
            }
        }
    }
}

[JsonSerializable(typeof(TckEvent))]
internal sealed partial class TckEventJson : JsonSerializerContext;
