namespace Mesh.Tests.Engine;

/// <summary>An actor written down where it is used.</summary>
sealed class Scripted : ReceiveActor, IWithTimers, IWithUnboundedStash
{
    readonly Script _script;

    public Scripted(Action<Script> write)
    {
        _script = new Script(this);
        write(_script);
        foreach (var register in _script.Handlers)
            register(this);
    }

    public ITimerScheduler Timers { get; set; } = null!;

    public IStash Stash { get; set; } = null!;

    public static Props Props(Action<Script> write) => Mesh.Tests.Engine.ScriptedProps.Create(write);

    protected override void PreStart()
    {
        if (_script.OnPreStart is { } hook)
            hook();
        else
            base.PreStart();
    }

    protected override void PostStop()
    {
        if (_script.OnPostStop is { } hook)
            hook();
        else
            base.PostStop();
    }

    protected override void PreRestart(Exception reason, object? message)
    {
        if (_script.OnPreRestart is { } hook)
            hook(reason, message);
        else
            base.PreRestart(reason, message!);
    }

    protected override void PostRestart(Exception reason)
    {
        if (_script.OnPostRestart is { } hook)
            hook(reason);
        else
            base.PostRestart(reason);
    }

    protected override SupervisorStrategy SupervisorStrategy() => _script.Strategy ?? base.SupervisorStrategy();

    internal sealed class Script(Scripted actor)
    {
        public List<Action<Scripted>> Handlers { get; } = [];

        public Action? OnPreStart { get; set; }

        public Action? OnPostStop { get; set; }

        public Action<Exception, object?>? OnPreRestart { get; set; }

        public Action<Exception>? OnPostRestart { get; set; }

        public SupervisorStrategy? Strategy { get; set; }

        public IUntypedActorContext Context => Scripted.Context;

        public IActorRef Self => actor.Self;

        public IActorRef Sender => actor.Sender;

        public ITimerScheduler Timers => actor.Timers;

        public IStash Stash => actor.Stash;

        public void On<T>(Action<T> handler, Predicate<T>? when = null) => Handlers.Add(each => each.Receive(handler, when));

        public void On(object value, Action handler) => Handlers.Add(each => each.Receive<object>(_ => handler(), value.Equals));

        public void OnAsync<T>(Func<T, Task> handler, Predicate<T>? when = null) => Handlers.Add(each => each.ReceiveAsync(handler, when));

        public void OnAny(Action<object> handler) => Handlers.Add(each => each.ReceiveAny(handler));

        public void Become(Action<Script> write) => actor.Become(() => Write(write));

        public void BecomeStacked(Action<Script> write) => actor.BecomeStacked(() => Write(write));

        public void Unbecome() => actor.UnbecomeStacked();

        public void Unhandled(object message) => actor.Unhandled(message);

        void Write(Action<Script> write)
        {
            Handlers.Clear();
            write(this);
            foreach (var register in Handlers)
                register(actor);
        }
    }
}

static class ScriptedProps
{
    public static Props Create(Action<Scripted.Script> write) => Props.Create(() => new Scripted(write));
}

/// <summary>Starts what it is told to, below a strategy of its own.</summary>
sealed class Supervisor : UntypedActor
{
    readonly SupervisorStrategy _strategy;

    public Supervisor(SupervisorStrategy strategy) => _strategy = strategy;

    /// <summary>One that decides by a function, for the failing child alone.</summary>
    public static Props Deciding(Func<Exception, Directive> decide)
    {
        var strategy = new OneForOneStrategy(decide);
        return Props.Create(() => new Supervisor(strategy));
    }

    protected override SupervisorStrategy SupervisorStrategy() => _strategy;

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Props props:
                Sender.Tell(Context.ActorOf(props));
                break;
            case NamedProps named:
                Sender.Tell(Context.ActorOf(named.Props, named.Name));
                break;
            default:
                Unhandled(message);
                break;
        }
    }
}

sealed record NamedProps(Props Props, string Name);

/// <summary>The failure that tests mean.</summary>
sealed class ExpectedException(string message = "expected") : Exception(message);
