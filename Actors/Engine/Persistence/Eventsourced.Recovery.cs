using Mesh.Actors.Engine.Actor;

namespace Mesh.Actors.Engine.Persistence;

public abstract partial class Eventsourced
{
    private bool _isWaitingForPermit;
    private ICancelable? _recoveryTick;

    private void RequestPermit()
    {
        _extension.RecoveryPermitter.Tell(RequestRecoveryPermit.Instance, Self);
        _isWaitingForPermit = true;
        _state = WaitingForPermit(Recovery);
    }

    private void ReturnPermit() => _extension.RecoveryPermitter.Tell(ReturnRecoveryPermit.Instance, Self);

    private EventsourcedState WaitingForPermit(Recovery recovery) => new("waiting for permit", () => true, (_, message) =>
    {
        if (message is not RecoveryPermitGranted)
        {
            StashForLater(message);
            return;
        }

        _isWaitingForPermit = false;
        _state = RecoveryStarted(recovery);
        LoadSnapshot(SnapshotterId, recovery.FromSnapshot, recovery.ToSequenceNr);
    });

    private EventsourcedState RecoveryStarted(Recovery recovery)
    {
        var timeout = _extension.RecoveryEventTimeout(JournalPluginId);
        var tick = _recoveryTick = Context.System.Scheduler.ScheduleTellOnceCancelable(
            timeout, Self, new RecoveryTick(Snapshot: true), Self);

        return new EventsourcedState("recovery started", () => true, (_, message) =>
        {
            switch (message)
            {
                case LoadSnapshotResult result:
                    tick.Cancel();
                    if (result.Snapshot is { } snapshot && !TryOffer(snapshot))
                        return;
                    _state = Recovering(timeout);
                    var replay = new ReplayMessages(LastSequenceNr + 1, result.ToSequenceNr, recovery.ReplayMax, PersistenceId, Self);
                    Journal.Tell(replay with { ActorInstanceId = _instanceId }, Self);
                    break;
                case LoadSnapshotFailed failed:
                    tick.Cancel();
                    FailRecovery(failed.Cause);
                    break;
                case RecoveryTick { Snapshot: true }:
                    FailRecovery(new RecoveryTimedOutException($"No answer about a snapshot of {PersistenceId} came within {timeout.TotalSeconds} s."));
                    break;
                default:
                    StashForLater(message);
                    break;
            }
        });
    }

    /// <summary>
    /// Keeps a command until recovery is over. Answers to writes are none: what recovers has written nothing yet, the instance before has.
    /// Among the commands they would be taken for the one that may come next, and those behind would wait for the command after that.
    /// </summary>
    private void StashForLater(object message)
    {
        if (message is not (WriteMessagesSuccessful or WriteMessagesFailed or WriteMessageSuccess or WriteMessageRejected
            or WriteMessageFailure or LoopMessageSuccess or RecoveryTick))
        {
            _internalStash.Stash();
        }
    }

    /// <summary>Offers a snapshot; one that nobody handles leaves all events to be replayed. False when the handler threw.</summary>
    private bool TryOffer(SelectedSnapshot snapshot)
    {
        var before = LastSequenceNr;
        LastSequenceNr = snapshot.Metadata.SequenceNr;
        try
        {
            if (!base.AroundReceive(HandleRecovery, new SnapshotOffer(snapshot.Metadata, snapshot.Snapshot)))
                LastSequenceNr = before;
            return true;
        }
        catch (Exception cause)
        {
            FailRecovery(cause);
            return false;
        }
    }

    private EventsourcedState Recovering(TimeSpan timeout)
    {
        var tick = _recoveryTick = Context.System.Scheduler.ScheduleTellRepeatedlyCancelable(
            timeout, timeout, Self, new RecoveryTick(Snapshot: false), Self);
        var eventSeen = false;
        var running = true;

        return new EventsourcedState("recovering", () => running, (_, message) =>
        {
            switch (message)
            {
                case ReplayedMessage replayed:
                    eventSeen = true;
                    UpdateLastSequenceNr(replayed.Persistent);
                    try
                    {
                        base.AroundReceive(HandleRecovery, replayed.Persistent);
                    }
                    catch (Exception cause)
                    {
                        tick.Cancel();
                        FailRecovery(cause, replayed.Persistent.Payload);
                    }

                    break;
                case RecoverySuccess success:
                    tick.Cancel();
                    try
                    {
                        OnReplaySuccess();
                        LastSequenceNr = _sequenceNr = Math.Max(success.HighestSequenceNr, LastSequenceNr);
                        running = false;
                        try
                        {
                            base.AroundReceive(HandleRecovery, RecoveryCompleted.Instance);
                        }
                        finally
                        {
                            // Also after a throw: the supervisor may resume the actor.
                            TransitToProcessing();
                        }
                    }
                    finally
                    {
                        ReturnPermit();
                    }

                    break;
                case ReplayMessagesFailure failure:
                    tick.Cancel();
                    FailRecovery(failure.Cause);
                    break;
                case RecoveryTick { Snapshot: false } when !eventSeen:
                    tick.Cancel();
                    FailRecovery(new RecoveryTimedOutException(
                        $"No event of {PersistenceId} came within {timeout.TotalSeconds} s; the last one was {LastSequenceNr}."));
                    break;
                case RecoveryTick { Snapshot: false }:
                    eventSeen = false;
                    break;
                case RecoveryTick:
                    break;
                default:
                    StashForLater(message);
                    break;
            }
        });
    }

    /// <summary>
    /// True for an answer to the recovery of an instance before. Restarted in the middle of it, an actor asks anew, and would take what is
    /// still on its way for the answer.
    /// </summary>
    private bool IsForEarlierInstance(object message)
    {
        var asker = message switch
        {
            ReplayedMessage replayed => replayed.ActorInstanceId,
            RecoverySuccess success => success.ActorInstanceId,
            ReplayMessagesFailure failure => failure.ActorInstanceId,
            LoadSnapshotResult result => result.ActorInstanceId,
            LoadSnapshotFailed failed => failed.ActorInstanceId,
            _ => 0,
        };
        return asker != 0 && asker != _instanceId;
    }

    private bool HandleRecovery(object message) => message switch
    {
        IPersistentRepresentation persistent => ReceiveRecover(persistent.Payload),
        SnapshotOffer or RecoveryCompleted => ReceiveRecover(message),
        _ => false,
    };

    /// <summary>Ends the actor: what it would go on with is not what was acknowledged.</summary>
    private void FailRecovery(Exception cause, object? message = null)
    {
        try
        {
            OnRecoveryFailure(cause, message);
        }
        finally
        {
            Context.Stop(Self);
            ReturnPermit();
        }
    }

    private void TransitToProcessing()
    {
        FlushBatch();
        if (_pendingStashingInvocations > 0)
        {
            _state = PersistingEvents();
        }
        else
        {
            _state = ProcessingCommands();
            _internalStash.UnstashAll();
        }
    }
}
