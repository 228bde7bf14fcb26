namespace Mesh.Actors.Device;

/// <summary>
/// The root of a node's actors (<c>node</c>): <c>device</c>, <c>peers</c> and whatever else a node runs. A child that fails is restarted on its own;
/// the others do not notice. A child that cannot be constructed is stopped, and that is logged.
/// </summary>
public sealed class NodeSupervisor : ReceiveActor
{
    /// <summary>Waits to be told what to run.</summary>
    public NodeSupervisor() => Receive<StartChild>(start => Sender.Tell(new ChildStarted(Context.ActorOf(start.Props, start.Name))));

    /// <summary>Starts a child; answered with <see cref="ChildStarted"/>.</summary>
    public sealed record StartChild(string Name, Props Props);

    /// <summary>The child runs.</summary>
    public sealed record ChildStarted(IActorRef Child);

    /// <inheritdoc/>
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(
        cause => cause is ActorInitializationException ? Directive.Stop : Directive.Restart);
}
