using System.Diagnostics;
using System.Threading.Channels;

namespace Mesh.Bench.Actors;

/// <summary>How the actors of <see cref="Spawning"/> get what they are made with.</summary>
enum SpawnBy
{
    /// <summary>They get nothing, and all have the same props.</summary>
    SharedProps,

    /// <summary>Each has props of its own with two arguments.</summary>
    Arguments,

    /// <summary>Each has props of its own from a constructor call as an expression.</summary>
    Expression,
}

/// <summary>Actors from the call until each has run its PreStart; a system of its own for every batch.</summary>
sealed class Spawning(SpawnBy by)
    : Scenario(by switch { SpawnBy.SharedProps => "spawn", SpawnBy.Arguments => "spawn-args", _ => "spawn-expression" })
{
    static Latch _shared = new(0);

    public override IReadOnlyList<Row> Rows =>
    [
        by switch
        {
            SpawnBy.SharedProps => Line("time", "spawn", "us", 2, AkkaNet.Spawn, Goals.Spawn),
            SpawnBy.Arguments => Line("time", "spawn, own Create<T>(a, b)", "us", 2),
            _ => Line("time", "spawn, own Create(() => new T(a, b))", "us", 2),
        },
    ];

    public override Task<double[]> ActorsAsync(Effort effort, CancellationToken cancel) => MeasureAsync(
        async latch =>
        {
            await using Stage stage = new();
            _shared = latch;
            var props = Props.Create<Plain>();
            GC.Collect();
            var began = Stopwatch.GetTimestamp();
            for (var i = 0; i < effort.Actors; i++)
            {
                var number = i;
                stage.System.ActorOf(by switch
                {
                    SpawnBy.SharedProps => props,
                    SpawnBy.Arguments => Props.Create<WithArguments>(latch, number),
                    _ => Props.Create(() => new WithArguments(latch, number)),
                });
            }

            await latch.WaitAsync(cancel);
            return Stopwatch.GetElapsedTime(began);
        },
        effort,
        cancel);

    public override Task<double[]> ChannelsAsync(Effort effort, CancellationToken cancel) => MeasureAsync(
        async latch =>
        {
            var channels = new Channel<object>[effort.Actors];
            var readers = new Task[effort.Actors];
            UnboundedChannelOptions options = new() { SingleReader = true };
            GC.Collect();
            var began = Stopwatch.GetTimestamp();
            for (var i = 0; i < effort.Actors; i++)
            {
                var channel = channels[i] = Channel.CreateUnbounded<object>(options);
                readers[i] = Task.Run(() => ReadAsync(channel.Reader, latch), cancel);
            }

            await latch.WaitAsync(cancel);
            var elapsed = Stopwatch.GetElapsedTime(began);
            foreach (var channel in channels)
                channel.Writer.Complete();
            await Task.WhenAll(readers);
            return elapsed;
        },
        effort,
        cancel);

    /// <summary>What a reader task is that stands for an idle actor.</summary>
    public static async Task ReadAsync(ChannelReader<object> channel, Latch started)
    {
        started.Signal();
        while (await channel.WaitToReadAsync())
        {
            while (channel.TryRead(out _))
            {
                // It only has to be there.
            }
        }
    }

    static async Task<double[]> MeasureAsync(Func<Latch, Task<TimeSpan>> spawn, Effort effort, CancellationToken cancel)
    {
        var elapsed = TimeSpan.Zero;
        var count = 0;
        for (; elapsed < effort.Slice; count += effort.Actors)
        {
            cancel.ThrowIfCancellationRequested();
            elapsed += await spawn(new Latch(effort.Actors));
        }

        return [elapsed.TotalMicroseconds / count];
    }

    sealed class Plain : UntypedActor
    {
        protected override void PreStart() => _shared.Signal();

        protected override void OnReceive(object message) => Unhandled(message);
    }

    sealed class WithArguments(Latch latch, int number) : UntypedActor
    {
        protected override void PreStart() => latch.Signal();

        protected override void OnReceive(object message) => Sender.Tell(number);
    }
}
