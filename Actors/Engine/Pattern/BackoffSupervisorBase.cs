using Mesh.Actors.Engine.Actor;

namespace Mesh.Actors.Engine.Pattern;

/// <summary>
/// Keeps one child running and passes messages between it and the rest: what comes from the child goes to the parent, everything else to
/// the child.
/// </summary>
public abstract class BackoffSupervisorBase : ActorBase
{
    private protected BackoffSupervisorBase(object settings) => Settings = (BackoffSettings)settings;

    private protected IActorRef? Child { get; private set; }

    private protected int RestartCount { get; set; }

    private protected bool FinalStopMessageReceived { get; private set; }

    internal BackoffSettings Settings { get; }

    protected override void PreStart()
    {
        StartChild();
        base.PreStart();
    }

    private protected bool HandleBackoff(object message)
    {
        switch (message)
        {
            case BackoffSupervisor.StartChild:
                StartChild();
                if (Settings.AutoReset is { } reset)
                {
                    Context.System.Scheduler.ScheduleTellOnce(
                        reset, Self, new BackoffSupervisor.ResetRestartCount(RestartCount), Self);
                }
                return true;
            case BackoffSupervisor.Reset when Settings.AutoReset is null:
                RestartCount = 0;
                return true;
            case BackoffSupervisor.Reset:
                Unhandled(message);
                return true;
            case BackoffSupervisor.ResetRestartCount restarts:
                if (restarts.Current == RestartCount)
                    RestartCount = 0;
                return true;
            case BackoffSupervisor.GetRestartCount:
                Sender.Tell(new BackoffSupervisor.RestartCount(RestartCount));
                return true;
            case BackoffSupervisor.GetCurrentChild:
                Sender.Tell(new BackoffSupervisor.CurrentChild(Child));
                return true;
            case Terminated:
                return false;
            default:
                PassOn(message);
                return true;
        }
    }

    /// <summary>Schedules the next start, or stops when there were enough.</summary>
    private protected void BackOff()
    {
        var retries = Settings.Strategy.MaxNumberOfRetries;
        if (retries >= 0 && RestartCount + 1 > retries)
        {
            Context.Stop(Self);
            return;
        }
        Context.System.Scheduler.ScheduleTellOnce(Delay(Settings, RestartCount), Self, BackoffSupervisor.StartChild.Instance, Self);
        RestartCount++;
    }

    private protected bool IsChild(IActorRef actor) => Child is not null && Child.Equals(actor);

    private protected void ForgetChild() => Child = null;

    internal static TimeSpan Delay(BackoffSettings settings, int restartCount)
    {
        var doubled = Math.Min(settings.MaxBackoff.Ticks, settings.MinBackoff.Ticks * Math.Pow(2, restartCount));
        var delay = doubled * (1 + Random.Shared.NextDouble() * settings.RandomFactor);
        return delay >= long.MaxValue ? settings.MaxBackoff : TimeSpan.FromTicks((long)delay);
    }

    void StartChild()
    {
        if (Child is null)
            Child = Context.Watch(Context.ActorOf(Settings.ChildProps, Settings.ChildName));
    }

    void PassOn(object message)
    {
        if (IsChild(Sender))
        {
            // In its own name: an answer then finds the child that there is by that time.
            Context.Parent.Tell(message);
            return;
        }
        if (Settings.IsFinalStopMessage?.Invoke(message) == true)
            FinalStopMessageReceived = true;
        if (Child is not null)
        {
            Child.Forward(message);
            return;
        }
        if (Settings.ReplyWhileStopped is { } reply)
            Sender.Tell(reply);
        else
            Context.System.DeadLetters.Forward(message);
        if (FinalStopMessageReceived)
            Context.Stop(Self);
    }
}
