using Mesh.Actors.Engine.Event;

namespace Mesh.Actors.Engine.Actor;

/// <summary>What becomes of a child that failed.</summary>
public enum Directive
{
    /// <summary>Goes on with the same instance; the failing message is dropped.</summary>
    Resume = 0,

    /// <summary>Goes on with a new instance; the failing message is dropped.</summary>
    Restart = 1,

    /// <summary>The supervisor fails with the same exception.</summary>
    Escalate = 2,

    /// <summary>Stops the child.</summary>
    Stop = 3,
}

/// <summary>Maps failures to directives.</summary>
public interface IDecider
{
    Directive Decide(Exception cause);
}

/// <summary>A decider given as a function.</summary>
public class LocalOnlyDecider(Func<Exception, Directive> decider) : IDecider
{
    public Directive Decide(Exception cause) => decider(cause);
}

/// <summary>Decides what becomes of failing children. Immutable and shared by all actors that use it.</summary>
public abstract class SupervisorStrategy
{
    /// <summary>Stops what failed to start, was killed or lost what it watched; restarts everything else.</summary>
    public static readonly IDecider DefaultDecider = new LocalOnlyDecider(static cause => cause switch
    {
        ActorInitializationException or ActorKilledException or DeathPactException => Directive.Stop,
        _ => Directive.Restart,
    });

    /// <summary>One for one, unlimited, with <see cref="DefaultDecider"/>.</summary>
    public static readonly SupervisorStrategy DefaultStrategy = new OneForOneStrategy(DefaultDecider);

    /// <summary>Stops every child that fails.</summary>
    public static readonly OneForOneStrategy StoppingStrategy = new(static _ => Directive.Stop);

    private protected SupervisorStrategy() { }

    public abstract IDecider Decider { get; }

    protected bool LoggingEnabled { get; set; } = true;

    protected abstract Directive Handle(IActorRef child, Exception exception);

    /// <summary>Reports a failure: Error for restart and stop, Warning for resume, nothing for escalate.</summary>
    protected virtual void LogFailure(IActorContext context, IActorRef child, Exception cause, Directive directive)
    {
        if (!LoggingEnabled || directive == Directive.Escalate)
            return;
        var message = cause is ActorInitializationException { InnerException: { } inner } ? inner.Message : cause.Message;
        var source = child.Path.ToString();
        context.System.EventStream.Publish(directive == Directive.Resume
            ? new Warning(cause, source, GetType(), message)
            : new Error(cause, source, GetType(), message));
    }

    /// <summary>Returns false to escalate.</summary>
    internal bool HandleFailure(
        ActorCell cell, IActorRef child, Exception cause, ChildRestartStats stats, IReadOnlyCollection<ChildRestartStats> children)
    {
        var directive = Handle(child, cause);
        LogFailure(cell, child, cause, directive);
        switch (directive)
        {
            case Directive.Resume:
                stats.Child.Resume(cause);
                return true;
            case Directive.Restart:
                ProcessFailure(cell, true, child, cause, stats, children);
                return true;
            case Directive.Stop:
                ProcessFailure(cell, false, child, cause, stats, children);
                return true;
            default:
                return false;
        }
    }

    private protected abstract void ProcessFailure(
        ActorCell cell, bool restart, IActorRef child, Exception cause, ChildRestartStats stats,
        IReadOnlyCollection<ChildRestartStats> children);

    private protected static int Retries(int? maxNrOfRetries) => maxNrOfRetries ?? -1;

    private protected static int Milliseconds(TimeSpan? withinTimeRange)
    {
        if (withinTimeRange is not { } range || range == Timeout.InfiniteTimeSpan)
            return -1;
        return (int)Math.Min(int.MaxValue, range.TotalMilliseconds);
    }
}
