using Mesh.Actors.Engine.Actor;
using Mesh.Actors.Engine.Event;

namespace Mesh.Actors.Engine.Persistence;

/// <summary>Part of the talk between a persistent actor and its plugins.</summary>
public interface IPersistenceMessage : INoSerializationVerificationNeeded;

/// <summary>Part of the talk with a journal.</summary>
public interface IJournalMessage : IPersistenceMessage;

/// <summary>What a journal is asked.</summary>
public interface IJournalRequest : IJournalMessage;

/// <summary>What a journal answers.</summary>
public interface IJournalResponse : IJournalMessage;

/// <summary>Asks a journal to store what an actor persists while handling one command, in order.</summary>
public sealed record WriteMessages : IJournalRequest
{
    /// <summary>Makes the message.</summary>
    public WriteMessages(IEnumerable<IPersistentEnvelope> messages, IActorRef persistentActor, int actorInstanceId)
    {
        Messages = messages;
        PersistentActor = persistentActor;
        ActorInstanceId = actorInstanceId;
    }

    /// <summary>Writes and deferred messages in order.</summary>
    public IEnumerable<IPersistentEnvelope> Messages { get; }

    /// <summary>Who gets the replies.</summary>
    public IActorRef PersistentActor { get; }

    /// <summary>Comes back in every reply, so that a restarted actor can tell its own.</summary>
    public int ActorInstanceId { get; }
}

/// <summary>Says that the writes of a request were tried; one reply for each event follows.</summary>
public sealed class WriteMessagesSuccessful : IJournalResponse
{
    /// <summary>The one instance.</summary>
    public static WriteMessagesSuccessful Instance { get; } = new();

    private WriteMessagesSuccessful()
    {
    }
}

/// <summary>Says that the whole request failed, outcome unknown; a <see cref="WriteMessageFailure"/> for each event follows.</summary>
public sealed record WriteMessagesFailed : IJournalResponse
{
    /// <summary>Makes the message.</summary>
    public WriteMessagesFailed(Exception cause, int writeCount)
    {
        Cause = cause;
        WriteCount = writeCount;
    }

    /// <summary>What went wrong.</summary>
    public Exception Cause { get; }

    /// <summary>How many writes the request held.</summary>
    public int WriteCount { get; }
}

/// <summary>Says that an event is stored.</summary>
public sealed record WriteMessageSuccess : IJournalResponse
{
    /// <summary>Makes the message.</summary>
    public WriteMessageSuccess(IPersistentRepresentation persistent, int actorInstanceId)
    {
        Persistent = persistent;
        ActorInstanceId = actorInstanceId;
    }

    /// <summary>The event.</summary>
    public IPersistentRepresentation Persistent { get; }

    /// <summary>From the request.</summary>
    public int ActorInstanceId { get; }
}

/// <summary>Says that an event is not stored, and that the journal is well: the event cannot be written as it is.</summary>
public sealed record WriteMessageRejected : IJournalResponse
{
    /// <summary>Makes the message.</summary>
    public WriteMessageRejected(IPersistentRepresentation persistent, Exception cause, int actorInstanceId)
    {
        Persistent = persistent;
        Cause = cause;
        ActorInstanceId = actorInstanceId;
    }

    /// <summary>The event.</summary>
    public IPersistentRepresentation Persistent { get; }

    /// <summary>Why.</summary>
    public Exception Cause { get; }

    /// <summary>From the request.</summary>
    public int ActorInstanceId { get; }
}

/// <summary>Says that nobody knows whether an event is stored.</summary>
public sealed record WriteMessageFailure : IJournalResponse
{
    /// <summary>Makes the message.</summary>
    public WriteMessageFailure(IPersistentRepresentation persistent, Exception cause, int actorInstanceId)
    {
        Persistent = persistent;
        Cause = cause;
        ActorInstanceId = actorInstanceId;
    }

    /// <summary>The event.</summary>
    public IPersistentRepresentation Persistent { get; }

    /// <summary>What went wrong.</summary>
    public Exception Cause { get; }

    /// <summary>From the request.</summary>
    public int ActorInstanceId { get; }
}

/// <summary>Brings a deferred message back in its place among the events.</summary>
public sealed record LoopMessageSuccess : IJournalResponse
{
    /// <summary>Makes the message.</summary>
    public LoopMessageSuccess(object message, int actorInstanceId)
    {
        Message = message;
        ActorInstanceId = actorInstanceId;
    }

    /// <summary>The message.</summary>
    public object Message { get; }

    /// <summary>From the request.</summary>
    public int ActorInstanceId { get; }
}

/// <summary>Asks a journal for the events of an entity; both bounds are inclusive.</summary>
public sealed record ReplayMessages : IJournalRequest
{
    /// <summary>Makes the message.</summary>
    public ReplayMessages(long fromSequenceNr, long toSequenceNr, long max, string persistenceId, IActorRef persistentActor)
    {
        FromSequenceNr = fromSequenceNr;
        ToSequenceNr = toSequenceNr;
        Max = max;
        PersistenceId = persistenceId;
        PersistentActor = persistentActor;
    }

    /// <summary>The first sequence number wanted.</summary>
    public long FromSequenceNr { get; }

    /// <summary>The last sequence number wanted.</summary>
    public long ToSequenceNr { get; }

    /// <summary>How many events at most.</summary>
    public long Max { get; }

    /// <summary>Names the entity.</summary>
    public string PersistenceId { get; }

    /// <summary>Who gets them.</summary>
    public IActorRef PersistentActor { get; }

    /// <summary>Which instance of the actor asks; 0 if nobody said.</summary>
    internal int ActorInstanceId { get; init; }
}

/// <summary>Brings one event.</summary>
public sealed record ReplayedMessage : IJournalResponse, IDeadLetterSuppression
{
    /// <summary>Makes the message.</summary>
    public ReplayedMessage(IPersistentRepresentation persistent)
    {
        Persistent = persistent;
    }

    /// <summary>The event.</summary>
    public IPersistentRepresentation Persistent { get; }

    /// <summary>Which instance of the actor asked; 0 if nobody said.</summary>
    internal int ActorInstanceId { get; init; }
}

/// <summary>Ends a replay.</summary>
public sealed record RecoverySuccess : IJournalResponse, IDeadLetterSuppression
{
    /// <summary>Makes the message.</summary>
    public RecoverySuccess(long highestSequenceNr)
    {
        HighestSequenceNr = highestSequenceNr;
    }

    /// <summary>The highest sequence number ever stored for the entity, deleted events included; 0 for none.</summary>
    public long HighestSequenceNr { get; }

    /// <summary>Which instance of the actor asked; 0 if nobody said.</summary>
    internal int ActorInstanceId { get; init; }
}

/// <summary>Ends a replay that failed.</summary>
public sealed record ReplayMessagesFailure : IJournalResponse, IDeadLetterSuppression
{
    /// <summary>Makes the message.</summary>
    public ReplayMessagesFailure(Exception cause)
    {
        Cause = cause;
    }

    /// <summary>What went wrong.</summary>
    public Exception Cause { get; }

    /// <summary>Which instance of the actor asked; 0 if nobody said.</summary>
    internal int ActorInstanceId { get; init; }
}

/// <summary>Asks a journal to delete events.</summary>
public sealed record DeleteMessagesTo : IJournalRequest
{
    /// <summary>Makes the message.</summary>
    public DeleteMessagesTo(string persistenceId, long toSequenceNr, IActorRef persistentActor)
    {
        PersistenceId = persistenceId;
        ToSequenceNr = toSequenceNr;
        PersistentActor = persistentActor;
    }

    /// <summary>Names the entity.</summary>
    public string PersistenceId { get; }

    /// <summary>The last sequence number to go, inclusive.</summary>
    public long ToSequenceNr { get; }

    /// <summary>Who gets the reply.</summary>
    public IActorRef PersistentActor { get; }
}

/// <summary>Says that events are deleted.</summary>
public sealed record DeleteMessagesSuccess
{
    /// <summary>Makes the message.</summary>
    public DeleteMessagesSuccess(long toSequenceNr)
    {
        ToSequenceNr = toSequenceNr;
    }

    /// <summary>From the request.</summary>
    public long ToSequenceNr { get; }
}

/// <summary>Says that events could not be deleted.</summary>
public sealed record DeleteMessagesFailure : INoSerializationVerificationNeeded
{
    /// <summary>Makes the message.</summary>
    public DeleteMessagesFailure(Exception cause, long toSequenceNr)
    {
        Cause = cause;
        ToSequenceNr = toSequenceNr;
    }

    /// <summary>What went wrong.</summary>
    public Exception Cause { get; }

    /// <summary>From the request.</summary>
    public long ToSequenceNr { get; }
}
