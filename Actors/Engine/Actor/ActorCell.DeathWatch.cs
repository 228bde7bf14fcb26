using Mesh.Actors.Engine.Dispatch;

namespace Mesh.Actors.Engine.Actor;

sealed partial class ActorCell
{
    // The values are the messages to deliver instead of Terminated, or null.
    Dictionary<IActorRef, object?>? _watching;
    Dictionary<IActorRef, object?>? _terminatedQueued;
    HashSet<IInternalActorRef>? _watchedBy;

    public IActorRef Watch(IActorRef subject) => AddWatch(subject, null);

    public IActorRef WatchWith(IActorRef subject, object message)
    {
        ArgumentNullException.ThrowIfNull(message);
        return AddWatch(subject, message);
    }

    public IActorRef Unwatch(IActorRef subject)
    {
        ArgumentNullException.ThrowIfNull(subject);
        if (_watching is not null && _watching.Remove(subject))
            ((IInternalActorRef)subject).SendSystemMessage(new Unwatch((IInternalActorRef)subject, _self));
        _terminatedQueued?.Remove(subject);
        return subject;
    }

    /// <summary>Notes that a <see cref="Terminated"/> is on its way; without the note it is dropped when it arrives.</summary>
    public void TerminatedQueuedFor(IActorRef subject, object? message) => (_terminatedQueued ??= [])[subject] = message;

    IActorRef AddWatch(IActorRef subject, object? message)
    {
        ArgumentNullException.ThrowIfNull(subject);
        if (!subject.Equals(_self) && (_watching ??= []).TryAdd(subject, message))
            ((IInternalActorRef)subject).SendSystemMessage(new Watch((IInternalActorRef)subject, _self));
        return subject;
    }

    void ReceivedTerminated(Terminated terminated)
    {
        if (_terminatedQueued is null || !_terminatedQueued.Remove(terminated.ActorRef, out var message))
            return;
        if (message is not null)
            CurrentMessage = message;
        ReceiveMessage(message ?? terminated);
    }

    void WatchedActorTerminated(IActorRef actor, bool existenceConfirmed)
    {
        if (_watching is not null && _watching.Remove(actor, out var message) && !IsTerminating)
        {
            // By way of the mailbox, so that it comes after all that the deceased sent.
            _self.Tell(new Terminated(actor, existenceConfirmed, addressTerminated: false), actor);
            TerminatedQueuedFor(actor, message);
        }
        if (_children?.Find(actor) is not null)
            HandleChildTerminated(actor);
    }

    void AddWatcher(IInternalActorRef watchee, IInternalActorRef watcher)
    {
        if (watchee.Equals(_self) && !watcher.Equals(_self))
            (_watchedBy ??= []).Add(watcher);
    }

    void RemoveWatcher(IInternalActorRef watchee, IInternalActorRef watcher)
    {
        if (watchee.Equals(_self))
            _watchedBy?.Remove(watcher);
    }

    void TellWatchersWeDied()
    {
        if (_watchedBy is not { } watchers)
            return;
        _watchedBy = null;
        foreach (var watcher in watchers)
        {
            // The parent is told in any case.
            if (!watcher.Equals(ParentRef))
                watcher.SendSystemMessage(new DeathWatchNotification(_self, existenceConfirmed: true));
        }
    }

    void UnwatchWatchedActors()
    {
        if (_watching is { } watching)
        {
            _watching = null;
            foreach (var watchee in watching.Keys)
                ((IInternalActorRef)watchee).SendSystemMessage(new Unwatch((IInternalActorRef)watchee, _self));
        }
        _terminatedQueued = null;
    }
}
