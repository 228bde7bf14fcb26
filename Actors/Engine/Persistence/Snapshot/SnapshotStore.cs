using Mesh.Actors.Engine.Actor;

namespace Mesh.Actors.Engine.Persistence.Snapshot;

/// <summary>Base of a snapshot plugin: speaks the snapshot protocol, and leaves four methods to the storage.</summary>
public abstract class SnapshotStore : ActorBase
{
    private readonly CircuitBreaker _breaker;

    /// <summary>Made by the engine only.</summary>
    protected SnapshotStore()
    {
        var config = PersistenceExtension.For(Context.System).ConfigOfSnapshotStore(Self);
        _breaker = CircuitBreaker.From(config, Context.System.Scheduler);
    }

    /// <summary>Finds the snapshot with the highest number that fits, the latest among equals; null for none.</summary>
    protected abstract Task<SelectedSnapshot?> LoadAsync(string persistenceId, SnapshotSelectionCriteria criteria);

    /// <summary>Saves a snapshot; one of the same number is replaced.</summary>
    protected abstract Task SaveAsync(SnapshotMetadata metadata, object snapshot);

    /// <summary>Deletes one snapshot; a time of <see cref="DateTime.MinValue"/> fits any.</summary>
    protected abstract Task DeleteAsync(SnapshotMetadata metadata);

    /// <summary>Deletes the snapshots that fit.</summary>
    protected abstract Task DeleteAsync(string persistenceId, SnapshotSelectionCriteria criteria);

    /// <summary>Handles what is not of the snapshot protocol; false if it does not want it.</summary>
    protected virtual bool ReceivePluginInternal(object message) => false;

    /// <inheritdoc/>
    protected sealed override bool Receive(object message)
    {
        var (self, sender) = (Self, Sender);
        switch (message)
        {
            case LoadSnapshot load when load.Criteria == SnapshotSelectionCriteria.None:
                sender.Tell(new LoadSnapshotResult(null, load.ToSequenceNr) { ActorInstanceId = load.ActorInstanceId }, self);
                return true;
            case LoadSnapshot load:
                _ = AnswerAsync(
                    sender,
                    self,
                    async () => new LoadSnapshotResult(
                        await _breaker.CallAsync(() => LoadAsync(load.PersistenceId, load.Criteria.Limit(load.ToSequenceNr))).ConfigureAwait(false),
                        load.ToSequenceNr) { ActorInstanceId = load.ActorInstanceId },
                    cause => new LoadSnapshotFailed(cause) { ActorInstanceId = load.ActorInstanceId });
                return true;
            case SaveSnapshot save:
                _ = AnswerAsync(
                    sender,
                    self,
                    () => SaveAsync(save.Metadata, save.Snapshot),
                    new SaveSnapshotSuccess(save.Metadata),
                    cause => new SaveSnapshotFailure(save.Metadata, cause));
                return true;
            case DeleteSnapshot delete:
                _ = AnswerAsync(
                    sender,
                    self,
                    () => DeleteAsync(delete.Metadata),
                    new DeleteSnapshotSuccess(delete.Metadata),
                    cause => new DeleteSnapshotFailure(delete.Metadata, cause));
                return true;
            case DeleteSnapshots delete:
                _ = AnswerAsync(
                    sender,
                    self,
                    () => DeleteAsync(delete.PersistenceId, delete.Criteria),
                    new DeleteSnapshotsSuccess(delete.Criteria),
                    cause => new DeleteSnapshotsFailure(delete.Criteria, cause));
                return true;
            default:
                return ReceivePluginInternal(message);
        }
    }

    private Task AnswerAsync(IActorRef target, IActorRef self, Func<Task> call, object success, Func<Exception, object> failure) => AnswerAsync(
        target,
        self,
        async () =>
        {
            await _breaker.CallAsync(call).ConfigureAwait(false);
            return success;
        },
        failure);

    private static async Task AnswerAsync(IActorRef target, IActorRef self, Func<Task<object>> call, Func<Exception, object> failure)
    {
        object answer;
        try
        {
            answer = await call().ConfigureAwait(false);
        }
        catch (Exception cause)
        {
            answer = failure(cause);
        }

        target.Tell(answer, self);
    }
}
