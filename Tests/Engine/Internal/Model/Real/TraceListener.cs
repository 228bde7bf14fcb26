using Mesh.Actors.Engine.Actor;
using Mesh.Actors.Engine.Event;

namespace Mesh.Tests.Engine.Model;

/// <summary>Writes down what the engine publishes: dead letters, what nobody handled, warnings and errors, news.</summary>
sealed class TraceListener : MinimalActorRef
{
    static readonly string Root = $"akka://{SteppedSystem.Name}";

    readonly HostWorld _world;

    TraceListener(HostWorld world)
    {
        _world = world;
        Path = world.System.NextTempPath();
    }

    public override ActorPath Path { get; }

    public override ActorSystemImpl System => _world.System;

    public static void Attach(HostWorld world)
    {
        var listener = new TraceListener(world);
        foreach (var channel in new[] { typeof(AllDeadLetters), typeof(Error), typeof(Warning), typeof(Announcement) })
            world.System.EventStream.Subscribe(listener, channel);
    }

    protected override void TellInternal(object message, IActorRef? sender)
    {
        switch (message)
        {
            case DeadLetter letter:
                _world.Write(Line.DeadLetter(_world.Describe(letter.Message), Sender(letter), Recipient(letter)));
                break;
            case SuppressedDeadLetter letter:
                _world.Write(Line.SuppressedDeadLetter(_world.Describe(letter.Message), Sender(letter), Recipient(letter)));
                break;
            case UnhandledMessage letter:
                _world.Write(Line.Unhandled(_world.Describe(letter.Message), Sender(letter), Recipient(letter)));
                break;
            case LogEvent logged:
                var level = logged is Error ? "error" : "warning";
                var path = logged.LogSource.Replace(Root, "", StringComparison.Ordinal);
                _world.Write(Line.Log(level, path, logged.Cause is { } cause ? _world.Describe(cause) : Beginning($"{logged.Message}")));
                break;
            case Announcement announcement:
                _world.Write(Line.Announced(announcement));
                break;
            default:
                _world.Write($"unexpected event {message}");
                break;
        }
    }

    int Sender(AllDeadLetters letter) => _world.NumberOf(letter.Sender);

    int Recipient(AllDeadLetters letter) => _world.NumberOf(letter.Recipient);

    // What follows is an exception with its stack.
    static string Beginning(string message) => string.Join(' ', message.Split(' ').Take(4));
}
