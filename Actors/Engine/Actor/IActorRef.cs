namespace Mesh.Actors.Engine.Actor;

/// <summary>Accepts messages. Safe for concurrent use.</summary>
public interface ICanTell
{
    /// <summary>Sends a message, at most once, without waiting.</summary>
    /// <param name="message">Anything immutable, never null.</param>
    /// <param name="sender">Who is to be answered; null for nobody.</param>
    void Tell(object message, IActorRef? sender);
}

/// <summary>
/// Names one incarnation of an actor. Two references are equal when path and incarnation number are. Survives restarts of the actor, never
/// its stop. Safe for concurrent use.
/// </summary>
public interface IActorRef : ICanTell, IEquatable<IActorRef>, IComparable<IActorRef>, IComparable
{
    /// <summary>Where the actor stands in the hierarchy, with its incarnation number.</summary>
    ActorPath Path { get; }
}

/// <summary>What the engine itself asks of every reference.</summary>
interface IInternalActorRef : IActorRef
{
    IInternalActorRef Parent { get; }

    ActorSystemImpl System { get; }

    bool IsTerminated { get; }

    void SendSystemMessage(Dispatch.SystemMessage message);
}

/// <summary>Carries <c>Tell</c> and <c>Forward</c> that take the sender from the running actor.</summary>
public static class ActorRefImplicitSenderExtensions
{
    /// <summary>Who sends where no actor runs; only a test kit has somebody.</summary>
    internal static AsyncLocal<IActorRef?>? OutsideSender { get; set; }

    /// <summary>Sends a message with the running actor as sender, or with no sender outside of an actor.</summary>
    public static void Tell(this IActorRef receiver, object message) =>
        receiver.Tell(message, ActorCell.Current is { } cell ? cell.Self : OutsideSender?.Value);

    /// <summary>Sends a message with the sender of the message in hand, so that the receiver answers that one.</summary>
    public static void Forward(this IActorRef receiver, object message) => receiver.Tell(message, ActorCell.Current?.Sender);
}

/// <summary>Questions about references.</summary>
public static class ActorRefExtensions
{
    /// <summary>True for null and for <see cref="ActorRefs.Nobody"/>.</summary>
    public static bool IsNobody(this IActorRef? actorRef) => actorRef is null or Actor.Nobody;

    /// <summary>Returns the reference, or what <paramref name="elseValue"/> gives if it is nobody.</summary>
    public static IActorRef GetOrElse(this IActorRef? actorRef, Func<IActorRef> elseValue) =>
        actorRef.IsNobody() ? elseValue() : actorRef!;
}

/// <summary>The references that stand for no actor.</summary>
public static class ActorRefs
{
    /// <summary>An actor that does not exist: what is sent to it disappears.</summary>
    public static readonly Nobody Nobody = Actor.Nobody.Instance;

    /// <summary>No sender, which is null.</summary>
    public static readonly IActorRef? NoSender;
}
