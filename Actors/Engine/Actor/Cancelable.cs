namespace Mesh.Actors.Engine.Actor;

/// <summary>Cancels what was scheduled with it. Safe for concurrent use.</summary>
public class Cancelable : ICancelable, IDisposable
{
    readonly IActionScheduler _scheduler;
    readonly Lock _lock = new();
    CancellationTokenSource? _source;
    ScheduledEntry? _scheduled;
    volatile bool _cancelled;
    volatile bool _disposed;

    public Cancelable(IScheduler scheduler)
        : this(scheduler.Advanced)
    {
    }

    public Cancelable(IActionScheduler scheduler) => _scheduler = scheduler;

    public Cancelable(IScheduler scheduler, TimeSpan delay)
        : this(scheduler.Advanced, delay)
    {
    }

    public Cancelable(IActionScheduler scheduler, TimeSpan delay)
        : this(scheduler) => CancelAfter(delay);

    public bool IsCancellationRequested => _cancelled;

    public bool IsDisposed => _disposed;

    /// <summary>Made when first asked for: most cancelables are looked at by the scheduler only.</summary>
    public CancellationToken Token
    {
        get
        {
            if (_source is null)
                Interlocked.CompareExchange(ref _source, new CancellationTokenSource(), null);
            if (_cancelled)
                _source.Cancel();
            return _source.Token;
        }
    }

    public static ICancelable CreateCanceled() => new Cancelled();

    public void Cancel() => Cancel(false);

    public void Cancel(bool throwOnFirstException)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_cancelled)
            return;
        _cancelled = true;
        Volatile.Read(ref _source)?.Cancel(throwOnFirstException);
        ForgetScheduled();
    }

    public void CancelAfter(TimeSpan delay) => _scheduler.ScheduleOnce(delay, Cancel, this);

    public void CancelAfter(int millisecondsDelay) => CancelAfter(TimeSpan.FromMilliseconds(millisecondsDelay));

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Notes what has to leave its scheduler when this is cancelled.</summary>
    internal void Attach(ScheduledEntry entry)
    {
        lock (_lock)
        {
            entry.Sibling = _scheduled;
            _scheduled = entry;
        }
        if (_cancelled)
            ForgetScheduled();
    }

    /// <summary>Forgets an entry that has fired for the last time.</summary>
    internal void Detach(ScheduledEntry entry)
    {
        lock (_lock)
        {
            if (ReferenceEquals(_scheduled, entry))
            {
                _scheduled = entry.Sibling;
                return;
            }
            for (var each = _scheduled; each is not null; each = each.Sibling)
            {
                if (ReferenceEquals(each.Sibling, entry))
                {
                    each.Sibling = entry.Sibling;
                    return;
                }
            }
        }
    }

    protected virtual void Dispose(bool disposing)
    {
        _disposed = true;
        if (disposing)
            _source?.Dispose();
    }

    void ForgetScheduled()
    {
        ScheduledEntry? scheduled;
        lock (_lock)
        {
            scheduled = _scheduled;
            _scheduled = null;
        }
        for (; scheduled is not null; scheduled = scheduled.Sibling)
            scheduled.Scheduler?.Remove(scheduled);
    }

    sealed class Cancelled : ICancelable
    {
        public bool IsCancellationRequested => true;

        public CancellationToken Token { get; } = new(canceled: true);

        public void Cancel() { }

        public void Cancel(bool throwOnFirstException) { }

        public void CancelAfter(TimeSpan delay) { }

        public void CancelAfter(int millisecondsDelay) { }
    }
}
