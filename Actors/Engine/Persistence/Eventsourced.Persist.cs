using System.Collections.Immutable;

namespace Mesh.Actors.Engine.Persistence;

public abstract partial class Eventsourced
{
    private readonly Queue<PendingInvocation> _pendingInvocations = new();
    private readonly List<IPersistentEnvelope> _eventBatch = [];
    private List<IPersistentEnvelope> _journalBatch = [];
    private long _pendingStashingInvocations;
    private bool _isWriteInProgress;

    /// <summary>
    /// Stores an event and then calls the handler, with the command's sender. No other command is taken before the last handler of this
    /// one has run.
    /// </summary>
    /// <exception cref="InvalidOperationException">The actor is recovering.</exception>
    public void Persist<TEvent>(TEvent @event, Action<TEvent> handler)
    {
        RefuseWhileRecovering();
        Expect(@event!, handler, stashing: true);
        _eventBatch.Add(new AtomicWrite(Next(@event!)));
    }

    /// <summary>Stores events, all or none, and then calls the handler for each in order, as <see cref="Persist{TEvent}"/> does.</summary>
    /// <exception cref="InvalidOperationException">The actor is recovering.</exception>
    public void PersistAll<TEvent>(IEnumerable<TEvent> events, Action<TEvent> handler)
    {
        RefuseWhileRecovering();
        AddAll(events, handler, stashing: true);
    }

    /// <summary>Stores an event and then calls the handler; commands go on being taken meanwhile.</summary>
    /// <exception cref="InvalidOperationException">The actor is recovering.</exception>
    public void PersistAsync<TEvent>(TEvent @event, Action<TEvent> handler)
    {
        RefuseWhileRecovering();
        Expect(@event!, handler, stashing: false);
        _eventBatch.Add(new AtomicWrite(Next(@event!)));
    }

    /// <summary>Stores events, all or none, and then calls the handler for each; commands go on being taken meanwhile.</summary>
    /// <exception cref="InvalidOperationException">The actor is recovering.</exception>
    public void PersistAllAsync<TEvent>(IEnumerable<TEvent> events, Action<TEvent> handler)
    {
        RefuseWhileRecovering();
        AddAll(events, handler, stashing: false);
    }

    /// <summary>Calls the handler once everything persisted before is done, at once if nothing is; stores nothing.</summary>
    /// <exception cref="InvalidOperationException">The actor is recovering.</exception>
    public void DeferAsync<TEvent>(TEvent evt, Action<TEvent> handler)
    {
        RefuseWhileRecovering();
        if (_pendingInvocations.Count == 0)
        {
            ArgumentNullException.ThrowIfNull(handler);
            handler(evt);
            return;
        }

        Expect(evt!, handler, stashing: false);
        _eventBatch.Add(new NonPersistentMessage(evt!, Sender));
    }

    /// <summary>
    /// Deletes events up to a number, inclusive; <see cref="long.MaxValue"/> for all. Answered by <see cref="DeleteMessagesSuccess"/> or
    /// <see cref="DeleteMessagesFailure"/>.
    /// </summary>
    public void DeleteMessages(long toSequenceNr)
    {
        if (toSequenceNr == long.MaxValue || toSequenceNr <= LastSequenceNr)
        {
            Journal.Tell(new DeleteMessagesTo(PersistenceId, Math.Min(toSequenceNr, LastSequenceNr), Self), Self);
            return;
        }

        var cause = new InvalidOperationException($"Events up to {toSequenceNr} cannot be deleted, the last one is {LastSequenceNr}.");
        Self.Tell(new DeleteMessagesFailure(cause, toSequenceNr), Self);
    }

    private void AddAll<TEvent>(IEnumerable<TEvent> events, Action<TEvent> handler, bool stashing)
    {
        if (events is null)
            return;
        var writes = ImmutableList.CreateBuilder<IPersistentRepresentation>();
        foreach (var each in events)
        {
            Expect(each!, handler, stashing);
            writes.Add(Next(each!));
        }

        if (writes.Count > 0)
            _eventBatch.Add(new AtomicWrite(writes.ToImmutable()));
    }

    private void Expect<TEvent>(object @event, Action<TEvent> handler, bool stashing)
    {
        ArgumentNullException.ThrowIfNull(@event);
        ArgumentNullException.ThrowIfNull(handler);
        if (stashing)
            _pendingStashingInvocations++;
        _pendingInvocations.Enqueue(new PendingInvocation(stored => handler((TEvent)stored), stashing));
    }

    private Persistent Next(object payload) =>
        new(payload, ++_sequenceNr, PersistenceId, sender: Sender, writerGuid: _writerGuid);

    private void RefuseWhileRecovering()
    {
        if (IsRecovering)
            throw new InvalidOperationException("Nothing can be persisted during recovery; from RecoveryCompleted on it can.");
    }

    private void UpdateLastSequenceNr(IPersistentRepresentation persistent, bool isRejected = false)
    {
        _storedBeforeRejected = isRejected ? SnapshotSequenceNr : null;
        LastSequenceNr = Math.Max(LastSequenceNr, persistent.SequenceNr);
    }

    private void FlushBatch()
    {
        _journalBatch.AddRange(_eventBatch);
        _eventBatch.Clear();
        FlushJournalBatch();
    }

    /// <summary>Sends what has gathered as one request, unless one is out: the journal never has two of an actor.</summary>
    private void FlushJournalBatch()
    {
        if (_isWriteInProgress || _journalBatch.Count == 0)
            return;
        Journal.Tell(new WriteMessages(_journalBatch, Self, _instanceId), Self);
        _journalBatch = [];
        _isWriteInProgress = true;
    }

    /// <summary>A handler that waits for its event, and whether commands wait for it too.</summary>
    private readonly record struct PendingInvocation(Action<object> Handler, bool Stashing);
}
