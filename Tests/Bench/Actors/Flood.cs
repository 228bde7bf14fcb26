using System.Threading.Channels;

namespace Mesh.Bench.Actors;

/// <summary>Messages from several threads into one actor, until the last was handled.</summary>
sealed class Flood(int producers, Ends? published) : Scenario($"tell{producers}")
{
    const int Messages = 1_000_000;

    static readonly object Message = new();

    public override IReadOnlyList<Row> Rows => producers > 1
        ? [Rate]
        // No goal: what waits has to be somewhere, and a backlog of many thousands is not kept room for.
        : [Rate, Line("bytes", "bytes per Tell, flood", "B", 1)];

    Row Rate => Line("rate", $"tell, {producers} producer{(producers > 1 ? "s" : "")}", "M/s", 2, published);

    public override async Task<double[]> ActorsAsync(Effort effort, CancellationToken cancel)
    {
        await using Stage stage = new();
        using AutoResetEvent handled = new(false);
        var counter = stage.System.ActorOf(Props.Create(() => new Counter(handled)));
        return await MeasureAsync(
            handled,
            count =>
            {
                for (var i = 0; i < count; i++)
                    counter.Tell(Message);
            },
            effort,
            cancel);
    }

    public override async Task<double[]> ChannelsAsync(Effort effort, CancellationToken cancel)
    {
        var channel = Channel.CreateUnbounded<object>(new UnboundedChannelOptions { SingleReader = true });
        using AutoResetEvent handled = new(false);
        var reader = Task.Run(() => ReadAsync(channel.Reader, handled), cancel);
        var values = await MeasureAsync(
            handled,
            count =>
            {
                for (var i = 0; i < count; i++)
                    channel.Writer.TryWrite(Message);
            },
            effort,
            cancel);
        channel.Writer.Complete();
        await reader;
        return values;
    }

    static async Task ReadAsync(ChannelReader<object> channel, AutoResetEvent handled)
    {
        var count = 0;
        while (await channel.WaitToReadAsync())
        {
            while (channel.TryRead(out _))
            {
                if (++count % Messages == 0)
                    handled.Set();
            }
        }
    }

    async Task<double[]> MeasureAsync(AutoResetEvent handled, Action<int> send, Effort effort, CancellationToken cancel)
    {
        // A thread of its own: it blocks, and the pool's are the receiver's.
        var pace = await Task.Factory.StartNew(
            () => RunAsync(handled, send, effort, cancel), cancel, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap();
        return producers > 1 ? [pace.PerSecond / 1e6] : [pace.PerSecond / 1e6, pace.BytesEach];
    }

    async Task<Pace> RunAsync(AutoResetEvent handled, Action<int> send, Effort effort, CancellationToken cancel)
    {
        var stop = false;
        using Barrier start = new(producers + 1);
        Thread[] threads = [.. Enumerable.Range(0, producers).Select(_ => new Thread(Produce) { IsBackground = true })];
        foreach (var thread in threads)
            thread.Start();
        try
        {
            return await Pace.MeasureAsync(
                effort.Slice,
                Messages,
                () =>
                {
                    start.SignalAndWait(cancel);
                    return handled.WaitOne(Latch.Limit) ? Task.CompletedTask : throw Latch.Lost(Messages, Messages);
                },
                cancel);
        }
        finally
        {
            stop = true;
            start.SignalAndWait(CancellationToken.None);
            foreach (var thread in threads)
                thread.Join();
        }

        void Produce()
        {
            while (true)
            {
                start.SignalAndWait(CancellationToken.None);
                if (Volatile.Read(ref stop))
                    return;
                send(Messages / producers);
            }
        }
    }

    sealed class Counter(AutoResetEvent handled) : UntypedActor
    {
        int _count;

        protected override void OnReceive(object message)
        {
            if (++_count % Messages == 0)
                handled.Set();
        }
    }
}
