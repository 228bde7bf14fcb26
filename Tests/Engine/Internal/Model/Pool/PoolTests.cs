using System.Diagnostics;
using Mesh.Actors.Engine.Actor;
using Mesh.Tests.Kit;
using Xunit.Abstractions;

namespace Mesh.Tests.Engine.Model;

/// <summary>The same random trees on the thread pool: no order of turns is like another, and some things hold in all.</summary>
public sealed class PoolTests(ITestOutputHelper output)
{
    const int ShortRuns = 30;
    static readonly TimeSpan FullDuration = TimeSpan.FromMinutes(1);
    static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task Random_trees_on_the_thread_pool_keep_what_holds_in_every_schedule()
    {
        var only = Environment.GetEnvironmentVariable("MESH_SEED");
        var first = only is not null ? int.Parse(only) : Requirements.Full ? Random.Shared.Next(1, 1_000_000_000) : 1;
        output.WriteLine($"first seed {first}");
        var watch = Stopwatch.StartNew();
        var (runs, turns, parcels, terminations, actors) = (0, 0L, 0L, 0L, 0L);
        do
        {
            var run = new PoolRun(first + runs);
            await run.RunAsync(TimeSpan.FromMilliseconds(60));
            Assert.True(run.Violations.Count == 0, $"seed {first + runs}:\n{string.Join('\n', run.Violations.Take(20))}");
            runs++;
            turns += run.Turns;
            parcels += run.Parcels;
            terminations += run.Terminations;
            actors += run.Actors;
        }
        while (Requirements.Full ? watch.Elapsed < FullDuration : runs < ShortRuns);
        output.WriteLine(
            $"{runs:N0} runs from {first}, {actors:N0} actors, {turns:N0} turns, {parcels:N0} messages accounted for, "
            + $"{terminations:N0} ends told: nothing amiss");
    }

    [Fact]
    public async Task Nobody_is_left_below_a_guardian_that_stops_while_actors_are_started()
    {
        var started = 0;
        for (var round = 0; round < 20; round++)
        {
            var system = (ActorSystemImpl)ActorSystem.Create("racing", "akka.stdout-loglevel = OFF");
            var refused = 0;
            var starting = Enumerable.Range(0, 2).Select(_ => Task.Run(() =>
            {
                var references = new List<IActorRef>();
                try
                {
                    while (true)
                        references.Add(system.ActorOf(Props.Empty));
                }
                catch (InvalidOperationException)
                {
                    Interlocked.Increment(ref refused);
                }
                return references;
            })).ToArray();
            system.FinalTerminate();
            var all = (await Task.WhenAll(starting).WaitAsync(Patience)).SelectMany(static references => references).ToArray();
            await system.WhenTerminated.WaitAsync(Patience);
            Assert.Equal(2, refused);
            Assert.All(all, static reference => Assert.True(((IInternalActorRef)reference).IsTerminated));
            started += all.Length;
        }
        output.WriteLine($"{started:N0} actors started until the guardian would not");
    }
}
