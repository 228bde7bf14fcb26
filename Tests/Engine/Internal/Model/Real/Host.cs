using Mesh.Actors.Engine.Actor;

namespace Mesh.Tests.Engine.Model;

/// <summary>The actor that plays every part in the engine's world.</summary>
sealed partial class Host : ReceiveActor, IWithTimers, IWithStash, IDisposable
{
    readonly HostWorld _world;
    readonly HostRecord _me;
    readonly int _incarnation;

    public Host(HostWorld world, HostRecord me)
    {
        _world = world;
        _me = me;
        _incarnation = ++me.Incarnations;
        _world.Write(Line.Made(me.Number, _incarnation));
        Configure(0);
        _world.Performer.PerformHook(this, me.Spec.Constructor, _incarnation);
        _world.Witness.Passing(me, _incarnation, Passage.Made);
    }

    public ITimerScheduler Timers { get; set; } = null!;

    IStash IActorStash.Stash { get; set; } = null!;

    public static SupervisorStrategy Build(StrategySpec strategy)
    {
        var decider = Directive (Exception cause) => strategy.Decide(HostWorld.KindOf(cause));
        return strategy.AllForOne
            ? new AllForOneStrategy(strategy.Retries, strategy.WindowMilliseconds, decider)
            : new OneForOneStrategy(strategy.Retries, strategy.WindowMilliseconds, decider);
    }

    public void Dispose()
    {
        IsOver = true;
        _world.Write(Line.Disposed(_me.Number, _incarnation));
        _world.Witness.Passing(_me, _incarnation, Passage.Disposed);
    }

    public override void AroundPreStart() => Pass(Passage.Started, base.AroundPreStart);

    public override void AroundPostRestart(Exception cause, object? message) =>
        Pass(Passage.Restarted, () => base.AroundPostRestart(cause, message));

    public override void AroundPreRestart(Exception cause, object? message) =>
        Pass(Passage.EndingForRestart, () => base.AroundPreRestart(cause, message));

    public override void AroundPostStop() => Pass(Passage.EndingForGood, base.AroundPostStop);

    protected override bool AroundReceive(Receive receive, object message)
    {
        if (message is Calm)
        {
            Timers.CancelAll();
            SetReceiveTimeout(null);
            return true;
        }
        var handled = false;
        Pass(Passage.Receiving, () =>
        {
            _world.Witness.Receiving(_me, message);
            handled = base.AroundReceive(receive, message);
        });
        return handled;
    }

    protected override SupervisorStrategy SupervisorStrategy() =>
        _me.Spec.Strategy is { FromProps: false } strategy ? Build(strategy) : base.SupervisorStrategy();

    protected override void PreStart()
    {
        _world.Write(Line.PreStart(_me.Number));
        _world.Performer.PerformHook(this, _me.Spec.PreStart, _incarnation);
    }

    protected override void PostStop()
    {
        _world.Write(Line.PostStop(_me.Number));
        _world.Performer.PerformHook(this, _me.Spec.PostStop, _incarnation);
    }

    protected override void PreRestart(Exception reason, object? message)
    {
        _world.Write(Line.PreRestart(
            _me.Number, _world.Describe(reason), _world.Describe(message), _world.NumberOf(Context.Sender)));
        var hook = _me.Spec.PreRestart;
        if (hook.Base == BaseCall.First)
            DefaultPreRestart(reason, message);
        _world.Performer.PerformHook(this, hook, _incarnation);
        if (hook.Base == BaseCall.Last)
            DefaultPreRestart(reason, message);
    }

    void DefaultPreRestart(Exception reason, object? message)
    {
        foreach (var child in Context.GetChildren())
            _world.Witness.Unwatching(_me, _world.NumberOf(child));
        base.PreRestart(reason, message!);
    }

    protected override void PostRestart(Exception reason)
    {
        _world.Write(Line.PostRestart(_me.Number, _world.Describe(reason)));
        var hook = _me.Spec.PostRestart;
        if (hook.Base == BaseCall.First)
            base.PostRestart(reason);
        _world.Performer.PerformHook(this, hook, _incarnation);
        if (hook.Base == BaseCall.Last)
            base.PostRestart(reason);
    }

    void Configure(int behaviour)
    {
        var takes = _me.Spec.Behaviours[behaviour];
        Receive<Errand>(errand => Handle(errand, behaviour), errand => takes.Takes(errand) && !errand.Waits);
        ReceiveAsync<Errand>(errand => HandleAsync(errand, behaviour), errand => takes.Takes(errand) && errand.Waits);
        if (takes.TakesTerminated)
            Receive<Terminated>(message => Handle(message, behaviour, _me.Terminations, _me.Spec.OnTerminated));
        if (takes.TakesTimeout)
            Receive<ReceiveTimeout>(message => Handle(message, behaviour, _me.Timeouts, _me.Spec.OnTimeout));
        if (takes.TakesNews)
        {
            Receive<Announcement>(message => WriteHandled(message, behaviour));
            Receive<ActorIdentity>(message => WriteHandled(message, behaviour));
        }
    }

    void Handle(Errand errand, int behaviour)
    {
        WriteHandled(errand, behaviour);
        _world.Performer.Perform(this, _world.Performer.Take(errand), 0, errand);
    }

    async Task HandleAsync(Errand errand, int behaviour)
    {
        WriteHandled(errand, behaviour);
        var ops = _world.Performer.Take(errand);
        var next = _world.Performer.Perform(this, ops, 0, errand);
        while (next < ops.Count)
        {
            await _world.Gate();
            _world.Write(Line.GoesOn(_me.Number, _world.Describe(errand)));
            _world.Witness.Entering(_me);
            try
            {
                next = _world.Performer.Perform(this, ops, next + 1, errand);
            }
            finally
            {
                _world.Witness.Leaving(_me);
            }
        }
    }

    void Pass(Passage passage, Action body)
    {
        _world.Witness.Passing(_me, _incarnation, passage);
        _world.Witness.Entering(_me);
        try
        {
            body();
        }
        finally
        {
            _world.Witness.Leaving(_me);
        }
    }

    void Handle(object message, int behaviour, Allowance allowance, IReadOnlyList<Op> ops)
    {
        WriteHandled(message, behaviour);
        if (allowance.Take())
            _world.Performer.Perform(this, ops, 0, null);
    }

    void WriteHandled(object message, int behaviour) =>
        _world.Write(Line.Handles(_me.Number, behaviour, _world.Describe(message), _world.NumberOf(Sender)));
}
