using System.Diagnostics.CodeAnalysis;

namespace Mesh.Actors.Engine.Actor;

/// <summary>Handles a message and says whether it did.</summary>
public delegate bool Receive(object message);

/// <summary>Handles a message.</summary>
public delegate void UntypedReceive(object message);

/// <summary>Starts actors.</summary>
public interface IActorRefFactory
{
    /// <summary>
    /// Starts an actor and returns at once; constructor and <c>PreStart</c> run in the new actor's first turn.
    /// </summary>
    /// <exception cref="InvalidActorNameException">The name is malformed or in use.</exception>
    /// <exception cref="InvalidOperationException">The parent is stopping.</exception>
    IActorRef ActorOf(Props props, string? name = null);
}

/// <summary>Shorthand for starting actors without arguments.</summary>
public static class ActorRefFactoryExtensions
{
    public static IActorRef ActorOf<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TActor>(
        this IActorRefFactory factory, string? name = null)
        where TActor : ActorBase, new() => factory.ActorOf(Props.Create<TActor>((SupervisorStrategy?)null), name);
}

/// <summary>Watches for the end of other actors.</summary>
public interface ICanWatch
{
    /// <summary>Asks for one <see cref="Terminated"/> when the subject has stopped. A second watch on the same subject is ignored.</summary>
    IActorRef Watch(IActorRef subject);

    /// <summary>Asks for <paramref name="message"/> when the subject has stopped.</summary>
    IActorRef WatchWith(IActorRef subject, object message);

    /// <summary>Ends a watch; also swallows a <see cref="Terminated"/> that is queued already.</summary>
    IActorRef Unwatch(IActorRef subject);
}

/// <summary>
/// An actor's view of itself and of the engine. Not safe for concurrent use: valid on the actor's turn only, so capture what a later lambda
/// needs (<c>Self</c>, <c>Sender</c>) in locals.
/// </summary>
public interface IActorContext : IActorRefFactory, ICanWatch
{
    IActorRef Self { get; }

    /// <summary>Who sent the message in hand; the dead letters if nobody did.</summary>
    IActorRef Sender { get; }

    IActorRef Parent { get; }

    Props Props { get; }

    ActorSystem System { get; }

    /// <summary>The receive timeout in force, or null.</summary>
    TimeSpan? ReceiveTimeout { get; }

    /// <summary>Replaces the behaviour on top of the stack.</summary>
    void Become(Receive receive);

    /// <summary>Pushes a behaviour.</summary>
    void BecomeStacked(Receive receive);

    /// <summary>Pops a behaviour; the last one stays.</summary>
    void UnbecomeStacked();

    /// <summary>Returns the child of that name, or <see cref="ActorRefs.Nobody"/>.</summary>
    IActorRef Child(string name);

    IEnumerable<IActorRef> GetChildren();

    /// <summary>Has <see cref="Actor.ReceiveTimeout"/> sent whenever nothing came for that long; null turns it off.</summary>
    void SetReceiveTimeout(TimeSpan? timeout);

    /// <summary>Stops an actor after the message that it is handling.</summary>
    void Stop(IActorRef child);
}

/// <summary>The context of an <see cref="UntypedActor"/>.</summary>
public interface IUntypedActorContext : IActorContext
{
    void Become(UntypedReceive receive);

    void BecomeStacked(UntypedReceive receive);
}
