using Mesh.Actors.Engine.Dispatch;

namespace Mesh.Actors.Engine.Actor;

/// <summary>The reference of an actor in this process.</summary>
class LocalActorRef : ActorRefBase, IInternalActorRef
{
    readonly ActorPath _path;

    public LocalActorRef(ActorSystemImpl system, Props props, ActorPath path, IInternalActorRef parent)
    {
        _path = path;
        Cell = new ActorCell(system, this, props, parent);
    }

    public sealed override ActorPath Path => _path;

    public ActorCell Cell { get; }

    public IInternalActorRef Parent => Cell.ParentRef;

    public ActorSystemImpl System => Cell.SystemImpl;

    public bool IsTerminated => Cell.Mailbox.IsClosed;

    public void SendSystemMessage(SystemMessage message) => Cell.SendSystemMessage(message);

    public void Suspend() => SendSystemMessage(new Suspend());

    public void Resume(Exception? causedByFailure) => SendSystemMessage(new Resume(causedByFailure));

    public void Restart(Exception cause) => SendSystemMessage(new Recreate(cause));

    public void Stop() => SendSystemMessage(new Terminate());

    protected sealed override void TellInternal(object message, IActorRef? sender)
    {
        ArgumentNullException.ThrowIfNull(message);
        Cell.Mailbox.Enqueue(message, sender);
    }
}
