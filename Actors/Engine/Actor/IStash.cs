namespace Mesh.Actors.Engine.Actor;

/// <summary>Sets messages aside for later. On the actor's turn only.</summary>
public interface IStash
{
    /// <summary>Sets the message in hand aside.</summary>
    /// <exception cref="IllegalActorStateException">It is set aside already.</exception>
    /// <exception cref="StashOverflowException">The stash is full.</exception>
    void Stash();

    /// <summary>Puts the oldest message back, before all that wait in the mailbox.</summary>
    void Unstash();

    /// <summary>Puts all messages back in their order, before all that wait in the mailbox.</summary>
    void UnstashAll();

    /// <summary>Puts the messages that match back in their order; the others are gone.</summary>
    void UnstashAll(Func<Envelope, bool> predicate);

    /// <summary>Empties the stash and returns what was in it.</summary>
    IEnumerable<Envelope> ClearStash();

    /// <summary>Adds messages before those in the stash.</summary>
    void Prepend(IEnumerable<Envelope> envelopes);

    int Count { get; }

    bool IsEmpty { get; }

    bool NonEmpty { get; }

    bool IsFull { get; }

    /// <summary>How many messages fit; -1 for any number.</summary>
    int Capacity { get; }
}

/// <summary>An actor whose stash the engine fills in.</summary>
public interface IActorStash
{
    IStash Stash { get; set; }
}

/// <summary>Common to all kinds of stash.</summary>
public interface IWithUnrestrictedStash : IActorStash;

/// <summary>Gives an actor a stash, bounded if its props say so.</summary>
public interface IWithStash : IWithUnrestrictedStash;

/// <summary>Gives an actor a stash without bound.</summary>
public interface IWithUnboundedStash : IWithUnrestrictedStash;
