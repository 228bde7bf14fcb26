using Mesh.Actors.Engine.Dispatch;

namespace Mesh.Actors.Engine.Persistence;

public abstract partial class Eventsourced
{
    private bool _isTaskRunning;
    private bool _isAnswerBegun;

    /// <summary>
    /// Runs asynchronous work as part of the command in hand: no other message is taken before it ends, and what it persists is written
    /// then. Its failure is the actor's.
    /// </summary>
    /// <exception cref="NotSupportedException">Such work is running already.</exception>
    protected void RunTask(Func<Task> action)
    {
        ArgumentNullException.ThrowIfNull(action);
        if (_isTaskRunning)
            throw new NotSupportedException("RunTask cannot be nested.");
        ActorTaskScheduler.RunTask(async () =>
        {
            var task = action();
            if (task.IsCompleted)
            {
                await task;
                return;
            }

            _isTaskRunning = true;
            var failed = true;
            try
            {
                await task;
                failed = false;
            }
            finally
            {
                _isTaskRunning = false;
                CommandDone(failed);
            }
        });
    }

    private EventsourcedState ProcessingCommands() => new("processing commands", () => false, (receive, message) =>
    {
        if (TryHandleJournalReply(message))
            return;
        var failed = true;
        try
        {
            base.AroundReceive(receive, message);
            failed = false;
        }
        finally
        {
            CommandDone(failed);
        }
    });

    private EventsourcedState PersistingEvents() => new("persisting events", () => false, (_, message) =>
    {
        if (!TryHandleJournalReply(message))
            _internalStash.Stash();
    });

    private void CommandDone(bool failed)
    {
        FlushBatch();
        if (_isTaskRunning)
            return;
        if (_pendingStashingInvocations > 0)
            _state = PersistingEvents();
        else
            UnstashInternally(failed);
    }

    /// <summary>
    /// Goes on once an event is dealt with. What is left, if anything, is asynchronous and does not keep commands waiting; but a handler of
    /// an asynchronous event may have called <see cref="Persist{TEvent}"/>, and from then on they wait again.
    /// </summary>
    private void WriteDone(bool failed)
    {
        if (_pendingInvocations.Dequeue().Stashing)
            _pendingStashingInvocations--;
        if (_pendingStashingInvocations > 0)
        {
            _state = PersistingEvents();
            return;
        }

        _state = ProcessingCommands();
        UnstashInternally(failed);
    }

    /// <summary>One waiting command at a time, so that each may persist in its turn; after a throw all, for a restart clears the stash.</summary>
    private void UnstashInternally(bool all)
    {
        if (all)
            _internalStash.UnstashAll();
        else
            _internalStash.Unstash();
    }

    private bool TryHandleJournalReply(object message)
    {
        // Replies to an instance before a restart are dropped: this one has replayed what they speak of.
        switch (message)
        {
            case WriteMessageSuccess success:
                if (IsOwn(success.ActorInstanceId))
                {
                    UpdateLastSequenceNr(success.Persistent);
                    CallHandler(success.Persistent.Payload);
                }

                return true;
            case LoopMessageSuccess loop:
                if (IsOwn(loop.ActorInstanceId))
                    CallHandler(loop.Message);
                return true;
            case WriteMessageRejected rejected:
                if (IsOwn(rejected.ActorInstanceId))
                {
                    UpdateLastSequenceNr(rejected.Persistent, isRejected: true);
                    HandleRejection(rejected);
                }

                return true;
            case WriteMessageFailure failure:
                if (IsOwn(failure.ActorInstanceId))
                {
                    WriteDone(false);
                    try
                    {
                        OnPersistFailure(failure.Cause, failure.Persistent.Payload, failure.Persistent.SequenceNr);
                    }
                    finally
                    {
                        Context.Stop(Self);
                    }
                }

                return true;
            case WriteMessagesSuccessful:
                _isAnswerBegun = true;
                return true;
            case WriteMessagesFailed failed:
                // With writes in it, a WriteMessageFailure follows and ends the actor.
                _isAnswerBegun = failed.WriteCount == 0;
                return true;
            case RecoveryTick:
                return true;
            default:
                return false;
        }
    }

    /// <summary>
    /// True for a reply to this instance. The first one lets the next request out: what begins an answer does not say to which instance it
    /// is, and a late answer to the one before must not let a second request out.
    /// </summary>
    private bool IsOwn(int actorInstanceId)
    {
        var isOwn = actorInstanceId == _instanceId;
        if (_isAnswerBegun && isOwn)
        {
            _isWriteInProgress = false;
            FlushJournalBatch();
        }

        _isAnswerBegun = false;
        return isOwn;
    }

    /// <summary>What is persisted here is dealt with as in a handler: at once, and before another command if commands are to wait.</summary>
    private void HandleRejection(WriteMessageRejected rejected)
    {
        var failed = true;
        try
        {
            OnPersistRejected(rejected.Cause, rejected.Persistent.Payload, rejected.Persistent.SequenceNr);
            failed = false;
        }
        finally
        {
            FlushBatch();
            WriteDone(failed);
        }
    }

    private void CallHandler(object payload)
    {
        var failed = true;
        try
        {
            _pendingInvocations.Peek().Handler(payload);
            failed = false;
        }
        finally
        {
            FlushBatch();
            WriteDone(failed);
        }
    }
}
