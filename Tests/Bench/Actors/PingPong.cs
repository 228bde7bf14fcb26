using System.Threading.Channels;

namespace Mesh.Bench.Actors;

/// <summary>Messages that two actors send each other, so many at a time.</summary>
sealed class PingPong(int pairs, int balls, Ends? published) : Scenario($"pingpong{pairs}{(balls > 1 ? $"x{balls}" : "")}")
{
    // Of all pairs together.
    const int Messages = 200_000;

    public override IReadOnlyList<Row> Rows => pairs > 1 || balls > 1
        ? [Rate]
        : [Rate, Line("bytes", "bytes per Tell, ping-pong", "B", 1, goal: Goals.Tell)];

    Row Rate => Line(
        "rate",
        $"ping-pong, {pairs} pair{(pairs > 1 ? "s" : "")}{(balls > 1 ? $", {balls} messages in flight" : "")}",
        "M/s",
        2,
        published);

    public override async Task<double[]> ActorsAsync(Effort effort, CancellationToken cancel)
    {
        await using Stage stage = new();
        var props = Props.Create<Player>();
        var players = Enumerable.Range(0, pairs)
            .Select(_ => (First: stage.System.ActorOf(props), Second: stage.System.ActorOf(props))).ToArray();
        return await MeasureAsync(
            ball =>
            {
                foreach (var (first, second) in players)
                    first.Tell(ball(), second);
            },
            effort,
            cancel);
    }

    public override async Task<double[]> ChannelsAsync(Effort effort, CancellationToken cancel)
    {
        UnboundedChannelOptions options = new() { SingleReader = true };
        var players = Enumerable.Range(0, pairs)
            .Select(_ => (First: Channel.CreateUnbounded<object>(options), Second: Channel.CreateUnbounded<object>(options))).ToArray();
        Task[] tasks =
        [
            .. players.Select(p => Task.Run(() => PlayAsync(p.First, p.Second), cancel)),
            .. players.Select(p => Task.Run(() => PlayAsync(p.Second, p.First), cancel)),
        ];
        var values = await MeasureAsync(
            ball =>
            {
                foreach (var (first, _) in players)
                    first.Writer.TryWrite(ball());
            },
            effort,
            cancel);
        foreach (var (first, second) in players)
        {
            first.Writer.Complete();
            second.Writer.Complete();
        }

        await Task.WhenAll(tasks);
        return values;
    }

    static async Task PlayAsync(ChannelReader<object> own, ChannelWriter<object> other)
    {
        while (await own.WaitToReadAsync())
        {
            while (own.TryRead(out var message))
            {
                if (((Ball)message).IsOut())
                    continue;
                other.TryWrite(message);
            }
        }
    }

    async Task<double[]> MeasureAsync(Action<Func<Ball>> serve, Effort effort, CancellationToken cancel)
    {
        var pace = await Pace.MeasureAsync(
            effort.Slice,
            Messages,
            async () =>
            {
                Latch latch = new(pairs * balls);
                for (var i = 0; i < balls; i++)
                    serve(() => new Ball(Messages / pairs / balls, latch));
                await latch.WaitAsync(cancel);
            },
            cancel);
        return Rows.Count > 1 ? [pace.PerSecond / 1e6, pace.BytesEach] : [pace.PerSecond / 1e6];
    }

    /// <summary>Goes to and fro; one player at a time has it.</summary>
    sealed class Ball(int turns, Latch latch)
    {
        int _left = turns;

        public bool IsOut()
        {
            if (--_left > 0)
                return false;
            latch.Signal();
            return true;
        }
    }

    sealed class Player : UntypedActor
    {
        protected override void OnReceive(object message)
        {
            if (!((Ball)message).IsOut())
                Sender.Tell(message);
        }
    }
}
