using System.Diagnostics;
using System.Globalization;
using Mesh.Tests.Kit;
using Xunit.Abstractions;

namespace Mesh.Tests.Engine.Persistence.Chaos;

/// <summary>
/// Runs seeds 1, 2, 3 and on for a few seconds, or random ones for a minute where long runs are wanted (<c>MESH_FULL=1</c>), or one seed
/// only (<c>MESH_SEED</c>). Prints what it did, and the seed of what failed.
/// </summary>
internal sealed class ChaosSeries(ITestOutputHelper output)
{
    private const int AtLeast = 3;
    private const int ShownViolations = 20;
    private const int ShownEntries = 150;
    private const int ShownReasons = 10;

    private readonly long? _seed =
        long.TryParse(Environment.GetEnvironmentVariable("MESH_SEED"), CultureInfo.InvariantCulture, out var seed) ? seed : null;

    public ChaosFigures Figures { get; } = new();

    public bool IsRerun => _seed is not null;

    public async Task RunAsync(Func<long, ChaosWorld> make, Func<ChaosWorld, Task<IReadOnlyList<Violation>>> play)
    {
        var started = Stopwatch.GetTimestamp();
        var length = TimeSpan.FromSeconds(Requirements.Full ? 60 : 4);
        try
        {
            for (var run = 1; run <= AtLeast || Stopwatch.GetElapsedTime(started) < length; run++)
            {
                var seed = _seed ?? (Requirements.Full ? Random.Shared.Next() : run);
                using var world = make(seed);
                await RunAsync(world, play);
                if (IsRerun)
                    break;
            }
        }
        finally
        {
            output.WriteLine($"{Figures}; {Stopwatch.GetElapsedTime(started).TotalSeconds:F1} s");
            output.WriteLine($"writes failed {Figures.Causes}");
        }
    }

    private async Task RunAsync(ChaosWorld world, Func<ChaosWorld, Task<IReadOnlyList<Violation>>> play)
    {
        IReadOnlyList<Violation> violations;
        try
        {
            violations = await play(world);
        }
        catch (StuckException stuck)
        {
            output.WriteLine($"MESH_SEED={world.Seed}: {stuck.Message}");
            Show(world, stuck.Entity, int.MaxValue);
            throw;
        }

        if (violations.Count == 0)
            return;
        output.WriteLine($"MESH_SEED={world.Seed}: {violations.Count} violations");
        foreach (var violation in violations.Take(ShownViolations))
            output.WriteLine($"  {violation.Breach} {violation.Entity}: {violation.What}");
        Show(world, violations[0].Entity, violations[0].Entry);
        Assert.Fail($"MESH_SEED={world.Seed}: {violations[0].Breach} {violations[0].Entity}: {violations[0].What}");
    }

    private void Show(ChaosWorld world, string entity, int upTo)
    {
        var entries = world.History.Entries.Where(entry => entry.Entity == entity).ToList();
        var shown = entries.Take(Math.Min(upTo, entries.Count - 1) + 1).ToList();
        shown.RemoveAll(entry => entry is Sent);
        foreach (var entry in shown.TakeLast(ShownEntries))
            output.WriteLine($"  {entry}");
        var reasons = world.History.Entries.OfType<NotRecovered>().GroupBy(each => (each.Entity, each.Reason));
        foreach (var same in reasons.OrderByDescending(same => same.Count()).Take(ShownReasons))
            output.WriteLine($"  {same.Count()} times: {same.Key}");
    }
}
