using System.Collections.Concurrent;
using System.Collections.Immutable;
using Mesh.Actors.Engine.Actor;

namespace Mesh.Actors.Engine.Persistence.Journal;

/// <summary>
/// Base of a journal plugin: speaks the journal protocol, and leaves four methods to the storage. A write is called on the actor's turn, in
/// the order of the requests; the other three and everything after an await may run beside it.
/// </summary>
public abstract class AsyncWriteJournal : ActorBase
{
    private readonly CircuitBreaker _breaker;
    private readonly ConcurrentDictionary<IActorRef, Task> _replying = new();

    /// <summary>Made by the engine only.</summary>
    protected AsyncWriteJournal()
    {
        var config = PersistenceExtension.For(Context.System).ConfigOfJournal(Self);
        _breaker = CircuitBreaker.From(config, Context.System.Scheduler);
    }

    /// <summary>
    /// Hands over the events of an entity in order: both bounds inclusive, at most <paramref name="max"/>, none that is deleted.
    /// </summary>
    public abstract Task ReplayMessagesAsync(
        IActorContext context,
        string persistenceId,
        long fromSequenceNr,
        long toSequenceNr,
        long max,
        Action<IPersistentRepresentation> recoveryCallback);

    /// <summary>
    /// Reads the highest sequence number ever stored for an entity, deleted events included; 0 for none. Waits for a write of the entity
    /// that is still under way.
    /// </summary>
    public abstract Task<long> ReadHighestSequenceNrAsync(string persistenceId, long fromSequenceNr);

    /// <summary>
    /// Stores writes in order, each all or not at all. Null, or one entry for each write: null for stored, an exception for rejected
    /// (nothing of it is stored, and storing it again would fail again). Throws when the outcome is unknown; the writer then stops.
    /// </summary>
    protected abstract Task<IImmutableList<Exception?>?> WriteMessagesAsync(IEnumerable<AtomicWrite> messages);

    /// <summary>Deletes events up to a number, inclusive; the highest number stays what it was.</summary>
    protected abstract Task DeleteMessagesToAsync(string persistenceId, long toSequenceNr);

    /// <summary>Handles what is not of the journal protocol; false if it does not want it.</summary>
    protected virtual bool ReceivePluginInternal(object message) => false;

    /// <inheritdoc/>
    protected sealed override bool Receive(object message) => ReceiveWriteJournal(message) || ReceivePluginInternal(message);

    /// <summary>Handles the journal protocol.</summary>
    protected bool ReceiveWriteJournal(object message)
    {
        switch (message)
        {
            case WriteMessages write:
                HandleWrite(write);
                return true;
            case ReplayMessages replay:
                _ = ReplayAsync(replay, Context, Self);
                return true;
            case DeleteMessagesTo delete:
                _ = DeleteAsync(delete, Self);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Replies to one actor stay in the order of its requests, however the writes end.</summary>
    private void HandleWrite(WriteMessages request)
    {
        var envelopes = request.Messages as IReadOnlyCollection<IPersistentEnvelope> ?? [.. request.Messages];
        var writes = Prepare(envelopes);
        _replying.TryGetValue(request.PersistentActor, out var earlier);
        var replying = WriteAsync(request, envelopes, writes, earlier, Self);
        if (replying.IsCompleted)
            return;
        _replying[request.PersistentActor] = replying;
        _ = replying.ContinueWith(
            done => _replying.TryRemove(new KeyValuePair<IActorRef, Task>(request.PersistentActor, done)),
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
    }

    private static ImmutableArray<AtomicWrite> Prepare(IReadOnlyCollection<IPersistentEnvelope> envelopes)
    {
        var now = Context.System.Scheduler.Now.UtcTicks;
        return
        [
            .. envelopes.OfType<AtomicWrite>().Select(write => new AtomicWrite(
                write.Events.Select(each => each
                    .Update(each.SequenceNr, each.PersistenceId, each.IsDeleted, ActorRefs.NoSender, each.WriterGuid)
                    .WithTimestamp(now)).ToImmutableArray())),
        ];
    }

    private async Task WriteAsync(
        WriteMessages request, IReadOnlyCollection<IPersistentEnvelope> envelopes, ImmutableArray<AtomicWrite> writes, Task? earlier, IActorRef self)
    {
        IImmutableList<Exception?>? outcomes = null;
        Exception? failure = null;
        try
        {
            if (writes.Length > 0)
                outcomes = await _breaker.CallAsync(() => WriteMessagesAsync(writes)).ConfigureAwait(false);
            if (outcomes is not null && outcomes.Count != writes.Length)
                failure = new InvalidOperationException($"The journal gave {outcomes.Count} outcomes for {writes.Length} writes.");
        }
        catch (Exception cause)
        {
            failure = cause;
        }

        if (earlier is not null)
            await earlier.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Reply(request, envelopes, writes.Length, outcomes, failure, self);
    }

    private static void Reply(
        WriteMessages request,
        IReadOnlyCollection<IPersistentEnvelope> envelopes,
        int writeCount,
        IImmutableList<Exception?>? outcomes,
        Exception? failure,
        IActorRef self)
    {
        var (actor, instance) = (request.PersistentActor, request.ActorInstanceId);
        actor.Tell(failure is null ? WriteMessagesSuccessful.Instance : new WriteMessagesFailed(failure, writeCount), self);
        var index = 0;
        foreach (var envelope in envelopes)
        {
            if (envelope is not AtomicWrite write)
            {
                actor.Tell(new LoopMessageSuccess(envelope.Payload, instance), envelope.Sender);
                continue;
            }

            var rejection = failure is null ? outcomes?[index] : null;
            index++;
            foreach (var each in write.Events)
            {
                object reply = (failure, rejection) switch
                {
                    ({ } cause, _) => new WriteMessageFailure(each, cause, instance),
                    (_, { } cause) => new WriteMessageRejected(each, cause, instance),
                    _ => new WriteMessageSuccess(each, instance),
                };
                actor.Tell(reply, each.Sender);
            }
        }
    }

    private async Task ReplayAsync(ReplayMessages request, IActorContext context, IActorRef self)
    {
        var actor = request.PersistentActor;
        try
        {
            var highest = await _breaker.CallAsync(
                () => ReadHighestSequenceNrAsync(request.PersistenceId, Math.Max(0, request.FromSequenceNr - 1))).ConfigureAwait(false);
            var to = Math.Min(request.ToSequenceNr, highest);
            if (to > 0 && request.FromSequenceNr <= to)
            {
                await ReplayMessagesAsync(context, request.PersistenceId, request.FromSequenceNr, to, request.Max, each =>
                {
                    if (!each.IsDeleted)
                        actor.Tell(new ReplayedMessage(each) { ActorInstanceId = request.ActorInstanceId }, ActorRefs.NoSender);
                }).ConfigureAwait(false);
            }

            actor.Tell(new RecoverySuccess(highest) { ActorInstanceId = request.ActorInstanceId }, self);
        }
        catch (Exception cause)
        {
            actor.Tell(new ReplayMessagesFailure(cause) { ActorInstanceId = request.ActorInstanceId }, self);
        }
    }

    private async Task DeleteAsync(DeleteMessagesTo request, IActorRef self)
    {
        try
        {
            await _breaker.CallAsync(() => DeleteMessagesToAsync(request.PersistenceId, request.ToSequenceNr)).ConfigureAwait(false);
            request.PersistentActor.Tell(new DeleteMessagesSuccess(request.ToSequenceNr), self);
        }
        catch (Exception cause)
        {
            request.PersistentActor.Tell(new DeleteMessagesFailure(cause, request.ToSequenceNr), self);
        }
    }
}
