using System.Threading.Channels;
using Mesh.Actors.Engine.Actor;

namespace Mesh.Actors.Engine.TestKit;

/// <summary>A message as the test actor got it.</summary>
public readonly record struct MessageEnvelope(object Message, IActorRef Sender);

/// <summary>Queues what it receives for the test.</summary>
sealed class TestActor(ChannelWriter<MessageEnvelope> queue) : UntypedActor
{
    Func<object, bool>? _ignore;
    AutoPilot? _autoPilot;

    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(
        cause => _childStrategy.TryGetValue(Sender, out var strategy) ? strategy.Decider.Decide(cause) : Directive.Restart);

    readonly Dictionary<IActorRef, SupervisorStrategy> _childStrategy = [];

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case SetIgnore ignore:
                _ignore = ignore.Ignore;
                break;
            case SetAutoPilot pilot:
                _autoPilot = pilot.Pilot;
                break;
            case Watch watch:
                Context.Watch(watch.Subject);
                Sender.Tell(Done.Instance, Self);
                break;
            case Unwatch unwatch:
                Context.Unwatch(unwatch.Subject);
                Sender.Tell(Done.Instance, Self);
                break;
            case Spawn spawn:
                var child = Context.ActorOf(spawn.Props, spawn.Name);
                if (spawn.Strategy is not null)
                    _childStrategy[child] = spawn.Strategy;
                Sender.Tell(child, Self);
                break;
            default:
                if (_ignore is not null && _ignore(message))
                    return;
                if (_autoPilot is not null)
                {
                    var next = _autoPilot.Run(Sender, message);
                    _autoPilot = next is KeepRunning ? _autoPilot : next is NoAutoPilot ? null : next;
                }
                queue.TryWrite(new MessageEnvelope(message, Sender));
                break;
        }
    }

    protected override void PostStop()
    {
        // What was received but not looked at would be lost without a word.
        queue.TryComplete();
        base.PostStop();
    }

    public sealed record SetIgnore(Func<object, bool>? Ignore);

    public sealed record SetAutoPilot(AutoPilot Pilot);

    public sealed record Watch(IActorRef Subject);

    public sealed record Unwatch(IActorRef Subject);

    public sealed record Spawn(Props Props, string? Name, SupervisorStrategy? Strategy);
}
