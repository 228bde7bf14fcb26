using System.Diagnostics;

namespace Mesh.Actors.Engine.Actor;

/// <summary>
/// One thread over a wheel with ticks of a millisecond. It sleeps until the next deadline, so an idle system costs nothing; what shares a
/// tick fires in the order of the exact deadlines, equal ones in the order in which they were scheduled, and nothing fires early. The
/// thread starts with the first deadline.
/// </summary>
sealed class WheelScheduler : IScheduler, IAdvancedScheduler, IDisposable
{
    static readonly long _tickLength = Stopwatch.Frequency / 1000;

    readonly TimerWheel _wheel = new();
    readonly long _started = Stopwatch.GetTimestamp();
    readonly string _name;
    readonly Action<Exception> _onFailure;
    readonly object _lock = new();
    Thread? _thread;
    long _lastOrder;
    long _wakesAt = long.MaxValue;
    bool _closed;

    public WheelScheduler(string name, Action<Exception> onFailure)
    {
        _name = name;
        _onFailure = onFailure;
    }

    public IAdvancedScheduler Advanced => this;

    public DateTimeOffset Now => DateTimeOffset.UtcNow;

    public TimeSpan MonotonicClock => Stopwatch.GetElapsedTime(_started);

    public TimeSpan HighResMonotonicClock => MonotonicClock;

    public void ScheduleTellOnce(TimeSpan delay, ICanTell receiver, object message, IActorRef? sender) =>
        ScheduleTellOnce(delay, receiver, message, sender, null);

    public void ScheduleTellOnce(TimeSpan delay, ICanTell receiver, object message, IActorRef? sender, ICancelable? cancelable)
    {
        Validate(delay, nameof(delay));
        Add(new ScheduledTell(receiver, message, sender) { Cancelable = cancelable }, delay);
    }

    public void ScheduleTellRepeatedly(
        TimeSpan initialDelay, TimeSpan interval, ICanTell receiver, object message, IActorRef? sender) =>
        ScheduleTellRepeatedly(initialDelay, interval, receiver, message, sender, null);

    public void ScheduleTellRepeatedly(
        TimeSpan initialDelay, TimeSpan interval, ICanTell receiver, object message, IActorRef? sender, ICancelable? cancelable)
    {
        Validate(initialDelay, interval);
        Add(new ScheduledTell(receiver, message, sender) { Cancelable = cancelable, Interval = interval }, initialDelay);
    }

    public void ScheduleOnce(TimeSpan delay, Action action) => ScheduleOnce(delay, action, null);

    public void ScheduleOnce(TimeSpan delay, Action action, ICancelable? cancelable)
    {
        Validate(delay, nameof(delay));
        Add(new ScheduledAction(action) { Cancelable = cancelable }, delay);
    }

    public void ScheduleRepeatedly(TimeSpan initialDelay, TimeSpan interval, Action action) =>
        ScheduleRepeatedly(initialDelay, interval, action, null);

    public void ScheduleRepeatedly(TimeSpan initialDelay, TimeSpan interval, Action action, ICancelable? cancelable)
    {
        Validate(initialDelay, interval);
        Add(new ScheduledAction(action) { Cancelable = cancelable, Interval = interval }, initialDelay);
    }

    internal int Count
    {
        get
        {
            lock (_lock)
                return _wheel.Count;
        }
    }

    /// <summary>Schedules an entry; <see cref="Remove"/> takes it back.</summary>
    /// <exception cref="SchedulerException">The scheduler is closed.</exception>
    public void Add(ScheduledEntry entry, TimeSpan delay)
    {
        if (!TryAdd(entry, delay))
            throw new SchedulerException("The scheduler is closed; the actor system has ended.");
    }

    /// <summary>Schedules an entry, if the scheduler is not closed.</summary>
    public bool TryAdd(ScheduledEntry entry, TimeSpan delay)
    {
        entry.Scheduler = this;
        // Before it is placed, so that a cancellation either finds it in the wheel or is seen here.
        (entry.Cancelable as Cancelable)?.Attach(entry);
        lock (_lock)
        {
            if (_closed)
                return false;
            if (entry.Cancelable is { IsCancellationRequested: true })
                return true;
            Place(entry, Stopwatch.GetTimestamp() - _started + Ticks(delay));
            if (_thread is null)
            {
                _thread = new Thread(Run) { IsBackground = true, Name = $"{_name}-scheduler" };
                _thread.Start();
            }
            return true;
        }
    }

    /// <summary>Takes an entry back; without effect on one that has fired.</summary>
    public void Remove(ScheduledEntry entry)
    {
        lock (_lock)
        {
            if (!_closed)
                _wheel.Remove(entry);
        }
    }

    /// <summary>Drops everything scheduled. Later calls to schedule throw <see cref="SchedulerException"/>.</summary>
    public void Dispose()
    {
        List<WheelEntry> dropped;
        lock (_lock)
        {
            _closed = true;
            dropped = _wheel.Clear();
            Monitor.Pulse(_lock);
        }
        foreach (var entry in dropped)
            ((ScheduledEntry)entry).OnDropped();
    }

    internal static void Validate(TimeSpan delay, string name) => ArgumentOutOfRangeException.ThrowIfLessThan(delay, TimeSpan.Zero, name);

    internal static void Validate(TimeSpan initialDelay, TimeSpan interval)
    {
        Validate(initialDelay, nameof(initialDelay));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(interval, TimeSpan.Zero);
    }

    void Place(ScheduledEntry entry, long due)
    {
        entry.Due = due;
        entry.Tick = (due + _tickLength - 1) / _tickLength;
        entry.Order = ++_lastOrder;
        _wheel.Add(entry);
        // Only a new earliest deadline changes how long the thread may sleep.
        if (entry.Tick < _wakesAt)
            Monitor.Pulse(_lock);
    }

    void Run()
    {
        List<ScheduledEntry> due = [];
        while (TakeDue(due))
        {
            foreach (var entry in due)
                Fire(entry);
            due.Clear();
        }
    }

    void Fire(ScheduledEntry entry)
    {
        try
        {
            if (entry.Cancelable is not { IsCancellationRequested: true })
                entry.Fire();
        }
        catch (Exception failure)
        {
            _onFailure(failure);
        }
        if (entry.Interval is not { } interval)
        {
            (entry.Cancelable as Cancelable)?.Detach(entry);
            return;
        }
        lock (_lock)
        {
            // Within the lock, because a cancellation that comes later finds the entry in the wheel.
            if (_closed || entry.Cancelable is { IsCancellationRequested: true })
                return;
            // From the deadline, not from now, so that intervals do not drift; but a stall is not caught up with a burst.
            Place(entry, Math.Max(entry.Due + Ticks(interval), Stopwatch.GetTimestamp() - _started));
        }
    }

    bool TakeDue(List<ScheduledEntry> due)
    {
        lock (_lock)
        {
            _wakesAt = 0;
            while (!_closed)
            {
                var elapsed = Stopwatch.GetTimestamp() - _started;
                foreach (var entry in _wheel.TurnTo(elapsed / _tickLength))
                    due.Add((ScheduledEntry)entry);
                if (due.Count > 0)
                    return true;
                _wakesAt = _wheel.NextTick ?? long.MaxValue;
                if (_wakesAt == long.MaxValue)
                {
                    Monitor.Wait(_lock);
                    continue;
                }
                var left = (_wakesAt * _tickLength - elapsed + _tickLength - 1) / _tickLength;
                Monitor.Wait(_lock, (int)Math.Clamp(left, 1, int.MaxValue));
            }
            return false;
        }
    }

    static long Ticks(TimeSpan delay) => (long)(delay.TotalSeconds * Stopwatch.Frequency);
}

/// <summary>What a <see cref="WheelScheduler"/> keeps until it is due.</summary>
abstract class ScheduledEntry : WheelEntry
{
    public ICancelable? Cancelable { get; init; }

    /// <summary>The time from one firing to the next; null for one only.</summary>
    public TimeSpan? Interval { get; init; }

    public WheelScheduler? Scheduler { get; set; }

    /// <summary>The next one of those that share a cancelable. Guarded by the cancelable.</summary>
    public ScheduledEntry? Sibling { get; set; }

    public abstract void Fire();

    /// <summary>Called instead of <see cref="Fire"/> when the scheduler ends first.</summary>
    public virtual void OnDropped() { }
}

sealed class ScheduledTell(ICanTell receiver, object message, IActorRef? sender) : ScheduledEntry
{
    public override void Fire() => receiver.Tell(message, sender);
}

sealed class ScheduledAction(Action action) : ScheduledEntry
{
    public override void Fire() => action();
}
