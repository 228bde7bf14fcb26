namespace Mesh.Tests.Engine.Persistence.Chaos;

/// <summary>A promise of persistence that a history breaks.</summary>
internal enum Breach
{
    /// <summary>A client was told that an event is stored, and the journal does not have it.</summary>
    AcknowledgedNotStored,

    /// <summary>An event's handler ran, and the journal does not have the event.</summary>
    HandledNotStored,

    /// <summary>The journal has an event twice, or the same part of one command twice.</summary>
    StoredTwice,

    /// <summary>The journal has an event that no actor persisted.</summary>
    StoredByNobody,

    /// <summary>The journal has, or replayed, an event that it rejected.</summary>
    RejectedButStored,

    /// <summary>A number is missing that no rejection and no failed request can have spent.</summary>
    Gap,

    /// <summary>Numbers do not rise in the journal, in a replay, from handler to handler, or from reply to reply.</summary>
    OutOfOrder,

    /// <summary>The journal has an event under another number than its handler saw or the client was told.</summary>
    Renumbered,

    /// <summary>The journal has a part of what was to be stored all or not at all.</summary>
    TornBatch,

    /// <summary>A recovered state is not the journal up to its number.</summary>
    RecoveredWrongly,

    /// <summary>An event that was acknowledged before an incarnation began is not in what it recovered.</summary>
    AcknowledgedNotRecovered,

    /// <summary>A snapshot is not the journal up to its number.</summary>
    WrongSnapshot,

    /// <summary>One incarnation saw an event twice.</summary>
    SeenTwice,

    /// <summary>Handlers did not run in the order of the calls.</summary>
    HandlersOutOfOrder,

    /// <summary>A command was taken while an event had to be waited for.</summary>
    CommandWhilePersisting,

    /// <summary>A command was taken, or an event handled, before recovery was over.</summary>
    CommandBeforeRecovery,

    /// <summary>A client's command was taken before an earlier one of it that was taken later.</summary>
    CommandsOutOfOrder,

    /// <summary>A writer sent a write while one was out.</summary>
    TwoWritesOut,

    /// <summary>A client was told of a command that it never sent.</summary>
    AcknowledgedToAnother,

    /// <summary>Something happened that nobody meant.</summary>
    SomethingStrange,
}

/// <summary>How a promise was broken, and by which of the entity's entries; by the whole where that is their number.</summary>
internal sealed record Violation(Breach Breach, string Entity, string What, int Entry);
