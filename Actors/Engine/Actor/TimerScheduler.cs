using Mesh.Actors.Engine.Event;

namespace Mesh.Actors.Engine.Actor;

/// <summary>What a timer puts into the mailbox: the key and start that it stands for.</summary>
interface ITimerMsg
{
    object Key { get; }

    int Generation { get; }

    TimerScheduler Owner { get; }
}

/// <summary>The timers of one instance of an actor.</summary>
sealed class TimerScheduler(ActorCell cell) : ITimerScheduler
{
    Dictionary<object, Running>? _running;
    int _lastGeneration;

    public IReadOnlyCollection<object> ActiveTimers => _running is null ? [] : _running.Keys;

    public void StartPeriodicTimer(object key, object msg, TimeSpan interval) => Start(key, msg, interval, interval, true, cell.Self);

    public void StartPeriodicTimer(object key, object msg, TimeSpan interval, IActorRef? sender) =>
        Start(key, msg, interval, interval, true, sender);

    public void StartPeriodicTimer(object key, object msg, TimeSpan initialDelay, TimeSpan interval) =>
        Start(key, msg, initialDelay, interval, true, cell.Self);

    public void StartPeriodicTimer(object key, object msg, TimeSpan initialDelay, TimeSpan interval, IActorRef? sender) =>
        Start(key, msg, initialDelay, interval, true, sender);

    public void StartSingleTimer(object key, object msg, TimeSpan timeout) => Start(key, msg, timeout, default, false, cell.Self);

    public void StartSingleTimer(object key, object msg, TimeSpan timeout, IActorRef? sender) =>
        Start(key, msg, timeout, default, false, sender);

    public bool IsTimerActive(object key) => _running is not null && _running.ContainsKey(key);

    public void Cancel(object key)
    {
        if (_running is not null && _running.Remove(key, out var timer))
            timer.Task.Cancel();
    }

    public void CancelAll()
    {
        if (_running is not { } running)
            return;
        foreach (var timer in running.Values)
            timer.Task.Cancel();
        running.Clear();
    }

    /// <summary>Returns what the tick carries, or null if its timer is no more.</summary>
    public object? Intercept(ITimerMsg tick)
    {
        if (!ReferenceEquals(tick.Owner, this) || _running is null || !_running.TryGetValue(tick.Key, out var timer)
            || timer.Generation != tick.Generation)
        {
            return null;
        }
        if (!timer.Repeats)
            _running.Remove(tick.Key);
        return timer.Message;
    }

    void Start(object key, object msg, TimeSpan delay, TimeSpan interval, bool repeats, IActorRef? sender)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(msg);
        Cancel(key);
        var generation = ++_lastGeneration;
        object tick = msg is INotInfluenceReceiveTimeout
            ? new QuietTimerMsg(key, generation, this)
            : new TimerMsg(key, generation, this);
        var scheduler = cell.SystemImpl.Scheduler;
        var task = repeats
            ? scheduler.ScheduleTellRepeatedlyCancelable(delay, interval, cell.Self, tick, sender)
            : scheduler.ScheduleTellOnceCancelable(delay, cell.Self, tick, sender);
        (_running ??= [])[key] = new Running(msg, repeats, generation, task);
    }

    readonly record struct Running(object Message, bool Repeats, int Generation, ICancelable Task);

    sealed class TimerMsg(object key, int generation, TimerScheduler owner) : ITimerMsg, IDeadLetterSuppression
    {
        public object Key { get; } = key;

        public int Generation { get; } = generation;

        public TimerScheduler Owner { get; } = owner;
    }

    sealed class QuietTimerMsg(object key, int generation, TimerScheduler owner)
        : ITimerMsg, IDeadLetterSuppression, INotInfluenceReceiveTimeout
    {
        public object Key { get; } = key;

        public int Generation { get; } = generation;

        public TimerScheduler Owner { get; } = owner;
    }
}
