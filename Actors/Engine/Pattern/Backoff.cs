using Mesh.Actors.Engine.Actor;

namespace Mesh.Actors.Engine.Pattern;

/// <summary>Describes supervisors that wait longer and longer before they start their child again.</summary>
public static class Backoff
{
    /// <summary>Starts the child again when it has stopped, by itself or as the answer to its failure.</summary>
    /// <param name="childProps">How the child is made.</param>
    /// <param name="childName">Its name, the same each time.</param>
    /// <param name="minBackoff">First delay; doubles with each restart.</param>
    /// <param name="maxBackoff">Bound of the delay before the random share.</param>
    /// <param name="randomFactor">Share of the delay that is random, 0 to 1, so that many children do not start at once.</param>
    public static BackoffOptions OnStop(
        Props childProps, string childName, TimeSpan minBackoff, TimeSpan maxBackoff, double randomFactor) =>
        new BackoffOptionsImpl(false, childProps, childName, minBackoff, maxBackoff, randomFactor);

    /// <inheritdoc cref="OnStop(Props, string, TimeSpan, TimeSpan, double)"/>
    public static BackoffOptions OnStop(
        Props childProps, string childName, TimeSpan minBackoff, TimeSpan maxBackoff, double randomFactor, int maxNrOfRetries) =>
        OnStop(childProps, childName, minBackoff, maxBackoff, randomFactor).WithMaxNrOfRetries(maxNrOfRetries);

    /// <summary>Starts the child again when it has failed; a child that stops by itself ends the supervisor.</summary>
    public static BackoffOptions OnFailure(
        Props childProps, string childName, TimeSpan minBackoff, TimeSpan maxBackoff, double randomFactor) =>
        new BackoffOptionsImpl(true, childProps, childName, minBackoff, maxBackoff, randomFactor);

    /// <inheritdoc cref="OnFailure(Props, string, TimeSpan, TimeSpan, double)"/>
    public static BackoffOptions OnFailure(
        Props childProps, string childName, TimeSpan minBackoff, TimeSpan maxBackoff, double randomFactor, int maxNrOfRetries) =>
        OnFailure(childProps, childName, minBackoff, maxBackoff, randomFactor).WithMaxNrOfRetries(maxNrOfRetries);
}

/// <summary>How a backoff supervisor behaves. Immutable.</summary>
public abstract class BackoffOptions
{
    private protected BackoffOptions() { }

    /// <summary>Forgets earlier restarts once the child has run that long; the default is the least delay.</summary>
    public abstract BackoffOptions WithAutoReset(TimeSpan resetBackoff);

    /// <summary>Forgets earlier restarts on <see cref="BackoffSupervisor.Reset"/> only.</summary>
    public abstract BackoffOptions WithManualReset();

    public abstract BackoffOptions WithSupervisorStrategy(OneForOneStrategy supervisorStrategy);

    /// <summary>Stops the child on any failure.</summary>
    public abstract BackoffOptions WithDefaultStoppingStrategy();

    /// <summary>Gives up, by stopping, after that many restarts in a row; -1 for never.</summary>
    public abstract BackoffOptions WithMaxNrOfRetries(int maxNrOfRetries);

    /// <summary>Answers what comes while there is no child; otherwise that goes to the dead letters.</summary>
    public abstract BackoffOptions WithReplyWhileStopped(object replyWhileStopped);

    /// <summary>Messages after which a child that stops is meant to: the supervisor stops too.</summary>
    public abstract BackoffOptions WithFinalStopMessage(Func<object, bool> isFinalStopMessage);

    internal abstract Props Props { get; }
}

sealed record BackoffSettings(
    bool OnFailure, Props ChildProps, string ChildName, TimeSpan MinBackoff, TimeSpan MaxBackoff, double RandomFactor)
{
    /// <summary>Null for a reset by message only.</summary>
    public TimeSpan? AutoReset { get; init; } = MinBackoff;

    public OneForOneStrategy Strategy { get; init; } = new(SupervisorStrategy.DefaultDecider);

    public object? ReplyWhileStopped { get; init; }

    public Func<object, bool>? IsFinalStopMessage { get; init; }
}

sealed class BackoffOptionsImpl : BackoffOptions
{
    readonly BackoffSettings _settings;

    public BackoffOptionsImpl(
        bool onFailure, Props childProps, string childName, TimeSpan minBackoff, TimeSpan maxBackoff, double randomFactor)
    {
        ArgumentNullException.ThrowIfNull(childProps);
        ArgumentNullException.ThrowIfNull(childName);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(minBackoff, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxBackoff, minBackoff);
        ArgumentOutOfRangeException.ThrowIfNegative(randomFactor);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(randomFactor, 1);
        _settings = new BackoffSettings(onFailure, childProps, childName, minBackoff, maxBackoff, randomFactor);
    }

    BackoffOptionsImpl(BackoffSettings settings) => _settings = settings;

    internal override Props Props
    {
        get
        {
            var settings = _settings;
            return settings.OnFailure
                ? Actor.Props.Create(() => new BackoffOnRestartSupervisor(settings))
                : Actor.Props.Create(() => new BackoffSupervisor(settings));
        }
    }

    public override BackoffOptions WithAutoReset(TimeSpan resetBackoff) =>
        new BackoffOptionsImpl(_settings with { AutoReset = resetBackoff });

    public override BackoffOptions WithManualReset() => new BackoffOptionsImpl(_settings with { AutoReset = null });

    public override BackoffOptions WithSupervisorStrategy(OneForOneStrategy supervisorStrategy) =>
        new BackoffOptionsImpl(_settings with { Strategy = supervisorStrategy });

    public override BackoffOptions WithDefaultStoppingStrategy() => new BackoffOptionsImpl(_settings with
    {
        Strategy = new OneForOneStrategy(_settings.Strategy.MaxNumberOfRetries, -1, SupervisorStrategy.StoppingStrategy.Decider),
    });

    public override BackoffOptions WithMaxNrOfRetries(int maxNrOfRetries) =>
        new BackoffOptionsImpl(_settings with { Strategy = _settings.Strategy.WithMaxNrOfRetries(maxNrOfRetries) });

    public override BackoffOptions WithReplyWhileStopped(object replyWhileStopped) =>
        new BackoffOptionsImpl(_settings with { ReplyWhileStopped = replyWhileStopped });

    public override BackoffOptions WithFinalStopMessage(Func<object, bool> isFinalStopMessage) =>
        new BackoffOptionsImpl(_settings with { IsFinalStopMessage = isFinalStopMessage });
}
