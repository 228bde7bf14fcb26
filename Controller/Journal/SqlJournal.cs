using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Mesh.Actors.Persistence;

namespace Mesh.Controller.Journal;

/// <summary>
/// The journal plugin over a <see cref="JournalDatabase"/>. The program opens the database first, because a damaged one must stop the
/// start with its own exit code and the tail reads the same file; then it offers it under a name (<see cref="Offer"/>), and HOCON
/// names plugin and database: <c>class = "Mesh.Controller.Journal.SqlJournal, mesh-controller", database = NAME</c>. The serializer
/// comes with the offer and not by HOCON, because its event types are bound in code that trimming understands; the plugin itself is
/// kept from trimming by <see cref="Offer"/>. The same HOCON and the same constructor work under either actor engine.
/// Write conflicts are failures to the circuit breaker too, so configure <c>circuit-breaker.max-failures</c> well above the default.
/// </summary>
internal sealed class SqlJournal : AsyncWriteJournal
{
    private static readonly ConcurrentDictionary<string, Offered> Databases = new(StringComparer.Ordinal);

    private readonly JournalDatabase _database;
    private readonly SerializerWithStringManifest _serializer;

    public SqlJournal(Config config)
    {
        var name = config.GetString("database") ?? throw new ConfigurationException("the SQL journal has no setting `database`");
        if (!Databases.TryGetValue(name, out var offered))
            throw new ConfigurationException($"no journal database is open under the name \"{name}\"");
        (_database, _serializer, _) = offered;
    }

    /// <summary>Lets plugins find a database by name until the result is disposed; the database stays the caller's.</summary>
    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(SqlJournal))]
    public static IDisposable Offer(string name, JournalDatabase database, SerializerWithStringManifest serializer)
    {
        var offered = new Offered(database, serializer, name);
        return Databases.TryAdd(name, offered)
            ? offered
            : throw new InvalidOperationException($"a journal database is open under the name \"{name}\" already");
    }

    /// <inheritdoc/>
    public override Task ReplayMessagesAsync(
        IActorContext context,
        string persistenceId,
        long fromSequenceNr,
        long toSequenceNr,
        long max,
        Action<IPersistentRepresentation> recoveryCallback) =>
        _database.ReplayAsync(persistenceId, fromSequenceNr, toSequenceNr, max, row =>
        {
            // An entity whose content was pruned begins anew behind it.
            if (!row.IsPruned)
                recoveryCallback(Read(row));
        });

    /// <inheritdoc/>
    public override Task<long> ReadHighestSequenceNrAsync(string persistenceId, long fromSequenceNr) =>
        _database.HighestSequenceNrAsync(persistenceId);

    /// <inheritdoc/>
    protected override async Task<IImmutableList<Exception?>?> WriteMessagesAsync(IEnumerable<AtomicWrite> messages)
    {
        var rows = new List<JournalRow>();
        var outcomes = ImmutableArray.CreateBuilder<Exception?>();
        foreach (var write in messages)
        {
            var events = (IEnumerable<IPersistentRepresentation>)write.Payload;
            try
            {
                rows.AddRange(events.Select(Row).ToList());
                outcomes.Add(null);
            }
#pragma warning disable CA1031 // What cannot be serialised is rejected, whatever the serializer throws; the rest is written.
            catch (Exception rejection)
#pragma warning restore CA1031
            {
                // The actor goes on behind these numbers. Left free, they would be another writer's, whose events the actor never saw.
                rows.AddRange(events.Select(each => JournalRow.Spent(each.PersistenceId, each.SequenceNr, each.Timestamp)));
                outcomes.Add(rejection);
            }
        }

        if (rows.Count > 0)
            await _database.AppendAsync(rows).ConfigureAwait(false);
        return outcomes.ToImmutable();
    }

    /// <inheritdoc/>
    protected override Task DeleteMessagesToAsync(string persistenceId, long toSequenceNr) => _database.DeleteToAsync(persistenceId, toSequenceNr);

    private JournalRow Row(IPersistentRepresentation each) => new(
        each.PersistenceId,
        each.SequenceNr,
        each.Timestamp,
        _serializer.ToBinary(each.Payload),
        _serializer.Identifier,
        _serializer.Manifest(each.Payload),
        each.WriterGuid,
        (each.Payload as ICausedByCommand)?.CommandId);

    private Persistent Read(JournalRow row)
    {
        if (row.Identifier != _serializer.Identifier)
            throw new UnknownEventException($"event {row.SequenceNr} of {row.PersistenceId} was written by an unknown serializer ({row.Identifier})");
        return new Persistent(
            _serializer.FromBinary(row.Message, row.Manifest),
            row.SequenceNr,
            row.PersistenceId,
            row.Manifest,
            isDeleted: false,
            ActorRefs.NoSender,
            row.WriterUuid,
            row.CreatedTicks);
    }

    private sealed record Offered(JournalDatabase Database, SerializerWithStringManifest Serializer, string Name) : IDisposable
    {
        public void Dispose() => Databases.TryRemove(new KeyValuePair<string, Offered>(Name, this));
    }
}
