using System.Diagnostics;

namespace Mesh.Actors.Registry;

/// <summary>
/// Supervises the entities of one kind: starts one when a command names it, stops it when it is idle, and stops it when it fails.
/// A command that was under way when its entity yielded to another controller, or to a journal that failed, is delivered again to the
/// recovered entity, which knows by the command's id whether it was carried out; as often as that happens within the command's time, and
/// only then is the answer "try again". A command under way when its entity threw gets one more chance. What is lost when this actor
/// restarts is the answers under way.
/// </summary>
sealed class EntityParent : ReceiveActor, IWithTimers
{
    // Between one lost race and the next attempt, so that two controllers do not go on meeting; and between attempts at a journal that fails.
    static readonly TimeSpan LongestAfterRace = TimeSpan.FromMilliseconds(50);
    static readonly TimeSpan LongestAfterFailure = TimeSpan.FromMilliseconds(500);
    const double ShortestMilliseconds = 2;

    readonly Func<string, Props> _props;
    readonly TimeSpan _commandTimeout;
    readonly Dictionary<string, Entity> _entities = new(StringComparer.Ordinal);
    readonly Dictionary<IActorRef, string> _ids = [];
    readonly ILoggingAdapter _log = Context.GetLogger();
    long _number;

    public EntityParent(Func<string, Props> props, ControllerOptions options)
    {
        _props = props;
        _commandTimeout = options.CommandTimeout;
        Receive<EntityRequest>(On);
        Receive<EntityReply>(On);
        Receive<EntityIdle>(On);
        Receive<EntityYielded>(yielded =>
        {
            if (_entities.TryGetValue(yielded.Id, out var entity) && Sender.Equals(entity.Ref))
                entity.Yielded = yielded;
        });
        Receive<Again>(again =>
        {
            if (_entities.TryGetValue(again.Id, out var entity))
                DeliverAll(again.Id, entity);
        });
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
        entity.UnderWay.Add(delivery.Number, new UnderWay(delivery, Sender));
        if (!entity.IsStopping && !entity.IsPausing)
            Start(request.Id, entity).Tell(delivery);
    }

    void On(EntityReply reply)
    {
        if (!_entities.TryGetValue(reply.Id, out var entity) || !entity.UnderWay.Remove(reply.Number, out var underWay))
            return;
        entity.Setbacks = 0;
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
        var (wasPassivated, yielded) = (entity.IsStopping, entity.Yielded);
        (entity.Ref, entity.IsStopping, entity.Yielded) = (null, false, null);
        // What arrived while an idle entity was being stopped was never delivered at all.
        if (!wasPassivated && yielded is null)
            GiveUp(id, entity, underWay => underWay.Failures++ > 0);
        // One race lost says nothing about the next.
        if (!wasPassivated && entity.UnderWay.Count > 0 && entity.Setbacks++ > 0)
        {
            entity.IsPausing = true;
            var again = new Again(id);
            Timers.StartSingleTimer(again, again, Pause(entity.Setbacks, yielded));
            return;
        }
        DeliverAll(id, entity);
    }

    void DeliverAll(string id, Entity entity)
    {
        entity.IsPausing = false;
        GiveUp(id, entity, underWay => underWay.Age > _commandTimeout);
        foreach (var underWay in entity.UnderWay.Values)
            Start(id, entity).Tell(underWay.Delivery);
        if (entity.Ref is null)
            _entities.Remove(id);
    }

    static void GiveUp(string id, Entity entity, Predicate<UnderWay> on)
    {
        foreach (var (number, underWay) in entity.UnderWay.ToList())
        {
            if (!on(underWay))
                continue;
            entity.UnderWay.Remove(number);
            underWay.Asker.Tell(Refusal.Unavailable(id));
        }
    }

    static TimeSpan Pause(int setbacks, EntityYielded? yielded)
    {
        var longest = yielded is { IsRace: true } ? LongestAfterRace : LongestAfterFailure;
        var bound = Math.Min(ShortestMilliseconds * Math.Pow(2, Math.Min(setbacks, 16)), longest.TotalMilliseconds);
        return TimeSpan.FromMilliseconds(bound * (0.5 + Random.Shared.NextDouble() / 2));
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
        foreach (var entity in _entities.Values)
        {
            foreach (var number in entity.UnderWay.Where(pair => pair.Value.Age > 2 * _commandTimeout).Select(pair => pair.Key).ToList())
                entity.UnderWay.Remove(number);
        }
    }

    sealed class Entity
    {
        public IActorRef? Ref { get; set; }

        public bool IsStopping { get; set; }

        public bool IsPausing { get; set; }

        public EntityYielded? Yielded { get; set; }

        // How often in a row it ended without an answer in between.
        public int Setbacks { get; set; }

        public SortedDictionary<long, UnderWay> UnderWay { get; } = [];
    }

    sealed class UnderWay(EntityDelivery delivery, IActorRef asker)
    {
        readonly long _arrivedAt = Stopwatch.GetTimestamp();

        public EntityDelivery Delivery => delivery;

        public IActorRef Asker => asker;

        public TimeSpan Age => Stopwatch.GetElapsedTime(_arrivedAt);

        public int Failures { get; set; }
    }

    sealed record Sweep;

    sealed record Again(string Id);
}
