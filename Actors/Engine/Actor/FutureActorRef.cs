using Mesh.Actors.Engine.Dispatch;

namespace Mesh.Actors.Engine.Actor;

/// <summary>The temporary reference behind one ask: the first answer completes the task, and that is its end.</summary>
sealed class FutureActorRef<T>(ActorSystemImpl system) : MinimalActorRef
{
    readonly TaskCompletionSource<T> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);
    ActorPath? _path;
    HashSet<IInternalActorRef>? _watchedBy;
    AskTimeout? _timeout;
    CancellationTokenRegistration _cancellation;
    int _isBound;

    public override ActorSystemImpl System { get; } = system;

    // Named only if somebody asks: most answers come without anyone looking at the path.
    public override ActorPath Path => _path ?? Interlocked.CompareExchange(ref _path, System.NextTempPath(), null) ?? _path;

    public override bool IsTerminated => _result.Task.IsCompleted;

    public Task<T> Task => _result.Task;

    /// <summary>Ends the ask after a time or with a token, whichever comes first. Called once, before anybody can answer.</summary>
    public void Bound(TimeSpan timeout, CancellationToken cancellationToken)
    {
        _cancellation = cancellationToken.UnsafeRegister(
            static (state, token) => ((FutureActorRef<T>)state!).TrySetCanceled(token), this);
        if (timeout != Timeout.InfiniteTimeSpan)
        {
            _timeout = new AskTimeout(this, timeout);
            if (!System.Wheel.TryAdd(_timeout, timeout))
                _timeout.OnDropped();
        }
        Interlocked.Exchange(ref _isBound, 1);
        if (IsTerminated)
            Unbound();
    }

    public override void SendSystemMessage(SystemMessage message)
    {
        switch (message)
        {
            case Terminate:
                TryFail(new ActorKilledException("Stopped"));
                break;
            case DeathWatchNotification notification:
                Tell(new Terminated(notification.Actor, notification.ExistenceConfirmed, addressTerminated: false), this);
                break;
            case Watch watch:
                lock (_result)
                {
                    if (!IsTerminated)
                    {
                        (_watchedBy ??= []).Add(watch.Watcher);
                        return;
                    }
                }
                watch.Watcher.SendSystemMessage(new DeathWatchNotification(this, existenceConfirmed: true));
                break;
            case Unwatch unwatch:
                lock (_result)
                    _watchedBy?.Remove(unwatch.Watcher);
                break;
            default:
                break;
        }
    }

    protected override void TellInternal(object message, IActorRef? sender)
    {
        bool handled;
        var ended = true;
        switch (message)
        {
            case T answer:
                ended = handled = _result.TrySetResult(answer);
                break;
            case null:
                ended = handled = _result.TrySetResult(default!);
                break;
            case Status.Failure failure:
                ended = handled = _result.TrySetException(
                    failure.Cause ?? new TaskCanceledException("The actor answered with a failure without a cause."));
                break;
            default:
                handled = false;
                _result.TrySetException(new ArgumentException(
                    $"Received message of type [{message.GetType()}] - Ask expected message of type [{typeof(T)}]"));
                break;
        }
        if (ended)
            OnEnded();
        if (!handled && message is not null && !_result.Task.IsCanceled)
            System.DeadLetters.Tell(message, this);
    }

    void TryFail(Exception cause)
    {
        if (_result.TrySetException(cause))
            OnEnded();
    }

    /// <summary>Cancels the task, if nothing has ended it yet.</summary>
    public void TrySetCanceled(CancellationToken token)
    {
        if (_result.TrySetCanceled(token))
            OnEnded();
    }

    void OnEnded()
    {
        // Before that, whoever sets the bounds sees that this has ended.
        if (Volatile.Read(ref _isBound) != 0)
            Unbound();
        TellWatchers();
    }

    void Unbound()
    {
        _timeout?.Scheduler?.Remove(_timeout);
        _cancellation.Unregister();
    }

    void TellWatchers()
    {
        HashSet<IInternalActorRef>? watchers;
        lock (_result)
        {
            watchers = _watchedBy;
            _watchedBy = null;
        }
        if (watchers is not null)
        {
            foreach (var watcher in watchers)
                watcher.SendSystemMessage(new DeathWatchNotification(this, existenceConfirmed: true));
        }
    }

    sealed class AskTimeout(FutureActorRef<T> asked, TimeSpan waited) : ScheduledEntry
    {
        public override void Fire() => asked.TryFail(new AskTimeoutException($"Timeout after {waited.TotalSeconds:F2} seconds"));

        // An ask must not outlive whoever could end it.
        public override void OnDropped() => asked.TryFail(new AskTimeoutException("The actor system ended before an answer came."));
    }
}
