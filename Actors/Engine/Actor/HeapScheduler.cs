using System.Diagnostics;

namespace Mesh.Actors.Engine.Actor;

/// <summary>
/// One thread over a heap of deadlines. It sleeps until the next one, so an idle system costs nothing; equal deadlines fire in the order
/// in which they were scheduled. The thread starts with the first deadline.
/// </summary>
sealed class HeapScheduler : IScheduler, IAdvancedScheduler, IDisposable
{
    const int SweepFrom = 64;

    readonly PriorityQueue<Entry, (long Due, long Order)> _entries = new();
    readonly long _started = Stopwatch.GetTimestamp();
    readonly string _name;
    readonly Action<Exception> _onFailure;
    readonly object _lock = new();
    Thread? _thread;
    long _lastOrder;
    int _cancelled;
    bool _closed;

    public HeapScheduler(string name, Action<Exception> onFailure)
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
        Add(new TellEntry(receiver, message, sender) { Cancelable = cancelable }, delay);
    }

    public void ScheduleTellRepeatedly(
        TimeSpan initialDelay, TimeSpan interval, ICanTell receiver, object message, IActorRef? sender) =>
        ScheduleTellRepeatedly(initialDelay, interval, receiver, message, sender, null);

    public void ScheduleTellRepeatedly(
        TimeSpan initialDelay, TimeSpan interval, ICanTell receiver, object message, IActorRef? sender, ICancelable? cancelable)
    {
        Validate(initialDelay, interval);
        Add(new TellEntry(receiver, message, sender) { Cancelable = cancelable, Interval = interval }, initialDelay);
    }

    public void ScheduleOnce(TimeSpan delay, Action action) => ScheduleOnce(delay, action, null);

    public void ScheduleOnce(TimeSpan delay, Action action, ICancelable? cancelable)
    {
        Validate(delay, nameof(delay));
        Add(new ActionEntry(action) { Cancelable = cancelable }, delay);
    }

    public void ScheduleRepeatedly(TimeSpan initialDelay, TimeSpan interval, Action action) =>
        ScheduleRepeatedly(initialDelay, interval, action, null);

    public void ScheduleRepeatedly(TimeSpan initialDelay, TimeSpan interval, Action action, ICancelable? cancelable)
    {
        Validate(initialDelay, interval);
        Add(new ActionEntry(action) { Cancelable = cancelable, Interval = interval }, initialDelay);
    }

    internal int Count
    {
        get
        {
            lock (_lock)
                return _entries.Count;
        }
    }

    /// <summary>Drops everything scheduled. Later calls to schedule throw <see cref="SchedulerException"/>.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _closed = true;
            _entries.Clear();
            Monitor.Pulse(_lock);
        }
    }

    internal static void Validate(TimeSpan delay, string name) => ArgumentOutOfRangeException.ThrowIfLessThan(delay, TimeSpan.Zero, name);

    internal static void Validate(TimeSpan initialDelay, TimeSpan interval)
    {
        Validate(initialDelay, nameof(initialDelay));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(interval, TimeSpan.Zero);
    }

    void Add(Entry entry, TimeSpan delay)
    {
        if (entry.Cancelable is { IsCancellationRequested: true })
            return;
        if (entry.Cancelable is Cancelable { OnCancelled: null } own)
            own.OnCancelled = CountCancelled;
        lock (_lock)
        {
            if (_closed)
                throw new SchedulerException("The scheduler is closed; the actor system has ended.");
            entry.Due = Stopwatch.GetTimestamp() + Ticks(delay);
            Push(entry);
            if (_thread is null)
            {
                _thread = new Thread(Run) { IsBackground = true, Name = $"{_name}-scheduler" };
                _thread.Start();
            }
        }
    }

    void Push(Entry entry)
    {
        var order = ++_lastOrder;
        _entries.Enqueue(entry, (entry.Due, order));
        // Only a new earliest deadline changes how long the thread may sleep.
        if (ReferenceEquals(_entries.Peek(), entry))
            Monitor.Pulse(_lock);
    }

    void Run()
    {
        while (TakeDue() is { } entry)
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
            if (entry.Interval is not { } interval || entry.Cancelable is { IsCancellationRequested: true })
                continue;
            lock (_lock)
            {
                if (_closed)
                    return;
                // From the deadline, not from now, so that intervals do not drift; but a stall is not caught up with a burst.
                entry.Due = Math.Max(entry.Due + Ticks(interval), Stopwatch.GetTimestamp());
                Push(entry);
            }
        }
    }

    Entry? TakeDue()
    {
        lock (_lock)
        {
            while (!_closed)
            {
                if (!_entries.TryPeek(out var next, out _))
                {
                    Monitor.Wait(_lock);
                    continue;
                }
                var left = next.Due - Stopwatch.GetTimestamp();
                if (left <= 0)
                    return _entries.Dequeue();
                var milliseconds = (left * 1000 + Stopwatch.Frequency - 1) / Stopwatch.Frequency;
                Monitor.Wait(_lock, (int)Math.Min(milliseconds, int.MaxValue));
            }
            return null;
        }
    }

    void CountCancelled()
    {
        lock (_lock)
        {
            // Cancelled entries stay until they are due; many of them with far deadlines would be a leak.
            if (++_cancelled < SweepFrom || _cancelled * 2 < _entries.Count)
                return;
            _cancelled = 0;
            var alive = new List<(Entry, (long, long))>();
            foreach (var (entry, priority) in _entries.UnorderedItems)
            {
                if (entry.Cancelable is not { IsCancellationRequested: true })
                    alive.Add((entry, priority));
            }
            _entries.Clear();
            _entries.EnqueueRange(alive);
        }
    }

    static long Ticks(TimeSpan delay) => (long)(delay.TotalSeconds * Stopwatch.Frequency);

    abstract class Entry
    {
        public ICancelable? Cancelable { get; init; }

        public TimeSpan? Interval { get; init; }

        public long Due { get; set; }

        public abstract void Fire();
    }

    sealed class TellEntry(ICanTell receiver, object message, IActorRef? sender) : Entry
    {
        public override void Fire() => receiver.Tell(message, sender);
    }

    sealed class ActionEntry(Action action) : Entry
    {
        public override void Fire() => action();
    }
}
