using Mesh.Bench.Report;
using Mesh.Tests.Kit.Persistence;

namespace Mesh.Bench.Actors;

/// <summary>
/// One thing to measure: how actors do it and, where there is a fair equivalent, how bare channels do. Nothing stays from one call to the
/// next but compiled code.
/// </summary>
/// <param name="name">What <c>--rows</c> takes.</param>
abstract class Scenario(string name)
{
    /// <summary>The scenarios that there are, in the order of the table.</summary>
    public static readonly IReadOnlyList<Scenario> All =
    [
        new Flood(1, AkkaNet.TellOfOne),
        new Flood(2, AkkaNet.TellOfTwo),
        new Flood(4, null),
        new PingPong(1, 1, AkkaNet.PingPongOfOne),
        new PingPong(4, 1, AkkaNet.PingPongOfFour),
        new PingPong(1, 100, null),
        new Asking(),
        new Spawning(SpawnBy.SharedProps),
        new Spawning(SpawnBy.Arguments),
        new Spawning(SpawnBy.Expression),
        new Idling(withHandlers: false),
        new Idling(withHandlers: true),
        new Persisting(1, Store.Memory),
        new Persisting(100, Store.Memory),
        new Persisting(1, Store.Sqlite),
        new Persisting(100, Store.Sqlite),
        .. PostgresServer.Missing is null ? [new Persisting(1, Store.Postgres), new Persisting(100, Store.Postgres)] : Array.Empty<Scenario>(),
        new Recovering(onDisk: false),
        new Recovering(onDisk: true),
        new TimerStarts(),
        new TimerLateness(),
    ];

    public string Name => name;

    /// <summary>The lines that it fills.</summary>
    public abstract IReadOnlyList<Row> Rows { get; }

    /// <summary>Measures actors once; a value for each row.</summary>
    public abstract Task<double[]> ActorsAsync(Effort effort, CancellationToken cancel);

    /// <summary>Measures channels once; a value for each row, or none at all.</summary>
    public virtual Task<double[]> ChannelsAsync(Effort effort, CancellationToken cancel) => Task.FromResult<double[]>([]);

    protected Row Line(string key, string text, string unit, int decimals, Ends? published = null, double? goal = null) =>
        new(new Figure(name, key, text, unit, decimals), published, goal);
}

/// <summary>How much one repetition does.</summary>
/// <param name="Slice">How long at least whatever is counted per second goes on.</param>
/// <param name="Actors">How many actors there are at once, to be weighed or started.</param>
/// <param name="Entities">How many persistent actors recover.</param>
/// <param name="Timers">How many timers are pending.</param>
/// <param name="Spread">Within what time they fire, and how long before they start to.</param>
/// <param name="Folder">Where journals on disk lie for the time of a measurement.</param>
sealed record Effort(TimeSpan Slice, int Actors, int Entities, int Timers, TimeSpan Spread, string Folder)
{
    public static Effort Full(string folder) =>
        new(TimeSpan.FromMilliseconds(250), 100_000, 10_000, 100_000, TimeSpan.FromSeconds(1), folder);

    public static Effort Quick(string folder) =>
        new(TimeSpan.FromMilliseconds(100), 20_000, 2_000, 20_000, TimeSpan.FromMilliseconds(300), folder);

    /// <summary>Enough for everything to be compiled as it stays.</summary>
    public Effort WarmUp => this with
    {
        Slice = TimeSpan.FromMilliseconds(100), Actors = 2_000, Entities = 200, Timers = 2_000, Spread = TimeSpan.FromMilliseconds(100),
    };
}
