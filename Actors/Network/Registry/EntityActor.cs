using Mesh.Actors.Events;
using Mesh.Actors.Persistence;
using Mesh.Actors.Ports;

namespace Mesh.Actors.Registry;

/// <summary>
/// Is the shell around an entity's state: recovers it, decides commands at the clock's time, writes the events, answers the parent.
/// Supervises nothing. When a write fails it stops, since another controller was first or nobody knows whether the write took place: the
/// parent starts it anew, and recovery finds out. Nothing that was answered is lost.
/// </summary>
abstract class EntityActor<TState> : ReceivePersistentActor where TState : IEntityState<TState>
{
    readonly string _id;
    readonly TimeSpan _passivateAfter;

    protected EntityActor(string id, string persistenceId, TState initial, IClock clock, ControllerOptions options)
    {
        _id = id;
        _passivateAfter = options.PassivateAfter;
        PersistenceId = persistenceId;
        State = initial;
        Clock = clock;
        Recover<SnapshotOffer>(offer => State = (TState)offer.Snapshot);
        Recover<INetworkEvent>(happened => State = State.Apply(happened));
        Command<EntityDelivery>(On);
        Command<EntityAdvanced>(advanced =>
        {
            // Somebody else wrote: what this one knows is old.
            if (advanced.SequenceNr > LastSequenceNr)
                Yield(isRace: true);
        });
        Command<ReceiveTimeout>(_ => Context.Parent.Tell(new EntityIdle(_id)));
    }

    public sealed override string PersistenceId { get; }

    protected TState State { get; private set; }

    protected IClock Clock { get; }

    protected override void PreStart()
    {
        Context.SetReceiveTimeout(_passivateAfter);
        base.PreStart();
    }

    protected abstract void On(EntityDelivery delivery);

    // Writes what was decided, then answers, then goes on.
    protected void Carry(EntityDelivery delivery, Decision decision, Action afterwards)
    {
        Write(decision.Events, () =>
        {
            Answer(delivery, decision.Reply);
            afterwards();
        });
    }

    // Writes all or none of them, then goes on.
    protected void Write(IReadOnlyList<INetworkEvent> events, Action afterwards)
    {
        if (events.Count == 0)
        {
            afterwards();
            return;
        }
        var left = events.Count;
        PersistAll(events, happened =>
        {
            State = State.Apply(happened);
            if (--left == 0)
                afterwards();
        });
    }

    protected void Answer(EntityDelivery delivery, object reply) => Context.Parent.Tell(new EntityReply(_id, delivery.Number, reply));

    protected void GoIdle() => Context.Parent.Tell(new EntityIdle(_id));

    protected override void OnPersistFailure(Exception cause, object @event, long sequenceNr)
    {
        if (cause is IWriteConflict)
            Log.Debug("another controller wrote event {0} of {1} first", sequenceNr, PersistenceId);
        else
            base.OnPersistFailure(cause, @event, sequenceNr);
        Yield(cause is IWriteConflict);
    }

    protected override void OnRecoveryFailure(Exception reason, object? message = null)
    {
        base.OnRecoveryFailure(reason, message);
        Yield(isRace: false);
    }

    // Not stored: the same command would be rejected again, so the parent must not wait for an answer.
    protected override void OnPersistRejected(Exception cause, object @event, long sequenceNr)
    {
        base.OnPersistRejected(cause, @event, sequenceNr);
        Context.Stop(Self);
    }

    // What is under way is the next incarnation's, which knows more.
    void Yield(bool isRace)
    {
        Context.Parent.Tell(new EntityYielded(_id, isRace));
        Context.Stop(Self);
    }
}

/// <summary>
/// Is an entity whose commands need nothing but its own state. Commands that wait while it writes are decided one upon the other and
/// written together: what a busy entity loses in a race, or wins, is one write and not one for each.
/// </summary>
sealed class PlainEntityActor<TState> : EntityActor<TState> where TState : IEntityState<TState>
{
    const int MostTogether = 128;

    readonly List<EntityDelivery> _waiting = [];

    public PlainEntityActor(string id, string persistenceId, TState initial, IClock clock, ControllerOptions options)
        : base(id, persistenceId, initial, clock, options) => Command<Decide>(_ => DecideAll());

    protected override void On(EntityDelivery delivery)
    {
        _waiting.Add(delivery);
        // Behind what is in the mailbox already.
        if (_waiting.Count == 1)
            Self.Tell(Decide.Instance);
        else if (_waiting.Count == MostTogether)
            DecideAll();
    }

    void DecideAll()
    {
        var now = Clock.Now;
        var state = State;
        var events = new List<INetworkEvent>();
        var answers = new List<(EntityDelivery Delivery, object Reply)>();
        foreach (var delivery in _waiting)
        {
            var decision = state.Decide(delivery.Command, now);
            foreach (var happened in decision.Events)
                state = state.Apply(happened);
            events.AddRange(decision.Events);
            answers.Add((delivery, decision.Reply));
        }
        _waiting.Clear();
        // Also those that change nothing: they may rest on what is not written yet.
        Write(events, () => answers.ForEach(answer => Answer(answer.Delivery, answer.Reply)));
    }

    sealed record Decide : INotInfluenceReceiveTimeout
    {
        public static Decide Instance { get; } = new();
    }
}
