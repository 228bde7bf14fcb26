using System.Collections.Immutable;
using Mesh.Actors.Engine.Actor;

namespace Mesh.Actors.Engine.Persistence.Journal;

/// <summary>Keeps events in memory, for as long as its actor lives. For tests, and for what need not survive.</summary>
public class MemoryJournal : AsyncWriteJournal
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Entity> _entities = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public override Task ReplayMessagesAsync(
        IActorContext context,
        string persistenceId,
        long fromSequenceNr,
        long toSequenceNr,
        long max,
        Action<IPersistentRepresentation> recoveryCallback)
    {
        ArgumentNullException.ThrowIfNull(recoveryCallback);
        IPersistentRepresentation[] events;
        lock (_lock)
        {
            events = !_entities.TryGetValue(persistenceId, out var entity)
                ? []
                : [.. entity.Events.Values.Where(each => each.SequenceNr >= fromSequenceNr && each.SequenceNr <= toSequenceNr)
                    .Take((int)Math.Min(max, int.MaxValue))];
        }

        foreach (var each in events)
            recoveryCallback(each);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override Task<long> ReadHighestSequenceNrAsync(string persistenceId, long fromSequenceNr)
    {
        lock (_lock)
            return Task.FromResult(_entities.TryGetValue(persistenceId, out var entity) ? entity.HighestSequenceNr : 0);
    }

    /// <inheritdoc/>
    protected override Task<IImmutableList<Exception?>?> WriteMessagesAsync(IEnumerable<AtomicWrite> messages)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var events = messages.SelectMany(write => write.Events).ToList();
        lock (_lock)
        {
            foreach (var each in events)
            {
                if (each.SequenceNr <= Find(each.PersistenceId).HighestSequenceNr)
                    throw new InvalidOperationException($"Another writer was first at {each.PersistenceId}, event {each.SequenceNr}.");
            }

            foreach (var each in events)
            {
                var entity = Find(each.PersistenceId);
                entity.Events.Add(each.SequenceNr, each);
                entity.HighestSequenceNr = Math.Max(entity.HighestSequenceNr, each.SequenceNr);
            }
        }

        return Task.FromResult<IImmutableList<Exception?>?>(null);
    }

    /// <inheritdoc/>
    protected override Task DeleteMessagesToAsync(string persistenceId, long toSequenceNr)
    {
        lock (_lock)
        {
            var events = Find(persistenceId).Events;
            while (events.Count > 0 && events.GetKeyAtIndex(0) <= toSequenceNr)
                events.RemoveAt(0);
        }

        return Task.CompletedTask;
    }

    private Entity Find(string persistenceId)
    {
        if (!_entities.TryGetValue(persistenceId, out var entity))
            _entities[persistenceId] = entity = new Entity();
        return entity;
    }

    private sealed class Entity
    {
        public SortedList<long, IPersistentRepresentation> Events { get; } = [];

        public long HighestSequenceNr { get; set; }
    }
}
