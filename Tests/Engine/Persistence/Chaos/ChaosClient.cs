namespace Mesh.Tests.Engine.Persistence.Chaos;

/// <summary>Asks a client to send its commands; answered by itself once all have ended one way or another.</summary>
internal sealed class BeginChaos
{
    public static readonly BeginChaos Instance = new();
}

/// <summary>
/// Sends commands to one entity and writes down what it hears. A careful client sends one after the other, each again and again until
/// it is stored or rejected. A reckless one has several under way, sends each once, and gives up on what is not answered in time.
/// </summary>
internal sealed class ChaosClient : ReceiveActor, IWithTimers
{
    private const int Window = 6;

    private readonly string _name;
    private readonly IActorRef _front;
    private readonly ChaosWorld _world;
    private readonly Queue<ChaosCommand> _script;
    private readonly bool _isCareful;
    private readonly ChaosDice _dice;
    private readonly TimeSpan _patience;
    private readonly Dictionary<string, UnderWay> _underWay = new(StringComparer.Ordinal);
    private IActorRef? _asker;

    public ChaosClient(string name, IActorRef front, IReadOnlyList<ChaosCommand> script, ChaosWorld world)
    {
        _name = name;
        _front = front;
        _world = world;
        _script = new Queue<ChaosCommand>(script);
        _isCareful = script[0].IsCareful;
        _dice = world.Draw($"client {name}");
        _patience = world.Odds.ClientPatience * (_isCareful ? 1 : 6);
        Receive<BeginChaos>(_ =>
        {
            _asker = Sender;
            Timers.StartPeriodicTimer(Tick.Instance, Tick.Instance, world.Odds.ClientPatience / 3);
            Fill();
        });
        Receive<StoredReply>(OnStored);
        Receive<RejectedReply>(reply => End(reply.Command, world.Figures.CommandRejected));
        Receive<UnknownReply>(OnUnknown);
        Receive<Tick>(_ => OnTick());
    }

    public ITimerScheduler Timers { get; set; } = null!;

    private void OnStored(StoredReply reply)
    {
        _world.History.Add(new Acknowledged(EntityOf(reply), _name, reply.Command, reply.Token, reply.SequenceNr, reply.Again));
        if (_underWay.TryGetValue(reply.Command, out var command) && (reply.Again || ++command.Stored == command.Command.Parts))
            End(reply.Command, _world.Figures.CommandAcknowledged);
    }

    private void OnUnknown(UnknownReply reply)
    {
        if (!_isCareful)
            End(reply.Command, _world.Figures.CommandUnknown);
    }

    private void OnTick()
    {
        foreach (var late in _underWay.Values.Where(each => Environment.TickCount64 >= each.Due).ToList())
        {
            if (_isCareful)
                Send(late.Command);
            else
                End(late.Command.Id, _world.Figures.CommandUnknown);
        }
    }

    private void End(string command, Action count)
    {
        if (!_underWay.Remove(command))
            return;
        count();
        Fill();
    }

    private void Fill()
    {
        while (_underWay.Count < (_isCareful ? 1 : Window) && _script.TryDequeue(out var next))
        {
            _world.Figures.Command();
            Send(next);
            if (_dice.Rolls(_world.Odds.Stumble))
                _front.Tell(new Stumble(next.Entity));
        }

        if (_underWay.Count > 0 || _asker is null)
            return;
        _asker.Tell(BeginChaos.Instance);
        _asker = null;
        Timers.CancelAll();
    }

    private void Send(ChaosCommand command)
    {
        _world.History.Add(new Sent(command.Entity, _name, command.Id));
        _underWay[command.Id] = new UnderWay(command, Environment.TickCount64 + (long)_patience.TotalMilliseconds);
        _front.Tell(command);
    }

    // A reply that went astray is the business of the entity that sent it.
    private static string EntityOf(StoredReply reply) => reply.Command[..reply.Command.IndexOf('/', StringComparison.Ordinal)];

    private sealed record UnderWay(ChaosCommand Command, long Due)
    {
        public int Stored { get; set; }
    }

    private sealed class Tick
    {
        public static readonly Tick Instance = new();
    }
}
