using Mesh.Actors.Ports;

namespace Mesh.Actors.Registry;

/// <summary>
/// Supervises the entities of one kind: starts one when a command names it, stops it when it is idle, and stops it when it fails.
/// A command that was under way when its entity stopped is delivered once more to the recovered entity, which knows by the command's
/// id whether it was carried out; after that the answer is "try again". What is lost when this actor restarts is the answers under way.
/// </summary>
sealed class EntityParent : ReceiveActor, IWithTimers
{
    readonly Func<string, Props> _props;
    readonly TimeSpan _commandTimeout;
    readonly IClock _clock;
    readonly Dictionary<string, Entity> _entities = new(StringComparer.Ordinal);
    readonly Dictionary<IActorRef, string> _ids = [];
    readonly ILoggingAdapter _log = Context.GetLogger();
    long _number;

    public EntityParent(Func<string, Props> props, IClock clock, ControllerOptions options)
    {
        _props = props;
        _clock = clock;
        _commandTimeout = options.CommandTimeout;
        Receive<EntityRequest>(On);
        Receive<EntityReply>(On);
        Receive<EntityIdle>(On);
        Receive<Terminated>(On);
        Receive<JournalAdvanced>(advanced =>
        {
            if (_entities.TryGetValue(advanced.Id, out var entity) && entity.Ref is { } running)
                running.Tell(new EntityAdvanced(advanced.SequenceNr));
        });
        Receive<Sweep>(_ => ForgetOverdue());
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() => Timers.StartPeriodicTimer("sweep", new Sweep(), _commandTimeout);

    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(cause =>
    {
        _log.Error(cause, "an entity failed");
        return Directive.Stop;
    });

    void On(EntityRequest request)
    {
        if (!_entities.TryGetValue(request.Id, out var entity))
            _entities[request.Id] = entity = new Entity();
        var delivery = new EntityDelivery(++_number, request.Command);
        entity.UnderWay.Add(delivery.Number, new UnderWay(delivery, Sender, _clock.Now.UnixMilliseconds));
        if (entity.IsStopping)
            return;
        Start(request.Id, entity).Tell(delivery);
    }

    void On(EntityReply reply)
    {
        if (_entities.TryGetValue(reply.Id, out var entity) && entity.UnderWay.Remove(reply.Number, out var underWay))
            underWay.Asker.Tell(reply.Reply);
    }

    void On(EntityIdle idle)
    {
        if (!_entities.TryGetValue(idle.Id, out var entity) || entity.Ref is null || !entity.Ref.Equals(Sender) || entity.UnderWay.Count > 0)
            return;
        entity.IsStopping = true;
        Context.Stop(entity.Ref);
    }

    void On(Terminated terminated)
    {
        if (!_ids.Remove(terminated.ActorRef, out var id) || !_entities.TryGetValue(id, out var entity))
            return;
        var wasPassivated = entity.IsStopping;
        (entity.Ref, entity.IsStopping) = (null, false);
        foreach (var (number, underWay) in entity.UnderWay.ToList())
        {
            // What arrived while an idle entity was being stopped was never delivered at all.
            if (!wasPassivated && underWay.Attempts++ > 0)
            {
                entity.UnderWay.Remove(number);
                underWay.Asker.Tell(Refusal.Unavailable(id));
                continue;
            }
            Start(id, entity).Tell(underWay.Delivery);
        }
        if (entity.Ref is null)
            _entities.Remove(id);
    }

    IActorRef Start(string id, Entity entity)
    {
        if (entity.Ref is { } running)
            return running;
        var started = Context.ActorOf(_props(id), id);
        Context.Watch(started);
        _ids[started] = id;
        entity.Ref = started;
        return started;
    }

    // Whoever asked has stopped waiting by now.
    void ForgetOverdue()
    {
        var before = _clock.Now.UnixMilliseconds - 2 * (long)_commandTimeout.TotalMilliseconds;
        foreach (var entity in _entities.Values)
        {
            foreach (var number in entity.UnderWay.Where(pair => pair.Value.ArrivedAt < before).Select(pair => pair.Key).ToList())
                entity.UnderWay.Remove(number);
        }
    }

    sealed class Entity
    {
        public IActorRef? Ref { get; set; }

        public bool IsStopping { get; set; }

        public SortedDictionary<long, UnderWay> UnderWay { get; } = [];
    }

    sealed class UnderWay(EntityDelivery delivery, IActorRef asker, long arrivedAt)
    {
        public EntityDelivery Delivery => delivery;

        public IActorRef Asker => asker;

        public long ArrivedAt => arrivedAt;

        public int Attempts { get; set; }
    }

    sealed record Sweep;
}
