using Mesh.Actors.Engine.Dispatch;

namespace Mesh.Actors.Engine.Actor;

/// <summary>The reference of no actor.</summary>
public sealed class Nobody : ActorRefBase, IInternalActorRef
{
    /// <summary>The one instance.</summary>
    public static readonly Nobody Instance = new();

    Nobody() { }

    public override ActorPath Path { get; } = ActorPath.RootOf("all-systems").Child("nobody", 0);

    IInternalActorRef IInternalActorRef.Parent => this;

    ActorSystemImpl IInternalActorRef.System => throw new NotSupportedException("Nobody belongs to no actor system.");

    bool IInternalActorRef.IsTerminated => true;

    void IInternalActorRef.SendSystemMessage(SystemMessage message) => DeadLetterActorRef.AnswerFromTheDead(message);

    protected override void TellInternal(object message, IActorRef? sender) { }
}
