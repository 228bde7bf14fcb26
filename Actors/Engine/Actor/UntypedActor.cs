using Mesh.Actors.Engine.Dispatch;

namespace Mesh.Actors.Engine.Actor;

/// <summary>An actor with one method for all messages; it calls <c>Unhandled</c> itself.</summary>
public abstract class UntypedActor : ActorBase
{
    /// <summary>The context of the running actor.</summary>
    protected new static IUntypedActorContext Context => ActorCell.Current ?? throw NoContext();

    protected sealed override bool Receive(object message) => ReceiveUntyped(message);

    /// <summary>Handles a message.</summary>
    protected abstract void OnReceive(object message);

    /// <summary>Replaces the behaviour on top of the stack.</summary>
    protected void Become(UntypedReceive receive) => Context.Become(receive);

    /// <summary>Pushes a behaviour.</summary>
    protected void BecomeStacked(UntypedReceive receive) => Context.BecomeStacked(receive);

    /// <summary>
    /// Runs asynchronous work as part of the message in hand: no other message is handled before it ends, and its failure is the actor's.
    /// </summary>
    protected void RunTask(Action action) => ActorTaskScheduler.RunTask(action);

    /// <inheritdoc cref="RunTask(Action)"/>
    protected void RunTask(Func<Task> action) => ActorTaskScheduler.RunTask(action);

    private protected virtual bool ReceiveUntyped(object message)
    {
        OnReceive(message);
        return true;
    }
}
