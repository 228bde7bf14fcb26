using System.Diagnostics;
using System.Threading.Channels;

namespace Mesh.Bench.Actors;

/// <summary>Many persistent actors at once, from the first call until the last has recovered.</summary>
sealed class Recovering(bool onDisk) : Scenario($"recovery-{(onDisk ? "sqlite" : "memory")}")
{
    const int EventsEach = 10;

    // As many recover at once where nobody configures it.
    const int Readers = 50;

    public override IReadOnlyList<Row> Rows =>
    [
        Line("time", $"recovery, {(onDisk ? "SQLite" : "memory")}, {EventsEach} events each: all", "s", 3),
        Line("rate", $"recovery, {(onDisk ? "SQLite" : "memory")}, {EventsEach} events each: actors", "k/s", 1),
    ];

    public override async Task<double[]> ActorsAsync(Effort effort, CancellationToken cancel)
    {
        using var ledger = Ledger.Open(onDisk ? Store.Sqlite : Store.Memory, effort);
        await using Stage stage = new(ledger.Hocon);
        AccountLife first = new(new Latch(effort.Entities), new Latch(effort.Entities));
        Latch persisted = new(effort.Entities * EventsEach);
        IActorRef[] actors =
            [.. Enumerable.Range(0, effort.Entities).Select(i => stage.System.ActorOf(Props.Create<Account>(Id(i), first)))];
        foreach (var actor in actors)
            actor.Tell(new DepositSeveral(EventsEach, persisted));
        await persisted.WaitAsync(cancel);
        foreach (var actor in actors)
            stage.System.Stop(actor);
        await first.Stopped.WaitAsync(cancel);

        AccountLife second = new(new Latch(effort.Entities), new Latch(effort.Entities));
        return await MeasureAsync(
            async () =>
            {
                for (var i = 0; i < effort.Entities; i++)
                    stage.System.ActorOf(Props.Create<Account>(Id(i), second));
                await second.Recovered.WaitAsync(cancel);
            },
            effort);
    }

    /// <summary>In memory there would be nothing to compare: a list is there already.</summary>
    public override async Task<double[]> ChannelsAsync(Effort effort, CancellationToken cancel)
    {
        if (!onDisk)
            return [];
        using var ledger = Ledger.Open(onDisk ? Store.Sqlite : Store.Memory, effort);
        var database = ledger.Database!;
        await Task.WhenAll(Enumerable.Range(0, effort.Entities)
            .Select(i => database.AppendAsync([.. Enumerable.Range(1, EventsEach).Select(n => Ledger.Row(Id(i), n, new Deposited(n)))])));

        return await MeasureAsync(
            async () =>
            {
                var ids = Channel.CreateUnbounded<object>();
                Task[] readers = [.. Enumerable.Range(0, Readers).Select(_ => Task.Run(ReadAsync, cancel))];
                for (var i = 0; i < effort.Entities; i++)
                    ids.Writer.TryWrite(Id(i));
                ids.Writer.Complete();
                await Task.WhenAll(readers);

                async Task ReadAsync()
                {
                    while (await ids.Reader.WaitToReadAsync(cancel))
                    {
                        while (ids.Reader.TryRead(out var id))
                        {
                            long sum = 0;
                            var highest = await database.HighestSequenceNrAsync((string)id);
                            await database.ReplayAsync((string)id, 1, highest, long.MaxValue,
                                row => sum += ((Deposited)Ledger.Serializer.FromBinary(row.Message, row.Manifest)).Amount);
                        }
                    }
                }
            },
            effort);
    }

    static string Id(int number) => $"account-{number}";

    static async Task<double[]> MeasureAsync(Func<Task> recover, Effort effort)
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var began = Stopwatch.GetTimestamp();
        await recover();
        var elapsed = Stopwatch.GetElapsedTime(began).TotalSeconds;
        return [elapsed, effort.Entities / elapsed / 1e3];
    }
}
