using System.Threading.Channels;

namespace Mesh.Bench.Actors;

/// <summary>The heap that an actor takes which has been started and does nothing.</summary>
sealed class Idling(bool withHandlers) : Scenario(withHandlers ? "idle-receive" : "idle-untyped")
{
    const int AtATime = 1000;

    static Latch _started = new(0);

    public override IReadOnlyList<Row> Rows =>
        [Line("bytes", withHandlers ? "idle ReceiveActor, 5 handlers" : "idle UntypedActor", "B", 0, AkkaNet.Idle, Goals.Idle)];

    public override async Task<double[]> ActorsAsync(Effort effort, CancellationToken cancel)
    {
        await using Stage stage = new();
        var props = withHandlers ? Props.Create<WithHandlers>() : Props.Create<Plain>();
        var actors = new IActorRef[effort.Actors];
        return await WeighAsync(
            actors.Length,
            (i, latch) =>
            {
                _started = latch;
                actors[i] = stage.System.ActorOf(props);
            },
            () => GC.KeepAlive(actors),
            cancel);
    }

    public override async Task<double[]> ChannelsAsync(Effort effort, CancellationToken cancel)
    {
        var channels = new Channel<object>[effort.Actors];
        var readers = new Task[effort.Actors];
        UnboundedChannelOptions options = new() { SingleReader = true };
        var values = await WeighAsync(
            channels.Length,
            (i, latch) =>
            {
                var channel = channels[i] = Channel.CreateUnbounded<object>(options);
                readers[i] = Task.Run(() => Spawning.ReadAsync(channel.Reader, latch), cancel);
            },
            () => GC.KeepAlive(channels),
            cancel);
        foreach (var channel in channels)
            channel.Writer.Complete();
        await Task.WhenAll(readers);
        return values;
    }

    static async Task<double[]> WeighAsync(int count, Action<int, Latch> start, Action keep, CancellationToken cancel)
    {
        var before = await SettledAsync(cancel);
        // Not all at once: what the pool's queue grows to is not the actors'.
        for (var i = 0; i < count; i += AtATime)
        {
            cancel.ThrowIfCancellationRequested();
            Latch latch = new(AtATime);
            for (var j = 0; j < AtATime; j++)
                start(i + j, latch);
            await latch.WaitAsync(cancel);
        }

        var after = await SettledAsync(cancel);
        keep();
        return [(double)(after - before) / count];
    }

    static async Task<long> SettledAsync(CancellationToken cancel)
    {
        // The first turns end a moment after the last PreStart.
        await Task.Delay(20, cancel);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return GC.GetTotalMemory(forceFullCollection: true);
    }

    sealed class Plain : UntypedActor
    {
        protected override void PreStart() => _started.Signal();

        protected override void OnReceive(object message) => Unhandled(message);
    }

    sealed class WithHandlers : ReceiveActor
    {
        long _sum;

        public WithHandlers()
        {
            Receive<byte>(number => _sum += number);
            Receive<short>(number => _sum += number);
            Receive<int>(number => _sum += number);
            Receive<long>(number => _sum += number);
            Receive<string>(_ => Sender.Tell(_sum));
        }

        protected override void PreStart() => _started.Signal();
    }
}
