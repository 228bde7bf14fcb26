using Mesh.Node.Runtime;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Service;

/// <summary>
/// Writes what the node's actors log to the daemon's own log, one line each: warnings and failures. It supervises nothing and
/// loses nothing but lines.
/// </summary>
sealed class ActorLog : ReceiveActor
{
    static readonly Config _quiet = ConfigurationFactory.ParseString("akka.stdout-loglevel = OFF");

    /// <summary>Begins to write; whoever starts it subscribes it.</summary>
    public ActorLog(ILogger log) => Receive<LogEvent>(said =>
        log.ActorSaid(said.LogSource, said.Cause is { } cause ? $"{said.Message} ({cause.GetType().Name}: {cause.Message})" : $"{said.Message}"));

    /// <summary>Starts a node whose actors log here.</summary>
    /// <exception cref="IOException">The system would not have it; the message says what to do.</exception>
    public static async Task<NodeRuntime> StartAsync(NodeOptions options, ILogger log)
    {
        var runtime = await NodeRuntime.StartAsync(options with { Actors = _quiet.WithFallback(options.Actors) });
        runtime.System.EventStream.Subscribe(runtime.System.ActorOf(Props.Create(() => new ActorLog(log)), "log"), typeof(LogEvent));
        return runtime;
    }
}
