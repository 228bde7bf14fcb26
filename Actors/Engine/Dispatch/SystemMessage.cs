using Mesh.Actors.Engine.Actor;

namespace Mesh.Actors.Engine.Dispatch;

/// <summary>
/// What cells tell each other behind the actors' backs. Each is a link of the receiver's queue, so one object is never sent twice.
/// </summary>
abstract class SystemMessage
{
    internal SystemMessage? Next;

    /// <summary>True if it waits while this cell has failed.</summary>
    public virtual bool WaitsWhileFailed => false;

    /// <summary>True if it waits while a restart waits for children.</summary>
    public virtual bool WaitsForChildren => false;
}

sealed class Create : SystemMessage;

sealed class Recreate(Exception cause) : SystemMessage
{
    public Exception Cause { get; } = cause;

    public override bool WaitsForChildren => true;
}

sealed class Suspend : SystemMessage
{
    public override bool WaitsForChildren => true;
}

/// <summary>Balances a <see cref="Suspend"/>; a cause says that it answers the cell's own failure.</summary>
sealed class Resume(Exception? causedByFailure) : SystemMessage
{
    public Exception? CausedByFailure { get; } = causedByFailure;

    public override bool WaitsForChildren => true;
}

sealed class Terminate : SystemMessage;

sealed class Watch(IInternalActorRef watchee, IInternalActorRef watcher) : SystemMessage
{
    public IInternalActorRef Watchee { get; } = watchee;

    public IInternalActorRef Watcher { get; } = watcher;
}

sealed class Unwatch(IInternalActorRef watchee, IInternalActorRef watcher) : SystemMessage
{
    public IInternalActorRef Watchee { get; } = watchee;

    public IInternalActorRef Watcher { get; } = watcher;
}

sealed class Failed(IInternalActorRef child, Exception cause, long uid) : SystemMessage
{
    public IInternalActorRef Child { get; } = child;

    public Exception Cause { get; } = cause;

    public long Uid { get; } = uid;

    public override bool WaitsWhileFailed => true;

    public override bool WaitsForChildren => true;

    public override string ToString() => $"<Failed>: {Child} {Cause.Message}";
}

sealed class DeathWatchNotification(IActorRef actor, bool existenceConfirmed) : SystemMessage
{
    public IActorRef Actor { get; } = actor;

    public bool ExistenceConfirmed { get; } = existenceConfirmed;
}

/// <summary>Brings a continuation of an asynchronous handler back to its actor.</summary>
sealed class RunScheduledTask(ActorTaskScheduler scheduler, Task task) : SystemMessage
{
    public ActorTaskScheduler Scheduler { get; } = scheduler;

    public Task Task { get; } = task;
}
