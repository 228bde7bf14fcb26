using Mesh.Actors.Engine.Actor;
using Mesh.Actors.Engine.Event;

namespace Mesh.Actors.Engine.Pattern;

/// <summary>
/// Supervises one child and starts it again, after a delay that grows, whenever it has stopped. Fit for children that stop themselves on
/// failure, as persistent actors do.
/// </summary>
public sealed class BackoffSupervisor : BackoffSupervisorBase
{
    internal BackoffSupervisor(BackoffSettings settings)
        : base(settings)
    {
    }

    /// <summary>Makes the props of what the options describe.</summary>
    public static Props Props(BackoffOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.Props;
    }

    /// <inheritdoc cref="Backoff.OnStop(Actor.Props, string, TimeSpan, TimeSpan, double)"/>
    public static Props Props(Props childProps, string childName, TimeSpan minBackoff, TimeSpan maxBackoff, double randomFactor) =>
        Backoff.OnStop(childProps, childName, minBackoff, maxBackoff, randomFactor).Props;

    /// <inheritdoc cref="Backoff.OnStop(Actor.Props, string, TimeSpan, TimeSpan, double)"/>
    public static Props Props(
        Props childProps, string childName, TimeSpan minBackoff, TimeSpan maxBackoff, double randomFactor, int maxNrOfRetries) =>
        Backoff.OnStop(childProps, childName, minBackoff, maxBackoff, randomFactor, maxNrOfRetries).Props;

    protected override bool Receive(object message)
    {
        if (message is Terminated terminated && IsChild(terminated.ActorRef))
        {
            ForgetChild();
            if (FinalStopMessageReceived)
                Context.Stop(Self);
            else
                BackOff();
            return true;
        }
        return HandleBackoff(message);
    }

    // The budget is spent on starts after a stop; restarts within the strategy are the strategy's own business.
    protected override SupervisorStrategy SupervisorStrategy() => Settings.Strategy.WithMaxNrOfRetries(-1);

    /// <summary>Asks for the child; the answer is <see cref="CurrentChild"/>.</summary>
    public sealed class GetCurrentChild
    {
        public static readonly GetCurrentChild Instance = new();

        GetCurrentChild() { }
    }

    /// <summary>The child, or null while there is none.</summary>
    public sealed class CurrentChild(IActorRef? @ref)
    {
        public IActorRef? Ref { get; } = @ref;
    }

    /// <summary>Forgets earlier restarts, where the options say so.</summary>
    public sealed class Reset
    {
        public static readonly Reset Instance = new();

        Reset() { }
    }

    /// <summary>Asks how often the child was started again; the answer is <see cref="RestartCount"/>.</summary>
    public sealed class GetRestartCount
    {
        public static readonly GetRestartCount Instance = new();

        GetRestartCount() { }
    }

    /// <summary>How often the child was started again since the last reset.</summary>
    public new sealed class RestartCount(int count)
    {
        public int Count { get; } = count;
    }

    internal sealed class StartChild : IDeadLetterSuppression
    {
        public static readonly StartChild Instance = new();

        StartChild() { }
    }

    internal sealed class ResetRestartCount(int current) : IDeadLetterSuppression
    {
        public int Current { get; } = current;
    }
}
