using Mesh.Actors.Engine.Actor;
using Mesh.Actors.Engine.Event;

namespace Mesh.Actors.Engine.Persistence;

/// <summary>
/// An actor whose state is a sequence of events in a journal. It recovers from them before it takes commands, and persists new ones
/// one write at a time. What happens when: <c>waiting for permit</c>, <c>recovery started</c> (snapshot), <c>recovering</c> (events),
/// then <c>processing commands</c> and <c>persisting events</c> in turn.
/// </summary>
public abstract partial class Eventsourced : ActorBase, IWithUnboundedStash
{
    private static int _lastInstanceId;

    private readonly int _instanceId = Interlocked.Increment(ref _lastInstanceId);
    private readonly string _writerGuid = Guid.NewGuid().ToString();
    private readonly PersistenceExtension _extension;
    private readonly MailboxStash _internalStash;
    private readonly IActorContext _context;
    private EventsourcedState? _state;
    private IStash? _stash;
    private IActorRef? _journal;
    private IActorRef? _snapshotStore;
    private long _sequenceNr;
    private long? _storedBeforeRejected;

    /// <summary>Made by the engine only.</summary>
    protected Eventsourced()
    {
        _context = Context;
        _extension = PersistenceExtension.For(_context.System);
        _internalStash = ((ActorCell)_context).CreateStash();
        Log = _context.GetLogger();
    }

    /// <summary>Names the entity in the journal; the same in every incarnation.</summary>
    public abstract string PersistenceId { get; }

    /// <summary>How far to recover.</summary>
    public virtual Recovery Recovery => Recovery.Default;

    /// <summary>The configuration path of the journal; null for the default one. To be set in the constructor.</summary>
    public string? JournalPluginId { get; protected set; }

    /// <summary>The configuration path of the snapshot store; null for the default one. To be set in the constructor.</summary>
    public string? SnapshotPluginId { get; protected set; }

    /// <summary>The journal plugin's actor.</summary>
    public IActorRef Journal => _journal ??= _extension.JournalFor(JournalPluginId);

    /// <summary>The snapshot plugin's actor.</summary>
    public IActorRef SnapshotStore => _snapshotStore ??= _extension.SnapshotStoreFor(SnapshotPluginId);

    /// <summary>Names the entity in the snapshot store.</summary>
    public string SnapshotterId => PersistenceId;

    /// <summary>The number of the event replayed or persisted last.</summary>
    public long LastSequenceNr { get; private set; }

    /// <summary>
    /// The number that a snapshot taken now would have: that of the last event that is stored. A rejected one after it does not count, for
    /// the next instance knows nothing of it and gives its number to another event.
    /// </summary>
    public long SnapshotSequenceNr => _storedBeforeRejected ?? LastSequenceNr;

    /// <summary>True until <see cref="RecoveryCompleted"/> is handled.</summary>
    public bool IsRecovering => _state?.IsRecovering ?? true;

    /// <summary>True from <see cref="RecoveryCompleted"/> on.</summary>
    public bool IsRecoveryFinished => !IsRecovering;

    /// <summary>Sets commands aside for later; kept apart from what waits for a write.</summary>
    public IStash Stash
    {
        get => _stash!;
        set => _stash = new InternalStashAwareStash(value, _internalStash);
    }

    /// <summary>Logs in this actor's name.</summary>
    protected virtual ILoggingAdapter Log { get; }

    /// <summary>Handles a replayed event, <see cref="SnapshotOffer"/> or <see cref="RecoveryCompleted"/>; false if it does not want it.</summary>
    protected abstract bool ReceiveRecover(object message);

    /// <summary>Handles a command; false if it does not want it.</summary>
    protected abstract bool ReceiveCommand(object message);

    /// <summary>Called between the last replayed event and <see cref="RecoveryCompleted"/>.</summary>
    protected virtual void OnReplaySuccess()
    {
    }

    /// <summary>Called when recovery fails; the actor then stops, whatever this does.</summary>
    /// <param name="reason">What went wrong.</param>
    /// <param name="message">The event whose handler threw; null if it was not a handler.</param>
    protected virtual void OnRecoveryFailure(Exception reason, object? message = null)
    {
        if (message is null)
            Log.Error(reason, "Recovery of {0} failed after event {1}.", PersistenceId, LastSequenceNr);
        else
            Log.Error(reason, "Recovery of {0} failed in the handler of {1}, event {2}.", PersistenceId, message.GetType(), LastSequenceNr);
    }

    /// <summary>Called when nobody knows whether an event is stored; the actor then stops, whatever this does.</summary>
    protected virtual void OnPersistFailure(Exception cause, object @event, long sequenceNr) =>
        Log.Error(cause, "{0} could not persist {1} as event {2} and stops.", PersistenceId, @event.GetType(), sequenceNr);

    /// <summary>Called when the journal did not take an event and is well; the actor goes on.</summary>
    protected virtual void OnPersistRejected(Exception cause, object @event, long sequenceNr) =>
        Log.Error(cause, "The journal rejected {1} as event {2} of {0}.", PersistenceId, @event.GetType(), sequenceNr);

    /// <summary>A user's <c>UnstashAll</c> must come back before what waits for a write, hence the detour over the internal stash.</summary>
    private sealed class InternalStashAwareStash(IStash user, MailboxStash @internal) : IStash
    {
        public int Count => user.Count;

        public bool IsEmpty => user.IsEmpty;

        public bool NonEmpty => user.NonEmpty;

        public bool IsFull => user.IsFull;

        public int Capacity => user.Capacity;

        public void Stash() => user.Stash();

        public void Unstash() => user.Unstash();

        public void UnstashAll() => @internal.Prepend(user.ClearStash());

        public void UnstashAll(Func<Envelope, bool> predicate) => user.UnstashAll(predicate);

        public IEnumerable<Envelope> ClearStash() => user.ClearStash();

        public void Prepend(IEnumerable<Envelope> envelopes) => user.Prepend(envelopes);
    }
}

/// <summary>What a persistent actor does with the next message.</summary>
internal sealed class EventsourcedState(string name, Func<bool> isRecovering, Action<Receive, object> handle)
{
    public bool IsRecovering => isRecovering();

    public void Handle(Receive receive, object message) => handle(receive, message);

    public override string ToString() => name;
}
