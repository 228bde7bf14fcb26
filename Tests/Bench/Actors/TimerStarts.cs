using System.Threading.Channels;

namespace Mesh.Bench.Actors;

/// <summary>Timers with a key that are started and cancelled, none of them ever due.</summary>
sealed class TimerStarts() : Scenario("timers")
{
    const int Starts = 20_000;

    static readonly TimeSpan Far = TimeSpan.FromHours(1);
    static readonly object Tick = new();
    static readonly object[] Keys = [.. Enumerable.Range(0, 1000).Select(i => (object)i)];

    public override IReadOnlyList<Row> Rows =>
        [Line("rate", "timers, start and cancel", "k/s", 0), Line("bytes", "bytes per timer", "B", 0)];

    public override async Task<double[]> ActorsAsync(Effort effort, CancellationToken cancel)
    {
        await using Stage stage = new();
        var actor = stage.System.ActorOf(Props.Create<Starter>());
        return await MeasureAsync(
            async () =>
            {
                Latch latch = new(1);
                actor.Tell(latch);
                await latch.WaitAsync(cancel);
            },
            effort,
            cancel);
    }

    /// <summary>The runtime's timers, each of which would write to the channel.</summary>
    public override Task<double[]> ChannelsAsync(Effort effort, CancellationToken cancel)
    {
        var channel = Channel.CreateUnbounded<object>(new UnboundedChannelOptions { SingleReader = true });
        Dictionary<object, Timer> timers = [];
        return MeasureAsync(
            () =>
            {
                for (var i = 0; i < Starts; i++)
                {
                    var key = Keys[i % Keys.Length];
                    timers[key] = new Timer(
                        static writer => ((ChannelWriter<object>)writer!).TryWrite(Tick), channel.Writer, Far, Timeout.InfiniteTimeSpan);
                    timers.Remove(key, out var timer);
                    timer!.Dispose();
                }

                return Task.CompletedTask;
            },
            effort,
            cancel);
    }

    static async Task<double[]> MeasureAsync(Func<Task> round, Effort effort, CancellationToken cancel)
    {
        var pace = await Pace.MeasureAsync(effort.Slice, Starts, round, cancel);
        return [pace.PerSecond / 1e3, pace.BytesEach];
    }

    sealed class Starter : UntypedActor, IWithTimers
    {
        public ITimerScheduler Timers { get; set; } = null!;

        protected override void OnReceive(object message)
        {
            for (var i = 0; i < Starts; i++)
            {
                var key = Keys[i % Keys.Length];
                Timers.StartSingleTimer(key, Tick, Far);
                Timers.Cancel(key);
            }

            ((Latch)message).Signal();
        }
    }
}
