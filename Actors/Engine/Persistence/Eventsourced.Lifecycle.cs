using Mesh.Actors.Engine.Actor;
using Mesh.Actors.Engine.Event;

namespace Mesh.Actors.Engine.Persistence;

public abstract partial class Eventsourced
{
    /// <inheritdoc/>
    public override void AroundPreStart()
    {
        if (PersistenceId is null)
            throw new InvalidOperationException($"The persistent actor {Self.Path} has no PersistenceId.");

        // A plugin that is missing must show here, not at the first command.
        _ = Journal;
        _ = SnapshotStore;
        RequestPermit();
        base.AroundPreStart();
    }

    /// <inheritdoc/>
    public override void AroundPreRestart(Exception cause, object? message)
    {
        _recoveryTick?.Cancel();
        try
        {
            _internalStash.UnstashAll();
            Stash.UnstashAll(IsNotOfTheJournal);
        }
        finally
        {
            FlushJournalBatch();
            base.AroundPreRestart(cause, message switch
            {
                WriteMessageSuccess success => success.Persistent,
                LoopMessageSuccess loop => loop.Message,
                ReplayedMessage replayed => replayed.Persistent,
                _ => message,
            });
        }
    }

    /// <inheritdoc/>
    public override void AroundPostRestart(Exception cause, object? message)
    {
        RequestPermit();
        base.AroundPostRestart(cause, message);
    }

    /// <inheritdoc/>
    public override void AroundPostStop()
    {
        _recoveryTick?.Cancel();
        try
        {
            _internalStash.UnstashAll();
            Stash.UnstashAll(IsNotOfTheJournal);
        }
        finally
        {
            base.AroundPostStop();
        }
    }

    /// <inheritdoc/>
    protected override bool AroundReceive(Receive receive, object message)
    {
        // A second permit can come after a restart within recovery; it says nothing new.
        if ((message is RecoveryPermitGranted && !_isWaitingForPermit) || IsForEarlierInstance(message))
            return true;
        _state!.Handle(receive, message);
        return true;
    }

    /// <inheritdoc/>
    protected override void Unhandled(object message)
    {
        switch (message)
        {
            case RecoveryCompleted:
                return;
            case SaveSnapshotFailure failure:
                Log.Warning("Saving snapshot {0} failed: {1}", failure.Metadata, failure.Cause.Message);
                break;
            case DeleteSnapshotFailure failure:
                Log.Warning("Deleting snapshot {0} failed: {1}", failure.Metadata, failure.Cause.Message);
                break;
            case DeleteSnapshotsFailure failure:
                Log.Warning("Deleting snapshots {0} failed: {1}", failure.Criteria, failure.Cause.Message);
                break;
            case DeleteMessagesFailure failure:
                Log.Warning("Deleting events of {0} up to {1} failed: {2}", PersistenceId, failure.ToSequenceNr, failure.Cause.Message);
                break;
        }

        base.Unhandled(message);
    }

    private static bool IsNotOfTheJournal(Envelope envelope) => envelope.Message is not (WriteMessageSuccess or ReplayedMessage);
}
