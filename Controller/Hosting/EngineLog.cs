using Microsoft.Extensions.Logging;

namespace Mesh.Controller.Hosting;

/// <summary>
/// Writes what the actor engine has to say into the program's log, one line an event; the stack traces below it are for debugging.
/// Supervises nothing; what it loses when it fails is one line.
/// </summary>
sealed class EngineLog : ReceiveActor
{
    /// <summary>Creates the actor.</summary>
    public EngineLog(ILogger log) => Receive<LogEvent>(logged =>
    {
        // The engine's levels count from 0, debug, to 3, error. What it says at info, dead letters at a stop above all, is for
        // whoever looks for a fault.
        var level = (int)logged.LogLevel() switch { 3 => LogLevel.Error, 2 => LogLevel.Warning, 1 => LogLevel.Debug, _ => LogLevel.Trace };
        if (!log.IsEnabled(level))
            return;
        log.EngineSays(
            level, logged.LogSource, logged.Message.ToString() ?? "", Causes(logged.Cause),
            log.IsEnabled(LogLevel.Debug) ? logged.Cause : null);
    });

    /// <summary>Starts to write the log of an actor system.</summary>
    public static void Attach(ActorSystem system, ILoggerFactory logging)
    {
        var log = logging.CreateLogger("Mesh.Actors");
        system.EventStream.Subscribe(system.ActorOf(Props.Create(() => new EngineLog(log)), "log"), typeof(LogEvent));
    }

    static string Causes(Exception? cause)
    {
        var text = "";
        for (; cause is not null; cause = cause.InnerException)
            text += ": " + cause.Message.Split('\n')[0].TrimEnd();
        return text;
    }
}
