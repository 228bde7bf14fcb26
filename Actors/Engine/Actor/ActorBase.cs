namespace Mesh.Actors.Engine.Actor;

/// <summary>
/// Base of every actor. One message at a time: nothing of an instance ever runs concurrently. Made by the engine only, from
/// <see cref="Actor.Props"/>.
/// </summary>
public abstract partial class ActorBase
{
    readonly IActorRef _self;

    /// <exception cref="ActorInitializationException">The engine is not what makes the instance.</exception>
    protected ActorBase()
    {
        var cell = ActorCell.Current;
        if (cell is null || !cell.IsIncarnating)
        {
            throw new ActorInitializationException(
                $"An actor of type {GetType()} was made with new. Only the engine makes actors: pass Props to ActorOf.");
        }
        cell.IsIncarnating = false;
        _self = cell.Self;
        cell.Become(Receive);
    }

    /// <summary>The context of the running actor.</summary>
    /// <exception cref="NotSupportedException">No actor is running on this thread.</exception>
    protected static IActorContext Context => ActorCell.Current ?? throw NoContext();

    /// <summary>Handles nothing.</summary>
    protected static Receive EmptyReceive { get; } = static _ => false;

    /// <summary>The reference of this actor. Valid at any time.</summary>
    protected IActorRef Self => _self;

    /// <summary>Who sent the message in hand; the dead letters if nobody did.</summary>
    protected IActorRef Sender => Context.Sender;

    internal IActorRef OwnReference => _self;

    /// <summary>Handles a message while no behaviour has replaced it; false if it does not want it.</summary>
    protected abstract bool Receive(object message);

    /// <summary>Runs around every message. Overridden by what adapts messages before handlers see them.</summary>
    protected virtual bool AroundReceive(Receive receive, object message)
    {
        if (message is ITimerMsg tick)
        {
            if (this is not IWithTimers { Timers: TimerScheduler timers })
                return true;
            var payload = timers.Intercept(tick);
            if (payload is null)
                return true;
            var cell = ActorCell.Current!;
            // What the cell has in hand is what a stash takes and PreRestart sees, so it must be the payload.
            cell.CurrentMessage = payload;
            if (payload is IAutoReceivedMessage)
            {
                cell.AutoReceiveMessage(payload);
                return true;
            }
            message = payload;
        }
        if (receive(message))
            return true;
        Unhandled(message);
        return false;
    }

    /// <summary>Deals with a message that no handler wanted: fails for <see cref="Terminated"/>, else publishes it.</summary>
    /// <exception cref="DeathPactException">The message is a <see cref="Terminated"/>.</exception>
    protected virtual void Unhandled(object message)
    {
        if (message is Terminated terminated)
            throw new DeathPactException(terminated.ActorRef);
        Context.System.EventStream.Publish(new Event.UnhandledMessage(message, Sender, Self));
    }

    /// <summary>Replaces the behaviour on top of the stack.</summary>
    protected void Become(Receive receive) => Context.Become(receive);

    /// <summary>Pushes a behaviour.</summary>
    protected void BecomeStacked(Receive receive) => Context.BecomeStacked(receive);

    /// <summary>Pops a behaviour; the last one stays.</summary>
    protected void UnbecomeStacked() => Context.UnbecomeStacked();

    /// <summary>Has <see cref="ReceiveTimeout"/> sent whenever nothing came for that long; null turns it off.</summary>
    protected void SetReceiveTimeout(TimeSpan? timeout) => Context.SetReceiveTimeout(timeout);

    internal static NotSupportedException NoContext() => new(
        "There is no active actor context: the call is made outside of an actor's turn, for example after an await with "
        + "ConfigureAwait(false) or in a continuation. Capture Self and Sender in locals, or use PipeTo.");

    /// <summary>Called once the constructor has run and stash and timers are in place.</summary>
    internal virtual void OnIncarnated() { }

    internal bool InvokeReceive(Receive receive, object message) => AroundReceive(receive, message);
}
