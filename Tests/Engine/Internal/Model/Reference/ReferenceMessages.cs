namespace Mesh.Tests.Engine.Model;

// Messages of the model that are not errands, signals or announcements.

/// <summary>Says to a watcher that an actor has ended.</summary>
sealed record Ended(ReferenceActor Actor, bool Confirmed);

/// <summary>What a timer puts into the mailbox.</summary>
sealed record Tick(Incarnation Owner, string Key, int Generation, bool IsQuiet);

/// <summary>Wakes an actor to see whether nothing came for long enough.</summary>
sealed class WakeUp;

/// <summary>Says that nothing came for long enough.</summary>
sealed record NothingCame;

/// <summary>Answers a request to identify oneself.</summary>
sealed record Identity(int? Subject);

/// <summary>What actors say to each other behind their scripts' backs; handled before and after each message.</summary>
abstract record Notice;

sealed record CreateNotice : Notice;

sealed record SuspendNotice : Notice;

/// <summary>Balances a suspension; with a failure if it answers the receiver's own.</summary>
sealed record ResumeNotice(ReferenceFailure? OwnFailure) : Notice;

sealed record RestartNotice(ReferenceFailure Cause) : Notice;

sealed record StopNotice : Notice;

sealed record WatchNotice(ReferenceActor Watcher) : Notice;

sealed record UnwatchNotice(ReferenceActor Watcher) : Notice;

sealed record FailedNotice(ReferenceActor Child, ReferenceFailure Cause) : Notice;

sealed record EndedNotice(ReferenceActor Actor, bool Confirmed) : Notice;

/// <summary>Lets an asynchronous handler go on.</summary>
sealed record GoOnNotice(ReferenceFailure? Thrown) : Notice;

/// <summary>A failure, in the model as in the engine thrown and caught.</summary>
sealed class ReferenceFailure(FailureKind kind, string text) : Exception(text)
{
    public FailureKind Kind { get; } = kind;
}

/// <summary>What the model has to know of messages: their names, and what engine messages and markers mean.</summary>
static class ReferenceMessages
{
    public static string Describe(object? message) => message switch
    {
        null => Line.Nothing,
        Signal.Pill => Line.Pill,
        Signal.Kill => Line.Kill,
        Signal.Identify => Line.Identify,
        Ended ended => Line.Terminated(ended.Actor.Number, ended.Confirmed),
        Tick tick => Line.Tick(tick.Key, tick.Generation),
        WakeUp => Line.TimeoutTick,
        NothingCame => Line.ReceiveTimeout,
        Identity identity => Line.Identity(identity.Subject),
        _ => $"{message}",
    };

    /// <summary>Says which messages are not worth a dead letter.</summary>
    public static bool IsMissedByNobody(object message) => message is Signal.Pill or Ended or Tick or WakeUp or IDeadLetterSuppression;

    /// <summary>Says which messages leave the receive timeout as it is.</summary>
    public static bool IsQuiet(object message) => message is Signal.Identify or INotInfluenceReceiveTimeout or Tick { IsQuiet: true };
}
