using Mesh.Actors.Engine.Actor;
using Mesh.Actors.Engine.Dispatch;

namespace Mesh.Actors.Engine.TestKit;

/// <summary>An actor that a test holds in its hand: sends, and expects what it receives.</summary>
public class TestProbe : TestKitBase, IActorRef, INoImplicitSender, IInternalActorRef
{
    public TestProbe(ActorSystem system, string? testProbeName = null)
        : base(system, null, null, testProbeName)
    {
    }

    /// <summary>The probe as others know it.</summary>
    public IActorRef Ref => TestActor;

    /// <summary>Sender of the last message that the test took.</summary>
    public IActorRef Sender => LastSender;

    public ActorPath Path => TestActor.Path;

    IInternalActorRef IInternalActorRef.Parent => Internal.Parent;

    ActorSystemImpl IInternalActorRef.System => Internal.System;

    bool IInternalActorRef.IsTerminated => Internal.IsTerminated;

    IInternalActorRef Internal => (IInternalActorRef)TestActor;

    /// <summary>Sends from the probe.</summary>
    public void Send(IActorRef actor, object message) => actor.Tell(message, TestActor);

    /// <summary>Answers the last message that the test took.</summary>
    public void Reply(object message) => Sender.Tell(message, TestActor);

    /// <summary>Passes the last message on, with its sender.</summary>
    public void Forward(IActorRef actor) => Forward(actor, LastMessage);

    public void Forward(IActorRef actor, object message) => actor.Tell(message, Sender);

    public IActorRef ChildActorOf<T>(string? name = null, SupervisorStrategy? supervisorStrategy = null)
        where T : ActorBase => ChildActorOfAsync(Props.Create<T>(), name, supervisorStrategy).GetAwaiter().GetResult();

    public void Tell(object message, IActorRef? sender) => TestActor.Tell(message, sender);

    void IInternalActorRef.SendSystemMessage(SystemMessage message) => Internal.SendSystemMessage(message);

    public bool Equals(IActorRef? other) => TestActor.Equals(other);

    public override bool Equals(object? obj) => TestActor.Equals(obj);

    public override int GetHashCode() => TestActor.GetHashCode();

    public int CompareTo(IActorRef? other) => TestActor.CompareTo(other);

    public int CompareTo(object? obj) => TestActor.CompareTo(obj);

    public override string ToString() => $"TestProbe({TestActor})";
}
