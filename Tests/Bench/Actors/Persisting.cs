using System.Threading.Channels;
using Mesh.Controller.Journal;

namespace Mesh.Bench.Actors;

/// <summary>Commands that each persist an event, from the first command to the last handler.</summary>
sealed class Persisting(int accounts, Store store) : Scenario($"persist-{store.ToString().ToLowerInvariant()}{accounts}")
{
    // Of all accounts together; a journal on disk may take milliseconds for each that comes alone.
    readonly int _events = store == Store.Memory ? 10_000 : accounts == 1 ? 50 : 1000;

    public override IReadOnlyList<Row> Rows => store != Store.Memory || accounts > 1 ? [Rate] : [Rate, Line("bytes", "bytes per event, memory", "B", 0)];

    Row Rate => Line(
        "rate",
        $"persist, {(store == Store.Memory ? "memory" : store.ToString())}, {accounts} actor{(accounts > 1 ? "s" : "")}",
        "k/s",
        store == Store.Memory ? 1 : 2,
        store == Store.Memory ? AkkaNet.Persist : null);

    public override async Task<double[]> ActorsAsync(Effort effort, CancellationToken cancel)
    {
        using var ledger = Ledger.Open(store, effort);
        await using Stage stage = new(ledger.Hocon);
        AccountLife life = new(new Latch(accounts), new Latch(accounts));
        IActorRef[] actors =
            [.. Enumerable.Range(0, accounts).Select(i => stage.System.ActorOf(Props.Create<Account>($"account-{i}", life)))];
        await life.Recovered.WaitAsync(cancel);
        return await MeasureAsync((account, command) => actors[account].Tell(command), effort, cancel);
    }

    public override async Task<double[]> ChannelsAsync(Effort effort, CancellationToken cancel)
    {
        using var ledger = Ledger.Open(store, effort);
        UnboundedChannelOptions options = new() { SingleReader = true };
        var journal = Channel.CreateUnbounded<object>(options);
        var commands = Enumerable.Range(0, accounts).Select(_ => Channel.CreateUnbounded<object>(options)).ToArray();
        var writer = Task.Run(() => WriteAsync(journal.Reader), cancel);
        Task[] tasks =
        [
            .. commands.Select((channel, i) => Task.Run(
                () => HandleAsync(channel.Reader, $"account-{i}", ledger.Database, journal.Writer), cancel)),
        ];
        var values = await MeasureAsync((account, command) => commands[account].Writer.TryWrite(command), effort, cancel);
        foreach (var channel in commands)
            channel.Writer.Complete();
        await Task.WhenAll(tasks);
        journal.Writer.Complete();
        await writer;
        return values;
    }

    /// <summary>Handles an account's commands as its actor does: the next one when the event of the one before is stored.</summary>
    static async Task HandleAsync(ChannelReader<object> commands, string id, JournalDatabase? database, ChannelWriter<object> journal)
    {
        long sequenceNr = 0, sum = 0;
        while (await commands.WaitToReadAsync())
        {
            while (commands.TryRead(out var message))
            {
                var command = (Deposit)message;
                Deposited happened = new(command.Amount);
                sequenceNr++;
                if (database is not null)
                    await database.AppendAsync([Ledger.Row(id, sequenceNr, happened)]);
                else
                {
                    Write write = new(id, sequenceNr, happened);
                    journal.TryWrite(write);
                    await write.Stored.Task;
                }

                sum += happened.Amount;
                command.Persisted.Signal();
            }
        }
    }

    static async Task WriteAsync(ChannelReader<object> journal)
    {
        List<Write> stored = [];
        while (await journal.WaitToReadAsync())
        {
            while (journal.TryRead(out var message))
            {
                var write = (Write)message;
                stored.Add(write);
                write.Stored.SetResult();
            }
        }
    }

    async Task<double[]> MeasureAsync(Action<int, Deposit> send, Effort effort, CancellationToken cancel)
    {
        var pace = await Pace.MeasureAsync(
            effort.Slice,
            _events,
            async () =>
            {
                Latch persisted = new(_events);
                Deposit command = new(1, persisted);
                for (var i = 0; i < _events; i++)
                    send(i % accounts, command);
                await persisted.WaitAsync(cancel);
            },
            cancel);
        return Rows.Count > 1 ? [pace.PerSecond / 1e3, pace.BytesEach] : [pace.PerSecond / 1e3];
    }

    sealed record Write(string Id, long SequenceNr, Deposited Happened)
    {
        public TaskCompletionSource Stored { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
