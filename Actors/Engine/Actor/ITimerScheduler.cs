namespace Mesh.Actors.Engine.Actor;

/// <summary>An actor whose timers the engine fills in, and cancels when the instance goes.</summary>
public interface IWithTimers
{
    ITimerScheduler Timers { get; set; }
}

/// <summary>
/// Messages to oneself at a later time, by key. Starting a key replaces its timer; a message of a replaced or cancelled timer never
/// arrives, even if it is queued already. On the actor's turn only.
/// </summary>
public interface ITimerScheduler
{
    void StartPeriodicTimer(object key, object msg, TimeSpan interval);

    void StartPeriodicTimer(object key, object msg, TimeSpan interval, IActorRef? sender);

    void StartPeriodicTimer(object key, object msg, TimeSpan initialDelay, TimeSpan interval);

    void StartPeriodicTimer(object key, object msg, TimeSpan initialDelay, TimeSpan interval, IActorRef? sender);

    void StartSingleTimer(object key, object msg, TimeSpan timeout);

    void StartSingleTimer(object key, object msg, TimeSpan timeout, IActorRef? sender);

    /// <summary>True if a timer of that key runs; a single timer ends when its message is delivered.</summary>
    bool IsTimerActive(object key);

    void Cancel(object key);

    void CancelAll();

    /// <summary>Keys of the timers that run.</summary>
    IReadOnlyCollection<object> ActiveTimers { get; }
}
