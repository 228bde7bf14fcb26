using Mesh.Actors.Engine.Dispatch;

namespace Mesh.Actors.Engine.Actor;

sealed partial class ActorCell
{
    const int Normal = 0;
    const int WhileFailed = 1;
    const int WhileWaitingForChildren = 2;

    SystemMessage? _postponed;

    /// <summary>Handles one user message. A throw is the supervisor's business.</summary>
    public void Invoke(object message, IActorRef? sender)
    {
        CurrentMessage = message;
        CurrentEnvelopeId++;
        _sender = sender;
        var influences = false;
        try
        {
            if (_receiveTimeout is not null)
            {
                if (message is ReceiveTimeoutTick tick)
                {
                    if (!ReceiveTimeoutIsDue(tick))
                    {
                        CurrentMessage = null;
                        return;
                    }
                    CurrentMessage = message = Actor_ReceiveTimeout;
                }
                influences = message is not INotInfluenceReceiveTimeout;
            }
            else if (message is ReceiveTimeoutTick)
            {
                CurrentMessage = null;
                return;
            }

            if (message is IAutoReceivedMessage)
                AutoReceiveMessage(message);
            else
                ReceiveMessage(message);
            if (_failedBy is null)
                CurrentMessage = null;
        }
        catch (Exception cause)
        {
            HandleInvokeFailure(cause, null);
        }
        if (_receiveTimeout is not null)
            RearmReceiveTimeout(influences);
    }

    /// <summary>Handles what the engine answers itself.</summary>
    public void AutoReceiveMessage(object message)
    {
        switch (message)
        {
            case Terminated terminated:
                ReceivedTerminated(terminated);
                break;
            case Kill:
                throw new ActorKilledException("Kill");
            case PoisonPill:
                _self.Stop();
                break;
            case Identify identify:
                Sender.Tell(new ActorIdentity(identify.MessageId, _self), _self);
                break;
            default:
                ReceiveMessage(message);
                break;
        }
    }

    void ReceiveMessage(object message) => _actor!.InvokeReceive(_behavior!, message);

    /// <summary>Handles a list of system messages in order, and those that they release.</summary>
    public void InvokeSystem(SystemMessage? messages)
    {
        var state = PostponeState();
        while (messages is not null)
        {
            var message = messages;
            messages = message.Next;
            message.Next = null;
            try
            {
                if ((state == WhileWaitingForChildren && message.WaitsForChildren) || (state == WhileFailed && message.WaitsWhileFailed))
                    Postpone(message);
                else
                    InvokeSystemMessage(message);
            }
            catch (Exception cause)
            {
                HandleInvokeFailure(cause, null);
            }

            if (Mailbox.IsClosed)
            {
                AnswerFromTheDead(messages);
                AnswerFromTheDead(TakePostponed());
                return;
            }
            var next = PostponeState();
            // What waited was sent before what is left.
            if (next < state && _postponed is not null)
                messages = Append(TakePostponed(), messages);
            state = next;
        }
    }

    void InvokeSystemMessage(SystemMessage message)
    {
        switch (message)
        {
            case RunScheduledTask continuation:
                RunContinuation(continuation);
                break;
            case Failed failed:
                HandleFailed(failed);
                break;
            case DeathWatchNotification notification:
                WatchedActorTerminated(notification.Actor, notification.ExistenceConfirmed);
                break;
            case Create:
                CreateActor();
                break;
            case Dispatch.Watch watch:
                AddWatcher(watch.Watchee, watch.Watcher);
                break;
            case Dispatch.Unwatch unwatch:
                RemoveWatcher(unwatch.Watchee, unwatch.Watcher);
                break;
            case Recreate recreate:
                FaultRecreate(recreate.Cause);
                break;
            case Suspend:
                FaultSuspend();
                break;
            case Resume resume:
                FaultResume(resume.CausedByFailure);
                break;
            case Terminate:
                HandleTerminate();
                break;
            default:
                throw new NotSupportedException($"Unknown system message {message.GetType().Name}.");
        }
    }

    int PostponeState()
    {
        if (_children is not null && _children.IsWaiting)
            return WhileWaitingForChildren;
        // Failures of children do not wait for an asynchronous handler.
        return SuspensionsByFailure > 0 ? WhileFailed : Normal;
    }

    void Postpone(SystemMessage message)
    {
        message.Next = _postponed;
        _postponed = message;
    }

    SystemMessage? TakePostponed()
    {
        SystemMessage? inOrder = null;
        while (_postponed is { } newest)
        {
            _postponed = newest.Next;
            newest.Next = inOrder;
            inOrder = newest;
        }
        return inOrder;
    }

    static SystemMessage? Append(SystemMessage? first, SystemMessage? second)
    {
        if (first is null)
            return second;
        var last = first;
        while (last.Next is not null)
            last = last.Next;
        last.Next = second;
        return first;
    }

    static void AnswerFromTheDead(SystemMessage? messages)
    {
        while (messages is not null)
        {
            var message = messages;
            messages = message.Next;
            message.Next = null;
            DeadLetterActorRef.AnswerFromTheDead(message);
        }
    }
}
