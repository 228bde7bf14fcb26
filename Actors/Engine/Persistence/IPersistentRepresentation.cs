using Mesh.Actors.Engine.Actor;

namespace Mesh.Actors.Engine.Persistence;

/// <summary>What goes to the journal in one <see cref="WriteMessages"/>: writes, and messages that only keep their place in the order.</summary>
public interface IPersistentEnvelope
{
    /// <summary>The events of a write, or the deferred message.</summary>
    object Payload { get; }

    /// <summary>Who sent the command.</summary>
    IActorRef? Sender { get; }

    /// <summary>How many events it holds.</summary>
    int Size { get; }
}

/// <summary>An event as a journal sees it. Immutable.</summary>
public interface IPersistentRepresentation
{
    /// <summary>The event itself.</summary>
    object Payload { get; }

    /// <summary>Names the payload's type where the event and not the serializer does; empty if unused.</summary>
    string Manifest { get; }

    /// <summary>Names the entity.</summary>
    string PersistenceId { get; }

    /// <summary>Counts the events of the entity from 1.</summary>
    long SequenceNr { get; }

    /// <summary>True for events of a journal that marks and does not remove.</summary>
    bool IsDeleted { get; }

    /// <summary>Who sent the command; never stored.</summary>
    IActorRef? Sender { get; }

    /// <summary>Names the actor instance that wrote the event.</summary>
    string WriterGuid { get; }

    /// <summary>When the event was written, in 100 ns since 0001-01-01 UTC; 0 before the journal has it.</summary>
    long Timestamp { get; }

    /// <summary>Copies the event with another payload.</summary>
    IPersistentRepresentation WithPayload(object payload);

    /// <summary>Copies the event with another manifest.</summary>
    IPersistentRepresentation WithManifest(string manifest);

    /// <summary>Copies the event with a time.</summary>
    IPersistentRepresentation WithTimestamp(long newTimestamp);

    /// <summary>Copies the event with other coordinates.</summary>
    IPersistentRepresentation Update(long sequenceNr, string persistenceId, bool isDeleted, IActorRef? sender, string writerGuid);
}
