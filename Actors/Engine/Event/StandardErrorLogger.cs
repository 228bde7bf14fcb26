using Mesh.Actors.Engine.Actor;

namespace Mesh.Actors.Engine.Event;

/// <summary>Writes log events of a level and above to standard error, on the publisher's thread.</summary>
sealed class StandardErrorLogger(ActorSystemImpl system, ActorPath path, LogLevel from) : MinimalActorRef
{
    public override ActorPath Path { get; } = path;

    public override ActorSystemImpl System { get; } = system;

    protected override void TellInternal(object message, IActorRef? sender)
    {
        if (message is not LogEvent log || log.LogLevel() < from)
            return;
        string text;
        try
        {
            text = log.ToString();
        }
        catch (Exception failure)
        {
            // What is logged is foreign, and so is its ToString; its writer must not fail for it.
            text = $"[{log.LogLevel()}][{log.LogSource}] (could not be written: {failure.GetType()})";
        }
        Console.Error.WriteLine(text);
    }
}
