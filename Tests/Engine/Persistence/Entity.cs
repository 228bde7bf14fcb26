namespace Mesh.Tests.Engine.Persistence;

internal sealed record Cmd(object Data)
{
    public override string ToString() => $"Cmd({Data})";
}

internal sealed record Evt(object Data)
{
    public override string ToString() => $"Evt({Data})";
}

/// <summary>Asks an <see cref="Entity"/> for its events, answered as one text.</summary>
internal sealed class GetState
{
    public static readonly GetState Instance = new();
}

internal sealed class TestException(string message) : Exception(message);

/// <summary>
/// A persistent actor written down where it is used: a command handler, and the events it has seen. <c>boom</c> makes it throw.
/// </summary>
internal class Entity : PersistentActor
{
    private readonly string _id;
    private readonly Script _script;

    public Entity(string id, Script script)
    {
        _id = id;
        _script = script;
    }

    public override string PersistenceId => _id;

    public override Recovery Recovery => _script.Recovery ?? base.Recovery;

    public List<object> Events { get; private set; } = [];

    public int Counter { get; set; }

    public new IActorRef Sender => base.Sender;

    public new IActorRef Self => base.Self;

    public TimeSpan? ReceiveTimeout
    {
        get => Context.ReceiveTimeout;
        set => Context.SetReceiveTimeout(value);
    }

    public static Props Of(string id, Action<Entity, object> command) => Of(id, new Script { Command = command });

    public static Props Of(string id, Script script) => Props.Create(() => new Entity(id, script));

    public void Apply(Evt evt) => Events.Add(evt.Data);

    public void Reply(object message) => Sender.Tell(message, Self);

    public void Become(Action<Entity, object> command) => Context.Become(message => Handle(command, message));

    public void Unbecome() => Context.Become(ReceiveCommand);

    public void StopSelf() => Context.Stop(Self);

    protected override bool ReceiveRecover(object message)
    {
        if (_script.Recover?.Invoke(this, message) == true)
            return true;
        switch (message)
        {
            case Evt evt:
                Apply(evt);
                return true;
            case SnapshotOffer { Snapshot: object[] events } when _script.TakesSnapshots:
                Events = [.. events];
                return true;
            default:
                return false;
        }
    }

    protected override bool ReceiveCommand(object message) => Handle(_script.Command, message);

    protected override void PreStart()
    {
        _script.OnPreStart?.Invoke(this);
        base.PreStart();
    }

    protected override void PostStop()
    {
        _script.OnPostStop?.Invoke(this);
        base.PostStop();
    }

    protected override void PreRestart(Exception reason, object? message)
    {
        _script.OnPreRestart?.Invoke(this, reason, message);
        base.PreRestart(reason, message!);
    }

    protected override void OnPersistFailure(Exception cause, object @event, long sequenceNr)
    {
        if (@event is Evt evt)
            Reply($"Failure: {evt.Data}");
    }

    protected override void OnPersistRejected(Exception cause, object @event, long sequenceNr)
    {
        if (@event is Evt evt)
            Reply($"Rejected: {evt.Data}");
    }

    protected override void OnRecoveryFailure(Exception reason, object? message = null) => _script.OnRecoveryFailure?.Invoke(reason, message);

    private bool Handle(Action<Entity, object> command, object message)
    {
        switch (message)
        {
            case GetState:
                Reply(string.Join(' ', Events));
                return true;
            case "boom":
                throw new TestException("boom");
            default:
                if (_script.Async)
                {
                    RunTask(async () =>
                    {
                        await Task.Delay(1);
                        command(this, message);
                    });
                }
                else
                {
                    command(this, message);
                }

                return true;
        }
    }

    internal sealed class Script
    {
        public Action<Entity, object> Command { get; init; } = static (_, _) => { };

        public Func<Entity, object, bool>? Recover { get; init; }

        public Recovery? Recovery { get; init; }

        /// <summary>Every command is handled after an await that gives up the turn, which <c>Task.Yield</c> in an actor does not.</summary>
        public bool Async { get; init; }

        public bool TakesSnapshots { get; init; } = true;

        public Action<Entity>? OnPreStart { get; init; }

        public Action<Entity>? OnPostStop { get; init; }

        public Action<Entity, Exception, object?>? OnPreRestart { get; init; }

        public Action<Exception, object?>? OnRecoveryFailure { get; init; }
    }
}
