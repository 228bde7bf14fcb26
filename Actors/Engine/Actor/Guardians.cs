using Mesh.Actors.Engine.Dispatch;
using Mesh.Actors.Engine.Event;

namespace Mesh.Actors.Engine.Actor;

/// <summary>The actor at the top: supervises the two guardians and ends when the one for the system does.</summary>
sealed class RootGuardian : UntypedActor
{
    IActorRef? _systemGuardian;

    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(
        cause =>
        {
            Context.System.EventStream.Publish(
                new Error(cause, Self.Path.ToString(), GetType(), "A guardian failed, the actor system shuts down."));
            return Directive.Stop;
        },
        loggingEnabled: false);

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case WatchGuardian watch:
                _systemGuardian = watch.Guardian;
                Context.Watch(watch.Guardian);
                break;
            case Terminated terminated when terminated.ActorRef.Equals(_systemGuardian):
                Context.Stop(Self);
                break;
            default:
                Context.System.DeadLetters.Tell(message, Sender);
                break;
        }
    }
}

/// <summary>Supervises what the program starts.</summary>
sealed class UserGuardian : UntypedActor
{
    protected override void OnReceive(object message) => Context.System.DeadLetters.Tell(message, Sender);

    // Children of the guardian stay when it is restarted, and it has nothing to restart for.
    protected override void PreRestart(Exception reason, object? message) { }
}

/// <summary>Supervises what belongs to the system, and ends after the guardian of the program.</summary>
sealed class SystemGuardian : UntypedActor
{
    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case WatchGuardian watch:
                Context.Watch(watch.Guardian);
                break;
            case Terminated:
                Context.Stop(Self);
                break;
            default:
                Context.System.DeadLetters.Tell(message, Sender);
                break;
        }
    }

    protected override void PreRestart(Exception reason, object? message) { }
}

sealed class WatchGuardian(IActorRef guardian) : INoSerializationVerificationNeeded
{
    public IActorRef Guardian { get; } = guardian;
}

/// <summary>Stands above the root: when the root ends, so does the system.</summary>
sealed class AboveRoot(ActorSystemImpl system, ActorPath path) : MinimalActorRef
{
    public override ActorPath Path { get; } = path;

    public override ActorSystemImpl System { get; } = system;

    public override void SendSystemMessage(SystemMessage message)
    {
        switch (message)
        {
            case Failed failed:
                failed.Child.SendSystemMessage(new Terminate());
                break;
            case DeathWatchNotification:
                System.OnRootTerminated();
                break;
            default:
                break;
        }
    }
}
