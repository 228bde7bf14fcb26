namespace Mesh.Tests.Engine.Model;

/// <summary>Whom an operation is about, as far as the actor itself can name it.</summary>
enum TargetKind
{
    Self,
    Parent,
    Sender,

    /// <summary>One of the actor's children, by its place among them.</summary>
    Child,

    /// <summary>The child of a name, if there is one.</summary>
    Named,

    /// <summary>Any actor that was ever started, alive or dead.</summary>
    Known,
    DeadLetters,
}

readonly record struct Target(TargetKind Kind, int Index = 0);

/// <summary>One step of a script, for the engine and for the model alike.</summary>
abstract record Op;

sealed record TellOp(Target To, Errand Errand, bool Anonymous) : Op;

/// <summary>Passes the errand in hand on, with its sender.</summary>
sealed record ForwardOp(Target To) : Op;

sealed record SignalOp(Target To, Signal Signal) : Op;

/// <summary>Starts a child; without a name under one that the engine makes up.</summary>
sealed record SpawnOp(ActorSpec Spec, string? Name) : Op;

sealed record StopOp(Target Whom) : Op;

sealed record WatchOp(Target Whom, Errand? With) : Op;

sealed record UnwatchOp(Target Whom) : Op;

sealed record ThrowOp(FailureKind Kind, int Number) : Op;

/// <summary>Tries an operation that may be refused, and goes on.</summary>
sealed record AttemptOp(Op Tried) : Op;

sealed record BecomeOp(int Behaviour, bool Stacked) : Op;

sealed record UnbecomeOp : Op;

sealed record StashOp : Op;

sealed record UnstashOp : Op;

/// <summary>Puts all stashed messages back, or the errands of one colour only.</summary>
sealed record UnstashAllOp(int? Colour) : Op;

sealed record ClearStashOp : Op;

/// <summary>Starts a timer, periodic if it has an interval, with an errand or a signal.</summary>
sealed record TimerOp(string Key, object Payload, TimeSpan Initial, TimeSpan? Interval) : Op;

/// <summary>Cancels the timer of a key, or all.</summary>
sealed record CancelTimerOp(string? Key) : Op;

sealed record TimeoutOp(TimeSpan? After) : Op;

sealed record SubscribeOp(Channel Channel, bool On) : Op;

sealed record PublishOp(Announcement Announcement) : Op;

/// <summary>Writes down what the actor can see of itself.</summary>
sealed record InspectOp : Op;

/// <summary>Lets the rest of the errand wait for a gate that the run opens.</summary>
sealed record AwaitOp : Op;
