namespace Mesh.Actors.Engine.Actor;

/// <summary>Base of what the engine throws.</summary>
public abstract class AkkaException : Exception
{
    protected AkkaException() { }

    protected AkkaException(string message, Exception? cause = null)
        : base(message, cause)
    {
    }

    protected Exception? Cause => InnerException;
}

/// <summary>The constructor or <c>PreStart</c> of an actor threw; the inner exception says what.</summary>
public class ActorInitializationException : AkkaException
{
    public ActorInitializationException() { }

    public ActorInitializationException(string message)
        : base(message)
    {
    }

    public ActorInitializationException(string message, Exception cause)
        : base(message, cause)
    {
    }

    public ActorInitializationException(IActorRef actor, string message, Exception? cause = null)
        : base(message, cause) => Actor = actor;

    public IActorRef? Actor { get; set; }

    public override string ToString() => Actor is null ? base.ToString() : $"{Actor}: {base.ToString()}";
}

/// <summary><c>PreRestart</c> of an actor threw. Only ever logged.</summary>
public class PreRestartException(IActorRef actor, Exception restartException, Exception cause, object? optionalMessage)
    : ActorInitializationException(
        actor,
        $"Exception in PreRestart ({restartException.GetType()}: {restartException.Message}), caused by {cause?.Message}",
        restartException)
{
    public Exception RestartException { get; } = restartException;

    /// <summary>The message that was in hand when the actor failed.</summary>
    public object? OptionalMessage { get; } = optionalMessage;
}

/// <summary>The constructor or <c>PostRestart</c> threw during a restart.</summary>
public class PostRestartException(IActorRef actor, Exception cause, Exception originalCause)
    : ActorInitializationException(actor, $"Exception post restart ({originalCause?.GetType().ToString() ?? "null"})", cause)
{
    /// <summary>The exception that led to the restart.</summary>
    public Exception? OriginalCause { get; } = originalCause;
}

/// <summary>The actor received <see cref="Kill"/>.</summary>
public class ActorKilledException : AkkaException
{
    public ActorKilledException() { }

    public ActorKilledException(string message)
        : base(message)
    {
    }
}

/// <summary>A watched actor stopped and the watcher did not handle <see cref="Terminated"/>.</summary>
public class DeathPactException(IActorRef deadActor) : AkkaException($"Monitored actor [{deadActor}] terminated")
{
    public IActorRef DeadActor { get; } = deadActor;
}

/// <summary>The name is malformed or in use.</summary>
public class InvalidActorNameException : AkkaException
{
    public InvalidActorNameException(string message)
        : base(message)
    {
    }

    public InvalidActorNameException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}

/// <summary>No answer came in time.</summary>
public class AskTimeoutException(string message) : AkkaException(message);

/// <summary>The stash is full.</summary>
public class StashOverflowException(string message, Exception? cause = null) : AkkaException(message, cause);

/// <summary>The call does not fit the state that the actor is in.</summary>
public class IllegalActorStateException(string message) : AkkaException(message);

/// <summary>The scheduler is closed.</summary>
public sealed class SchedulerException(string message) : AkkaException(message);
