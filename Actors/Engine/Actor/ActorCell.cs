using Mesh.Actors.Engine.Diagnostics;
using Mesh.Actors.Engine.Dispatch;

namespace Mesh.Actors.Engine.Actor;

/// <summary>
/// The engine's side of one actor: mailbox, children, watches, behaviours, and the instance, which restarts replace. Everything but
/// sending runs on the actor's turns.
/// </summary>
sealed partial class ActorCell : IUntypedActorContext
{
    [ThreadStatic]
    static ActorCell? _current;

    static long _lastUid;

    readonly LocalActorRef _self;
    ActorBase? _actor;
    Receive? _behavior;
    Stack<Receive>? _stackedUnder;
    IActorRef? _sender;

    public ActorCell(ActorSystemImpl system, LocalActorRef self, Props props, IInternalActorRef parent)
    {
        SystemImpl = system;
        _self = self;
        Props = props;
        ParentRef = parent;
        Mailbox = new Mailbox(this);
    }

    /// <summary>The cell whose turn it is on this thread.</summary>
    public static ActorCell? Current
    {
        get => _current;
        set => _current = value;
    }

    public ActorSystemImpl SystemImpl { get; }

    public Mailbox Mailbox { get; }

    public Props Props { get; private set; }

    public IInternalActorRef ParentRef { get; }

    public LocalActorRef SelfRef => _self;

    /// <summary>The instance; null before the first turn and after the last.</summary>
    public ActorBase? Actor => _actor;

    /// <summary>True while the engine runs a constructor, so that an actor cannot be made with new.</summary>
    public bool IsIncarnating { get; set; }

    /// <summary>What is being handled; after a failure, what was.</summary>
    public object? CurrentMessage { get; set; }

    /// <summary>The actor's own message of these; null if what failed was a child.</summary>
    public object? MessageInHand => CurrentMessage is Failed ? null : CurrentMessage;

    /// <summary>The number of the user message in hand, so that a stash can tell the same message twice from two equal ones.</summary>
    public long CurrentEnvelopeId { get; private set; }

    /// <summary>How often the instance was replaced.</summary>
    public int Restarts { get; private set; }

    /// <summary>How many messages are set aside now.</summary>
    public int Stashed { get; set; }

    /// <summary>How many messages have been set aside so far.</summary>
    public long StashedInAll { get; set; }

    /// <summary>What the actor is doing, as far as can be told from another thread.</summary>
    public ActorActivity Activity
    {
        get
        {
            if (IsTerminating)
                return ActorActivity.Stopping;
            if (_children is not null && _children.IsWaiting)
                return ActorActivity.Restarting;
            if (Mailbox.Suspensions > (_async?.Running ?? 0))
                return ActorActivity.Suspended;
            if (_actor is null)
                return ActorActivity.Starting;
            if (IsRunningTask)
                return ActorActivity.Awaiting;
            return Mailbox.IsScheduled ? ActorActivity.Busy : ActorActivity.Idle;
        }
    }

    public IActorRef Self => _self;

    public IActorRef Sender => _sender ?? SystemImpl.DeadLetters;

    public IActorRef Parent => ParentRef;

    public ActorSystem System => SystemImpl;

    public TimeSpan Clock => SystemImpl.Scheduler.MonotonicClock;

    public static long NextUid() => Interlocked.Increment(ref _lastUid);

    public void Start()
    {
        Mailbox.EnqueueSystem(new Create());
        Mailbox.Start();
    }

    public void SendSystemMessage(SystemMessage message) => Mailbox.EnqueueSystem(message);

    public void Become(Receive receive)
    {
        ArgumentNullException.ThrowIfNull(receive);
        _behavior = receive;
    }

    public void BecomeStacked(Receive receive)
    {
        ArgumentNullException.ThrowIfNull(receive);
        if (_behavior is not null)
            (_stackedUnder ??= new Stack<Receive>()).Push(_behavior);
        _behavior = receive;
    }

    public void Become(UntypedReceive receive) => Become(Typed(receive));

    public void BecomeStacked(UntypedReceive receive) => BecomeStacked(Typed(receive));

    public void UnbecomeStacked()
    {
        if (_stackedUnder is not null && _stackedUnder.TryPop(out var below))
            _behavior = below;
    }

    static Receive Typed(UntypedReceive receive)
    {
        ArgumentNullException.ThrowIfNull(receive);
        return message =>
        {
            receive(message);
            return true;
        };
    }

    ActorBase NewActor()
    {
        _behavior = null;
        _stackedUnder = null;
        IsIncarnating = true;
        ActorBase actor;
        try
        {
            actor = Props.NewActor();
        }
        finally
        {
            IsIncarnating = false;
        }
        if (actor is null || !ReferenceEquals(actor.OwnReference, _self))
            throw new ActorInitializationException(_self, $"The props of {_self} must make a new actor each time.");
        if (Props.SupervisorStrategy is { } strategy)
            actor.SupervisorStrategyInternal = strategy;
        if (actor is IActorStash stashing)
            stashing.Stash = CreateStash();
        if (actor is IWithTimers timing)
            timing.Timers = new TimerScheduler(this);
        actor.OnIncarnated();
        return actor;
    }

    /// <summary>Makes a stash of its own over this mailbox; an actor may have several.</summary>
    public MailboxStash CreateStash() => new(this, Props.StashCapacity);

    /// <summary>Lets go of an instance that is done: its timers end, its stash goes back to the mailbox, and it is disposed of.</summary>
    void ReleaseActor(ActorBase actor)
    {
        try
        {
            // Once more: its last hook may have started some.
            if (actor is IWithTimers { Timers: { } timers })
                timers.CancelAll();
            if (actor is IActorStash { Stash: { } stash })
                stash.UnstashAll();
            if (actor is IDisposable disposable)
                disposable.Dispose();
            Props.Release(actor);
        }
        catch (Exception failure)
        {
            LogError(failure, failure.Message);
        }
    }

    void LogError(Exception? cause, string message) =>
        SystemImpl.EventStream.Publish(new Event.Error(cause, _self.Path.ToString(), _actor?.GetType() ?? typeof(ActorCell), message));

    void LogDebug(string message) =>
        SystemImpl.EventStream.Publish(new Event.Debug(_self.Path.ToString(), _actor?.GetType() ?? typeof(ActorCell), message));
}
