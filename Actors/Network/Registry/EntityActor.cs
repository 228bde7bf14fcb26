using Mesh.Actors.Events;
using Mesh.Actors.Ports;

namespace Mesh.Actors.Registry;

/// <summary>
/// Is the shell around an entity's state: recovers it, decides commands at the clock's time, writes the events, answers the parent.
/// Supervises nothing. When a write fails it stops, since nobody knows whether the write took place: the parent starts it anew, and
/// recovery finds out. Nothing that was answered is lost.
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
        Recover<INetworkEvent>(happened => State = State.Apply(happened));
        Command<EntityDelivery>(On);
        Command<EntityAdvanced>(advanced =>
        {
            // Somebody else wrote: what this one knows is old.
            if (advanced.SequenceNr > LastSequenceNr)
                Context.Stop(Self);
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

    protected virtual void On(EntityDelivery delivery) => Carry(delivery, State.Decide(delivery.Command, Clock.Now), static () => { });

    // Writes what was decided, then answers, then goes on.
    protected void Carry(EntityDelivery delivery, Decision decision, Action afterwards)
    {
        if (decision.Events.Count == 0)
        {
            Answer(delivery, decision.Reply);
            afterwards();
            return;
        }
        var left = decision.Events.Count;
        PersistAll(decision.Events, happened =>
        {
            State = State.Apply(happened);
            if (--left > 0)
                return;
            Answer(delivery, decision.Reply);
            afterwards();
        });
    }

    protected void Answer(EntityDelivery delivery, object reply) => Context.Parent.Tell(new EntityReply(_id, delivery.Number, reply));

    protected void GoIdle() => Context.Parent.Tell(new EntityIdle(_id));

    // Not stored: the same command would be rejected again, so the parent must not wait for an answer.
    protected override void OnPersistRejected(Exception cause, object @event, long sequenceNr)
    {
        base.OnPersistRejected(cause, @event, sequenceNr);
        Context.Stop(Self);
    }
}

/// <summary>Is an entity whose commands need nothing but its own state.</summary>
sealed class PlainEntityActor<TState>(string id, string persistenceId, TState initial, IClock clock, ControllerOptions options)
    : EntityActor<TState>(id, persistenceId, initial, clock, options) where TState : IEntityState<TState>;
