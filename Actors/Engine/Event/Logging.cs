using Mesh.Actors.Engine.Actor;

namespace Mesh.Actors.Engine.Event;

/// <summary>Gives loggers.</summary>
public static class Logging
{
    /// <summary>Returns a logger whose source is the running actor.</summary>
    public static ILoggingAdapter GetLogger(this IActorContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var system = ((ActorCell)context).SystemImpl;
        return new BusLogging(system, context.Self.Path.ToString(), context.Props.Type);
    }

    /// <summary>Returns a logger whose source is a name, a type or the type of an object.</summary>
    public static ILoggingAdapter GetLogger(ActorSystem system, object logSourceObj)
    {
        ArgumentNullException.ThrowIfNull(system);
        ArgumentNullException.ThrowIfNull(logSourceObj);
        var (source, type) = logSourceObj switch
        {
            string name => (name, typeof(string)),
            Type sourceType => (sourceType.Name, sourceType),
            IActorRef actor => (actor.Path.ToString(), typeof(IActorRef)),
            ActorSystem named => ($"ActorSystem({named.Name})", typeof(ActorSystem)),
            _ => (logSourceObj.GetType().Name, logSourceObj.GetType()),
        };
        return new BusLogging(system, source, type);
    }
}

sealed class BusLogging(ActorSystem system, string source, Type sourceClass) : ILoggingAdapter
{
    public bool IsDebugEnabled => IsEnabled(LogLevel.DebugLevel);

    public bool IsInfoEnabled => IsEnabled(LogLevel.InfoLevel);

    public bool IsWarningEnabled => IsEnabled(LogLevel.WarningLevel);

    public bool IsErrorEnabled => IsEnabled(LogLevel.ErrorLevel);

    public bool IsEnabled(LogLevel logLevel) => logLevel >= system.Settings.LogLevel;

    public void Log(LogLevel logLevel, Exception? cause, string format) => Publish(logLevel, cause, format);

    public void Log(LogLevel logLevel, Exception? cause, LogMessage message) => Publish(logLevel, cause, message);

    void Publish(LogLevel logLevel, Exception? cause, object message)
    {
        if (!IsEnabled(logLevel))
            return;
        system.EventStream.Publish(logLevel switch
        {
            LogLevel.DebugLevel => new Debug(cause, source, sourceClass, message),
            LogLevel.InfoLevel => new Info(cause, source, sourceClass, message),
            LogLevel.WarningLevel => new Warning(cause, source, sourceClass, message),
            _ => new Error(cause, source, sourceClass, message),
        });
    }
}
