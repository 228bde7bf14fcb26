using System.Diagnostics;
using System.Threading.Channels;

namespace Mesh.Bench.Actors;

/// <summary>Many timers that are pending at once: how much later than asked for their messages are handled.</summary>
sealed class TimerLateness() : Scenario("timers-late")
{
    const int Seed = 20;

    public override IReadOnlyList<Row> Rows =>
        [Line("p50", "timers, many pending: late by p50", "ms", 2), Line("p99", "timers, many pending: late by p99", "ms", 2)];

    public override async Task<double[]> ActorsAsync(Effort effort, CancellationToken cancel)
    {
        await using Stage stage = new();
        Order order = new(effort);
        stage.System.ActorOf(Props.Create<Waiter>()).Tell(order);
        return await order.LatenessAsync(cancel);
    }

    /// <summary>The runtime's timers, each of which writes to the channel.</summary>
    public override async Task<double[]> ChannelsAsync(Effort effort, CancellationToken cancel)
    {
        var channel = Channel.CreateUnbounded<object>(new UnboundedChannelOptions { SingleReader = true });
        Order order = new(effort);
        List<Timer> timers = new(effort.Timers);
        var reader = Task.Run(ReadAsync, cancel);
        order.Start((due, delay) => timers.Add(new Timer(_ => channel.Writer.TryWrite(due), null, delay, Timeout.InfiniteTimeSpan)));
        var values = await order.LatenessAsync(cancel);
        channel.Writer.Complete();
        await reader;
        timers.ForEach(timer => timer.Dispose());
        return values;

        async Task ReadAsync()
        {
            while (await channel.Reader.WaitToReadAsync(CancellationToken.None))
            {
                while (channel.Reader.TryRead(out var message))
                    order.Happened((Due)message);
            }
        }
    }

    /// <summary>When a timer is due. Its key too, so no two are equal that are due at once.</summary>
    sealed class Due(long timestamp)
    {
        public long Timestamp { get; } = timestamp;
    }

    /// <summary>The timers of one measurement, in no order of their deadlines.</summary>
    sealed class Order(Effort effort)
    {
        readonly Latch _latch = new(effort.Timers);
        readonly double[] _late = new double[effort.Timers];
        int _happened;

        public void Start(Action<Due, TimeSpan> start)
        {
            Random random = new(Seed);
            var first = Stopwatch.GetTimestamp() + (long)(effort.Spread.TotalSeconds * Stopwatch.Frequency);
            for (var i = 0; i < effort.Timers; i++)
            {
                Due due = new(first + (long)(random.NextDouble() * effort.Spread.TotalSeconds * Stopwatch.Frequency));
                var left = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due.Timestamp);
                start(due, left > TimeSpan.Zero ? left : TimeSpan.Zero);
            }
        }

        public void Happened(Due due)
        {
            _late[_happened++] = (Stopwatch.GetTimestamp() - due.Timestamp) * 1e3 / Stopwatch.Frequency;
            _latch.Signal();
        }

        public async Task<double[]> LatenessAsync(CancellationToken cancel)
        {
            await _latch.WaitAsync(cancel);
            Array.Sort(_late);
            return [_late[_late.Length / 2], _late[_late.Length * 99 / 100]];
        }
    }

    sealed class Waiter : UntypedActor, IWithTimers
    {
        Order? _order;

        public ITimerScheduler Timers { get; set; } = null!;

        protected override void OnReceive(object message)
        {
            switch (message)
            {
                case Order order:
                    _order = order;
                    order.Start((due, delay) => Timers.StartSingleTimer(due, due, delay));
                    break;
                case Due due:
                    _order!.Happened(due);
                    break;
                default:
                    Unhandled(message);
                    break;
            }
        }
    }
}
