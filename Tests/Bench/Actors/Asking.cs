using System.Threading.Channels;

namespace Mesh.Bench.Actors;

/// <summary>One question after the other.</summary>
sealed class Asking() : Scenario("ask")
{
    const int Questions = 10_000;

    static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);
    static readonly object Question = new();
    static readonly Answer Known = new();

    public override IReadOnlyList<Row> Rows => [Line("time", "ask", "us", 2, AkkaNet.Ask), Line("bytes", "bytes per ask", "B", 0)];

    public override async Task<double[]> ActorsAsync(Effort effort, CancellationToken cancel)
    {
        await using Stage stage = new();
        var actor = stage.System.ActorOf(Props.Create<Oracle>());
        return await MeasureAsync(
            async () =>
            {
                for (var i = 0; i < Questions; i++)
                    await actor.Ask<Answer>(Question, Timeout);
            },
            effort,
            cancel);
    }

    public override async Task<double[]> ChannelsAsync(Effort effort, CancellationToken cancel)
    {
        var channel = Channel.CreateUnbounded<object>(new UnboundedChannelOptions { SingleReader = true });
        var reader = Task.Run(() => AnswerAsync(channel.Reader), cancel);
        var values = await MeasureAsync(
            async () =>
            {
                for (var i = 0; i < Questions; i++)
                {
                    Request request = new(Question);
                    channel.Writer.TryWrite(request);
                    await request.Answer.Task;
                }
            },
            effort,
            cancel);
        channel.Writer.Complete();
        await reader;
        return values;
    }

    static async Task AnswerAsync(ChannelReader<object> channel)
    {
        while (await channel.WaitToReadAsync())
        {
            while (channel.TryRead(out var message))
                ((Request)message).Answer.SetResult(Known);
        }
    }

    static async Task<double[]> MeasureAsync(Func<Task> round, Effort effort, CancellationToken cancel)
    {
        var pace = await Pace.MeasureAsync(effort.Slice, Questions, round, cancel);
        return [pace.MicrosecondsEach, pace.BytesEach];
    }

    sealed class Answer;

    sealed record Request(object Question)
    {
        public TaskCompletionSource<Answer> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    sealed class Oracle : UntypedActor
    {
        protected override void OnReceive(object message) => Sender.Tell(Known);
    }
}
