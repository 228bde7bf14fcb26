using Mesh.Actors.Engine.Actor;

namespace Mesh.Actors.Engine.Event;

/// <summary>Puts the first dead letters into the log, and unhandled messages if so configured.</summary>
sealed class DeadLetterListener(ActorSystemImpl system, ActorPath path, int limit, bool logUnhandled) : MinimalActorRef
{
    int _count;

    public override ActorPath Path { get; } = path;

    public override ActorSystemImpl System { get; } = system;

    protected override void TellInternal(object message, IActorRef? sender)
    {
        switch (message)
        {
            case DeadLetter letter:
                var count = Interlocked.Increment(ref _count);
                if (count > limit || count < 0)
                    return;
                var last = count == limit ? ", no more will be logged" : "";
                System.EventStream.Publish(new Info(
                    letter.Recipient.Path.ToString(),
                    letter.Recipient.GetType(),
                    $"Message [{letter.Message.GetType().Name}] from {letter.Sender} to {letter.Recipient} was not delivered. "
                    + $"[{count}] dead letters encountered{last}. akka.log-dead-letters says how many are logged."));
                break;
            case UnhandledMessage unhandled when logUnhandled:
                System.EventStream.Publish(new Debug(
                    unhandled.Recipient.Path.ToString(),
                    unhandled.Recipient.GetType(),
                    $"Unhandled message from {unhandled.Sender} : {unhandled.Message}"));
                break;
            default:
                break;
        }
    }
}
