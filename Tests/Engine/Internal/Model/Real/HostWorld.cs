using System.Collections.Concurrent;
using Mesh.Actors.Engine.Actor;
using Mesh.Actors.Engine.Dispatch;

namespace Mesh.Tests.Engine.Model;

/// <summary>What hosts share: who has which number, and what engine messages and failures are called.</summary>
abstract class HostWorld : IWorld
{
    readonly ConcurrentDictionary<IActorRef, HostRecord> _byReference = new();

    protected HostWorld() => Performer = new Performer(this);

    public abstract ActorSystemImpl System { get; }

    public Performer Performer { get; }

    public virtual Witness Witness => Witness.Blind;

    public abstract int Spawned { get; }

    public abstract int Alive { get; }

    public bool IsAlive(int actor) => ReferenceOf(actor) is LocalActorRef { IsTerminated: false };

    public abstract void Write(string line);

    public abstract IActorRef ReferenceOf(int actor);

    public abstract Task Gate();

    public string PathOf(int actor) => ReferenceOf(actor).Path.ToStringWithoutAddress();

    /// <summary>Starts an actor below a context or the guardian and returns its number.</summary>
    public int Spawn(IActorRefFactory parent, ActorSpec spec, string? name, int depth)
    {
        var record = new HostRecord(spec, depth);
        Announce(record);
        var props = Props.Create(() => new Host(this, record)).WithStashCapacity(spec.StashCapacity);
        if (spec.Strategy is { FromProps: true } strategy)
            props = props.WithSupervisorStrategy(Host.Build(strategy));
        record.Reference = (LocalActorRef)parent.ActorOf(props, name);
        Register(record);
        return record.Number;
    }

    /// <summary>Gives an actor that is about to be started its number, if its constructor may run before it is registered.</summary>
    public virtual void Announce(HostRecord actor) { }

    public virtual void Register(HostRecord actor) => _byReference[actor.Reference] = actor;

    public int NumberOf(IActorRef reference)
    {
        if (_byReference.TryGetValue(reference, out var record))
            return record.Number;
        if (reference.Equals(System.Guardian))
            return Nobodies.Guardian;
        if (reference.Equals(System.DeadLetters))
            return Nobodies.DeadLetters;
        return reference.IsNobody() ? Nobodies.Nobody : Nobodies.Engine;
    }

    public static object MessageOf(Signal signal) => signal switch
    {
        Signal.Pill => PoisonPill.Instance,
        Signal.Kill => Kill.Instance,
        _ => new Identify("who"),
    };

    public string Describe(object? message) => message switch
    {
        null => Line.Nothing,
        PoisonPill => Line.Pill,
        Kill => Line.Kill,
        Identify => Line.Identify,
        ActorIdentity identity => Line.Identity(identity.Subject is { } subject ? NumberOf(subject) : null),
        Terminated terminated => Line.Terminated(NumberOf(terminated.ActorRef), terminated.ExistenceConfirmed),
        ITimerMsg tick => Line.Tick((string)tick.Key, tick.Generation),
        ReceiveTimeout => Line.ReceiveTimeout,
        Errand or Announcement => $"{message}",
        _ when message.GetType().Name == "ReceiveTimeoutTick" => Line.TimeoutTick,
        _ => $"{message.GetType().Name} {message}",
    };

    public string Describe(Exception failure) => failure switch
    {
        ScriptedException scripted => Line.Thrown(scripted.Kind, scripted.Number),
        PostRestartException { InnerException: { } inner, OriginalCause: var original } =>
            Line.RestartFailed(Describe(inner), original is null ? Line.Nothing : Describe(original)),
        PreRestartException ended => Line.EndFailed(Describe(ended.RestartException)),
        ActorInitializationException { InnerException: { } inner } => Line.StartFailed(Describe(inner)),
        ActorKilledException => Line.Killed,
        DeathPactException pact => Line.DeathOf(NumberOf(pact.DeadActor)),
        InvalidActorNameException => Line.BadName,
        IllegalActorStateException => Line.IllegalState,
        StashOverflowException => Line.StashFull,
        // The only one that the engine throws by this name while scripts run.
        InvalidOperationException => Line.Stopping,
        _ => $"{failure}",
    };

    public static FailureKind KindOf(Exception failure) => failure switch
    {
        ScriptedException scripted => scripted.Kind,
        ActorInitializationException => FailureKind.Initialization,
        ActorKilledException => FailureKind.Killed,
        DeathPactException => FailureKind.DeathPact,
        _ => FailureKind.Complaint,
    };
}

/// <summary>What is known of one actor beside its instances.</summary>
sealed class HostRecord(ActorSpec spec, int depth)
{
    public ActorSpec Spec { get; } = spec;

    public int Depth { get; } = depth;

    public int Number { get; set; }

    public LocalActorRef Reference { get; set; } = null!;

    public Mailbox Mailbox => Reference.Cell.Mailbox;

    public HostNotes Notes { get; } = new();

    /// <summary>How many instances were made, or tried to be.</summary>
    public int Incarnations { get; set; }

    public Allowance Terminations { get; } = new(6);

    public Allowance Timeouts { get; } = new(4);
}

/// <summary>Lets something be done so many times and no more.</summary>
sealed class Allowance(int left)
{
    int _left = left;

    public bool Take() => _left-- > 0;
}

/// <summary>What scripts throw.</summary>
sealed class ScriptedException(FailureKind kind, int number) : Exception($"{kind} {number}")
{
    public FailureKind Kind { get; } = kind;

    public int Number { get; } = number;
}
