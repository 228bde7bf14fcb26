namespace Mesh.Actors.Engine.Actor;

public abstract partial class ActorBase
{
    SupervisorStrategy? _supervisorStrategy;

    /// <summary>Set from the props; otherwise asked of the actor once.</summary>
    internal SupervisorStrategy SupervisorStrategyInternal
    {
        get => _supervisorStrategy ??= SupervisorStrategy();
        set => _supervisorStrategy = value;
    }

    /// <summary>Runs in the first turn, before any message.</summary>
    protected virtual void PreStart() { }

    /// <summary>Runs once the actor has stopped and all its children have.</summary>
    protected virtual void PostStop() { }

    /// <summary>Runs on the failed instance before it is replaced. By default stops all children and runs <see cref="PostStop"/>.</summary>
    /// <param name="reason">Why the actor failed.</param>
    /// <param name="message">What was in hand then; null if nothing was.</param>
    protected virtual void PreRestart(Exception reason, object? message)
    {
        var context = Context;
        foreach (var child in context.GetChildren())
        {
            context.Unwatch(child);
            context.Stop(child);
        }
        PostStop();
    }

    /// <summary>Runs on the new instance. By default runs <see cref="PreStart"/>.</summary>
    protected virtual void PostRestart(Exception reason) => PreStart();

    /// <summary>Decides what becomes of failing children. Asked once per instance.</summary>
    protected virtual SupervisorStrategy SupervisorStrategy() => Actor.SupervisorStrategy.DefaultStrategy;

    /// <summary>Called by the engine to run <see cref="PreStart"/>.</summary>
    public virtual void AroundPreStart() => PreStart();

    /// <summary>Called by the engine to run <see cref="PostStop"/>.</summary>
    public virtual void AroundPostStop()
    {
        CancelTimers();
        PostStop();
    }

    /// <summary>Called by the engine to run <see cref="PreRestart"/>.</summary>
    public virtual void AroundPreRestart(Exception cause, object? message)
    {
        CancelTimers();
        PreRestart(cause, message);
        CancelTimers();
    }

    /// <summary>Called by the engine to run <see cref="PostRestart"/>.</summary>
    public virtual void AroundPostRestart(Exception cause, object? message) => PostRestart(cause);

    void CancelTimers()
    {
        if (this is IWithTimers { Timers: { } timers })
            timers.CancelAll();
    }
}
