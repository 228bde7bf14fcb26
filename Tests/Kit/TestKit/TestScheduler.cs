using Mesh.Actors.Engine.Actor;
using Mesh.Actors.Engine.Configuration;
using Mesh.Actors.Engine.Event;

namespace Mesh.Actors.Engine.TestKit;

/// <summary>A scheduler whose time stands still until the test moves it.</summary>
public class TestScheduler : IScheduler, IAdvancedScheduler
{
    readonly PriorityQueue<Scheduled, (DateTimeOffset Due, long Order)> _queue = new();
    readonly Lock _lock = new();
    readonly DateTimeOffset _started = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);
    DateTimeOffset _now;
    long _lastOrder;

    public TestScheduler(Config schedulerConfig, ILoggingAdapter log) => _now = _started;

    public IAdvancedScheduler Advanced => this;

    public DateTimeOffset Now
    {
        get
        {
            lock (_lock)
                return _now;
        }
    }

    public TimeSpan MonotonicClock => Now - _started;

    public TimeSpan HighResMonotonicClock => MonotonicClock;

    /// <summary>Moves time on; what falls due runs in order on this thread, each at its own moment.</summary>
    public void Advance(TimeSpan offset) => AdvanceTo(Now + offset);

    /// <exception cref="InvalidOperationException">The moment is past.</exception>
    public void AdvanceTo(DateTimeOffset when)
    {
        if (when < Now)
            throw new InvalidOperationException("Time does not go back.");
        while (TakeDue(when) is { } scheduled)
        {
            if (scheduled.Cancelable is { IsCancellationRequested: true })
                continue;
            scheduled.Action();
            if (scheduled.Interval is { } interval)
                Add(scheduled, interval);
        }
    }

    public void ScheduleTellOnce(TimeSpan delay, ICanTell receiver, object message, IActorRef? sender) =>
        ScheduleTellOnce(delay, receiver, message, sender, null);

    public void ScheduleTellOnce(TimeSpan delay, ICanTell receiver, object message, IActorRef? sender, ICancelable? cancelable)
    {
        WheelScheduler.Validate(delay, nameof(delay));
        Add(new Scheduled(() => receiver.Tell(message, sender), null, cancelable), delay);
    }

    public void ScheduleTellRepeatedly(
        TimeSpan initialDelay, TimeSpan interval, ICanTell receiver, object message, IActorRef? sender) =>
        ScheduleTellRepeatedly(initialDelay, interval, receiver, message, sender, null);

    public void ScheduleTellRepeatedly(
        TimeSpan initialDelay, TimeSpan interval, ICanTell receiver, object message, IActorRef? sender, ICancelable? cancelable)
    {
        WheelScheduler.Validate(initialDelay, interval);
        Add(new Scheduled(() => receiver.Tell(message, sender), interval, cancelable), initialDelay);
    }

    public void ScheduleOnce(TimeSpan delay, Action action) => ScheduleOnce(delay, action, null);

    public void ScheduleOnce(TimeSpan delay, Action action, ICancelable? cancelable)
    {
        WheelScheduler.Validate(delay, nameof(delay));
        Add(new Scheduled(action, null, cancelable), delay);
    }

    public void ScheduleRepeatedly(TimeSpan initialDelay, TimeSpan interval, Action action) =>
        ScheduleRepeatedly(initialDelay, interval, action, null);

    public void ScheduleRepeatedly(TimeSpan initialDelay, TimeSpan interval, Action action, ICancelable? cancelable)
    {
        WheelScheduler.Validate(initialDelay, interval);
        Add(new Scheduled(action, interval, cancelable), initialDelay);
    }

    void Add(Scheduled scheduled, TimeSpan delay)
    {
        lock (_lock)
            _queue.Enqueue(scheduled, (_now + delay, ++_lastOrder));
    }

    Scheduled? TakeDue(DateTimeOffset until)
    {
        lock (_lock)
        {
            if (_queue.TryPeek(out var next, out var priority) && priority.Due <= until)
            {
                _queue.Dequeue();
                _now = priority.Due > _now ? priority.Due : _now;
                return next;
            }
            _now = until;
            return null;
        }
    }

    sealed record Scheduled(Action Action, TimeSpan? Interval, ICancelable? Cancelable);
}
