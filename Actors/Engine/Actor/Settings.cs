using Mesh.Actors.Engine.Configuration;
using Mesh.Actors.Engine.Event;

namespace Mesh.Actors.Engine.Actor;

/// <summary>The configuration of one system. Immutable.</summary>
public sealed class Settings
{
    // Off is one above the highest level.
    const LogLevel Off = (LogLevel)4;

    internal Settings(Config config)
    {
        Config = config;
        AskTimeout = config.GetTimeSpan("akka.actor.ask-timeout", Timeout.InfiniteTimeSpan);
        LogLevel = Level(config.GetString("akka.loglevel", "INFO")!);
        StandardErrorLogLevel = Level(config.GetString("akka.stdout-loglevel", "WARNING")!);
        LogDeadLetters = config.GetString("akka.log-dead-letters", "10") switch
        {
            "on" or "true" or "yes" => int.MaxValue,
            "off" or "false" or "no" => 0,
            _ => config.GetInt("akka.log-dead-letters", 10),
        };
        DebugUnhandledMessage = config.GetBoolean("akka.actor.debug.unhandled");
        RunShutdownOnTerminate = config.GetBoolean("akka.coordinated-shutdown.run-by-actor-system-terminate", true);
        ShutdownPhaseTimeout = config.GetTimeSpan("akka.coordinated-shutdown.default-phase-timeout", TimeSpan.FromSeconds(5));
        RunShutdownOnExit = config.GetBoolean("akka.coordinated-shutdown.run-by-clr-shutdown-hook");
    }

    /// <summary>All that was configured.</summary>
    public Config Config { get; }

    /// <summary>How long an ask without a timeout of its own waits; infinite unless configured.</summary>
    public TimeSpan AskTimeout { get; }

    internal LogLevel LogLevel { get; }

    internal LogLevel StandardErrorLogLevel { get; }

    internal int LogDeadLetters { get; }

    internal bool DebugUnhandledMessage { get; }

    internal bool RunShutdownOnTerminate { get; }

    internal bool RunShutdownOnExit { get; }

    internal TimeSpan ShutdownPhaseTimeout { get; }

    static LogLevel Level(string name) => name.ToUpperInvariant() switch
    {
        "DEBUG" => LogLevel.DebugLevel,
        "INFO" => LogLevel.InfoLevel,
        "WARNING" or "WARN" => LogLevel.WarningLevel,
        "ERROR" => LogLevel.ErrorLevel,
        "OFF" => Off,
        _ => throw new ArgumentException($"Unknown log level {name}: use DEBUG, INFO, WARNING, ERROR or OFF."),
    };
}
