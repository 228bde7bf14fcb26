using Mesh.Actors.Engine.Actor;

namespace Mesh.Tests.Engine.Model;

/// <summary>The engine on the thread pool and under the real clock, with hosts that everything is asked of at once.</summary>
sealed class PoolWorld : HostWorld
{
    const int MaxActors = 600;

    static readonly Config Quiet = ConfigurationFactory.ParseString("akka { stdout-loglevel = OFF, log-dead-letters = off }");

    readonly HostRecord?[] _actors = new HostRecord?[MaxActors];
    readonly PoolWitness _witness;
    int _lastNumber;
    int _gates;

    public PoolWorld()
    {
        System = new ActorSystemImpl("pool", Quiet, null, Dispatcher);
        _witness = new PoolWitness(this);
        Undertaker.Attach(System);
        System.Start();
    }

    public override ActorSystemImpl System { get; }

    public CountingDispatcher Dispatcher { get; } = new();

    public override Witness Witness => _witness;

    public PoolWitness Findings => _witness;

    public IEnumerable<HostRecord> Actors => _actors.OfType<HostRecord>();

    public override int Spawned => Volatile.Read(ref _lastNumber);

    public override int Alive => Actors.Count(static actor => !actor.Reference.IsTerminated);

    /// <summary>True if nobody has a turn to come and no handler waits.</summary>
    public bool IsAtRest => Dispatcher.Pending == 0 && Volatile.Read(ref _gates) == 0;

    public override void Write(string line) { }

    public override IActorRef ReferenceOf(int actor) => actor switch
    {
        Nobodies.Guardian => System.Guardian,
        Nobodies.DeadLetters => System.DeadLetters,
        // A number may be known before its actor is.
        _ => actor > 0 && Volatile.Read(ref _actors[actor]) is { } record ? record.Reference : ActorRefs.Nobody,
    };

    public override void Announce(HostRecord actor) => actor.Number = Interlocked.Increment(ref _lastNumber);

    public override void Register(HostRecord actor)
    {
        base.Register(actor);
        Volatile.Write(ref _actors[actor.Number], actor);
    }

    public override Task Gate()
    {
        // Some are open before anybody waits.
        if (Random.Shared.Next(10) == 0)
            return Task.CompletedTask;
        var gate = new TaskCompletionSource();
        Interlocked.Increment(ref _gates);
        _ = Task.Delay(1).ContinueWith(
            _ =>
            {
                // The actor gets its turn to come before the gate is counted as open.
                if (Random.Shared.Next(5) == 0)
                    gate.SetException(new ScriptedException(FailureKind.Apple, 0));
                else
                    gate.SetResult();
                Interlocked.Decrement(ref _gates);
            },
            TaskScheduler.Default);
        return gate.Task;
    }

    /// <summary>Lets nothing new begin and ends what would go on for ever.</summary>
    public void CalmDown()
    {
        _witness.CalmDown();
        foreach (var actor in Actors)
            actor.Reference.Tell(new Calm(), ActorRefs.NoSender);
    }

    /// <summary>Sees to it that dead letters are counted.</summary>
    sealed class Undertaker(ActorSystemImpl system) : MinimalActorRef
    {
        public override ActorPath Path { get; } = system.NextTempPath();

        public override ActorSystemImpl System { get; } = system;

        public static void Attach(ActorSystemImpl system)
        {
            var undertaker = new Undertaker(system);
            system.EventStream.Subscribe(undertaker, typeof(DeadLetter));
            system.EventStream.Subscribe(undertaker, typeof(Mesh.Actors.Engine.Event.SuppressedDeadLetter));
        }

        protected override void TellInternal(object message, IActorRef? sender) =>
            (((AllDeadLetters)message).Message as Errand)?.Parcel?.Bury();
    }
}
