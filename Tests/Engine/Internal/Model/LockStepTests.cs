using System.Diagnostics;
using Mesh.Tests.Kit;
using Xunit.Abstractions;

namespace Mesh.Tests.Engine.Model;

/// <summary>The engine against a plain model of its rules, step by step. <c>MESH_SEED</c> reruns one seed.</summary>
public sealed class LockStepTests(ITestOutputHelper output)
{
    const int ShortSeeds = 400;
    static readonly TimeSpan FullDuration = TimeSpan.FromMinutes(5);

    [Fact]
    public void Random_trees_do_as_the_reference_does()
    {
        var only = Environment.GetEnvironmentVariable("MESH_SEED");
        // The short form plays the same seeds every time; the full one goes where nobody has been.
        var first = only is not null ? int.Parse(only) : Requirements.Full ? Random.Shared.Next(1, 1_000_000_000) : 1;
        output.WriteLine($"first seed {first}");
        var watch = Stopwatch.StartNew();
        var (seeds, steps, lines) = (0, 0L, 0L);
        var total = new RunCounts();
        do
        {
            var run = LockStep.Run(first + seeds);
            Assert.True(run.Difference is null, run.Difference);
            seeds++;
            steps += run.Steps;
            lines += run.Trace.Count;
            total.Add(run.Counts);
        }
        while (only is null && (Requirements.Full ? watch.Elapsed < FullDuration : seeds < ShortSeeds));
        output.WriteLine(
            $"{seeds:N0} seeds from {first}, {steps:N0} steps, {lines:N0} lines of trace, {total}, "
            + $"{watch.Elapsed.TotalSeconds:F1} s: no difference");
    }

    public static TheoryData<string> Mutations { get; } =
        [.. Enum.GetValues<Mutation>().Where(static each => each != Mutation.None).Select(static each => $"{each}")];

    [Theory]
    [MemberData(nameof(Mutations))]
    public void A_model_that_breaks_a_rule_is_found_out(string rule)
    {
        const int MostSeeds = 1_000;
        var mutation = Enum.Parse<Mutation>(rule);
        // The rarest gets a head start, for the sake of time.
        var first = mutation == Mutation.FailedRestartForgetsCulprit ? 700 : 1;
        for (var seed = first; seed < first + MostSeeds; seed++)
        {
            var run = LockStep.Run(seed, mutation);
            if (run.Difference is not { } difference)
                continue;
            // A model that falls over shows nothing: it has to do something else than the engine.
            Assert.False(run.HasBroken, difference);
            output.WriteLine($"found with seed {seed}: {difference[..difference.IndexOf("-- ", StringComparison.Ordinal)]}");
            return;
        }
        Assert.Fail($"{rule} goes unnoticed in {MostSeeds} seeds.");
    }

    [Fact]
    public void The_same_seed_gives_the_same_trace_and_another_seed_another()
    {
        const int Seeds = 20;
        var hashes = new HashSet<string>();
        for (var seed = 1; seed <= Seeds; seed++)
        {
            var (one, again) = (LockStep.Run(seed), LockStep.Run(seed));
            Assert.NotEmpty(one.Trace);
            Assert.Equal(one.Trace, again.Trace);
            Assert.Equal(one.Steps, again.Steps);
            Assert.True(hashes.Add(one.TraceHash), $"seed {seed} is like one before it");
            output.WriteLine($"seed {seed}: {one.Trace.Count} lines {one.TraceHash}");
        }
    }
}
