namespace Mesh.Tests.Engine.Persistence.Chaos;

/// <summary>How supervisors of a run decide: as the mishap says. What was not meant is written down.</summary>
internal sealed class ChaosSupervision(ChaosWorld world)
{
    public Directive Decide(Exception cause)
    {
        switch (cause)
        {
            case MishapException mishap:
                return mishap.Directive;
            case ActorInitializationException { InnerException: MishapException }:
                return Directive.Stop;
            default:
                world.History.Add(new Strange("supervision", cause.ToString()));
                return Directive.Restart;
        }
    }
}

/// <summary>
/// Keeps entities running: restarts or resumes them as their mishaps say, alone or all together, and starts those that have stopped. It
/// stumbles itself when told to, and keeps its children then, which are restarted with it.
/// </summary>
internal sealed class ChaosKeeper : ReceiveActor, IWithTimers
{
    private readonly ChaosWorld _world;
    private readonly IReadOnlyList<string> _entities;
    private readonly bool _isAllForOne;
    private readonly ChaosDice _dice;

    public ChaosKeeper(ChaosWorld world, IReadOnlyList<string> entities, bool isAllForOne)
    {
        _world = world;
        _entities = entities;
        _isAllForOne = isAllForOne;
        _dice = world.Draw($"keeper {entities[0]}");
        Receive<ChaosCommand>(command => Context.Child(command.Entity).Forward(command));
        Receive<AreYouThere>(question => Context.Child(question.Entity).Forward(question));
        Receive<Stumble>(_ => throw new MishapException("stumbling", Directive.Restart));
        Receive<Terminated>(ended => Timers.StartSingleTimer(
            ended.ActorRef.Path.Name, StartAgain.Instance, TimeSpan.FromMilliseconds(2 + _dice.Below(10))));
        Receive<StartAgain>(_ => StartMissing());
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() => StartMissing();

    protected override void PreRestart(Exception reason, object? message)
    {
        // The children live on.
    }

    protected override SupervisorStrategy SupervisorStrategy() => _isAllForOne
        ? new AllForOneStrategy(new ChaosSupervision(_world).Decide)
        : new OneForOneStrategy(new ChaosSupervision(_world).Decide);

    private void StartMissing()
    {
        foreach (var entity in _entities.Where(entity => Context.Child(entity).IsNobody()))
        {
            var (id, world) = (entity, _world);
            Context.Watch(Context.ActorOf(Props.Create(() => new ChaosEntity(id, world)), id));
        }
    }

    private sealed class StartAgain
    {
        public static readonly StartAgain Instance = new();
    }
}
