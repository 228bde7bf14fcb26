using Mesh.Actors.Engine.Actor;

namespace Mesh.Actors.Engine.Persistence;

/// <summary>A persistent actor with one method for commands and one for what it recovers from.</summary>
public abstract class PersistentActor : Eventsourced
{
    /// <inheritdoc/>
    protected override bool Receive(object message) => ReceiveCommand(message);
}

/// <summary>A persistent actor that calls <c>Unhandled</c> itself.</summary>
public abstract class UntypedPersistentActor : Eventsourced
{
    /// <inheritdoc cref="UntypedActor.Context"/>
    protected new static IUntypedActorContext Context => ActorCell.Current ?? throw NoContext();

    /// <inheritdoc/>
    protected override bool Receive(object message) => ReceiveCommand(message);

    /// <inheritdoc/>
    protected sealed override bool ReceiveCommand(object message) => CommandUntyped(message);

    /// <inheritdoc/>
    protected sealed override bool ReceiveRecover(object message) => RecoverUntyped(message);

    /// <summary>Handles a command.</summary>
    protected abstract void OnCommand(object message);

    /// <summary>Handles a replayed event, <see cref="SnapshotOffer"/> or <see cref="RecoveryCompleted"/>.</summary>
    protected abstract void OnRecover(object message);

    /// <summary>Replaces the behaviour on top of the stack.</summary>
    protected void Become(UntypedReceive receive) => Context.Become(receive);

    /// <summary>Pushes a behaviour.</summary>
    protected void BecomeStacked(UntypedReceive receive) => Context.BecomeStacked(receive);

    private protected virtual bool CommandUntyped(object message)
    {
        OnCommand(message);
        return true;
    }

    private protected virtual bool RecoverUntyped(object message)
    {
        OnRecover(message);
        return true;
    }
}
