using Mesh.Actors.Engine.Dispatch;
using Mesh.Actors.Engine.Event;

namespace Mesh.Actors.Engine.Actor;

/// <summary>Publishes what could not be delivered.</summary>
sealed class DeadLetterActorRef(ActorSystemImpl system, ActorPath path) : MinimalActorRef
{
    public override ActorPath Path { get; } = path;

    public override ActorSystemImpl System { get; } = system;

    /// <summary>Answers a watch on an actor that is no more; anything else has nobody to tell.</summary>
    public static void AnswerFromTheDead(SystemMessage message)
    {
        if (message is Watch watch && !watch.Watchee.Equals(watch.Watcher))
            watch.Watcher.SendSystemMessage(new DeathWatchNotification(watch.Watchee, existenceConfirmed: false));
    }

    public override void SendSystemMessage(SystemMessage message) => AnswerFromTheDead(message);

    protected override void TellInternal(object message, IActorRef? sender)
    {
        var letter = message as DeadLetter ?? new DeadLetter(message, sender ?? this, this);
        switch (letter.Message)
        {
            case Identify identify:
                letter.Sender.Tell(new ActorIdentity(identify.MessageId, null), this);
                break;
            case IDeadLetterSuppression suppressed:
                System.EventStream.Publish(new SuppressedDeadLetter(suppressed, letter.Sender, letter.Recipient));
                break;
            default:
                System.EventStream.Publish(letter);
                break;
        }
    }
}
