using System.Collections.Immutable;
using Mesh.Actors.Engine.Actor;

namespace Mesh.Actors.Engine.Persistence;

/// <summary>Events of one entity that a journal stores all or not at all.</summary>
public sealed class AtomicWrite : IPersistentEnvelope
{
    private readonly IImmutableList<IPersistentRepresentation> _events;

    /// <summary>Makes a write of one event.</summary>
    public AtomicWrite(IPersistentRepresentation @event)
        : this(ImmutableArray.Create(@event))
    {
    }

    /// <summary>Makes a write of several events of one entity in order.</summary>
    /// <exception cref="ArgumentException">There is none, or they are not all of one entity.</exception>
    public AtomicWrite(IImmutableList<IPersistentRepresentation> payload)
    {
        ArgumentNullException.ThrowIfNull(payload);
        if (payload.Count == 0)
            throw new ArgumentException("An atomic write holds at least one event.", nameof(payload));
        _events = payload;
        PersistenceId = payload[0].PersistenceId;
        foreach (var each in payload)
        {
            if (each.PersistenceId != PersistenceId)
                throw new ArgumentException($"An atomic write holds events of one entity, not of {PersistenceId} and {each.PersistenceId}.", nameof(payload));
        }
    }

    /// <summary>The events, an <see cref="IImmutableList{T}"/> of <see cref="IPersistentRepresentation"/>.</summary>
    public object Payload => _events;

    /// <summary>Always none: each event has its own.</summary>
    public IActorRef? Sender => ActorRefs.NoSender;

    /// <inheritdoc/>
    public int Size => _events.Count;

    /// <summary>Names the entity.</summary>
    public string PersistenceId { get; }

    /// <summary>The sequence number of the first event.</summary>
    public long LowestSequenceNr => _events[0].SequenceNr;

    /// <summary>The sequence number of the last event.</summary>
    public long HighestSequenceNr => _events[_events.Count - 1].SequenceNr;

    internal IImmutableList<IPersistentRepresentation> Events => _events;

    /// <inheritdoc/>
    public override string ToString() => $"AtomicWrite<{PersistenceId}, {LowestSequenceNr}..{HighestSequenceNr}>";
}

/// <summary>A deferred message: stored nowhere, it comes back in its place among the events.</summary>
internal sealed class NonPersistentMessage(object payload, IActorRef? sender) : IPersistentEnvelope
{
    public object Payload { get; } = payload;

    public IActorRef? Sender { get; } = sender;

    public int Size => 1;
}
