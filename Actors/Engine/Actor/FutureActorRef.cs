using Mesh.Actors.Engine.Dispatch;

namespace Mesh.Actors.Engine.Actor;

/// <summary>The temporary reference behind one ask: the first answer completes the task, and that is its end.</summary>
sealed class FutureActorRef<T>(ActorSystemImpl system) : MinimalActorRef
{
    readonly TaskCompletionSource<T> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);
    ActorPath? _path;
    HashSet<IInternalActorRef>? _watchedBy;

    public override ActorSystemImpl System { get; } = system;

    // Named only if somebody asks: most answers come without anyone looking at the path.
    public override ActorPath Path => _path ?? Interlocked.CompareExchange(ref _path, System.NextTempPath(), null) ?? _path;

    public override bool IsTerminated => _result.Task.IsCompleted;

    public Task<T> Task => _result.Task;

    public bool TrySetException(Exception cause) => _result.TrySetException(cause) && TellWatchers();

    public bool TrySetCanceled(CancellationToken token) => _result.TrySetCanceled(token) && TellWatchers();

    public override void SendSystemMessage(SystemMessage message)
    {
        switch (message)
        {
            case Terminate:
                TrySetException(new ActorKilledException("Stopped"));
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
            TellWatchers();
        if (!handled && message is not null && !_result.Task.IsCanceled)
            System.DeadLetters.Tell(message, this);
    }

    bool TellWatchers()
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
        return true;
    }
}
