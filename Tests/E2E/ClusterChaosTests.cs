using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Mesh.Actors.Events;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Tests.Actors.History;
using Mesh.Tests.E2E.Chaos;
using Mesh.Tests.E2E.Lab;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E;

/// <summary>
/// Three controllers on one database, with many nodes and busy admins, while everything happens to them that may: they are killed, stopped
/// and cut off from each other, from the nodes and from the database, and their clocks are set. 30 nodes for well under a minute; with
/// <c>MESH_FULL=1</c> 300 for ten. <c>MESH_SEED</c> gives the faults and the changes in the order of an earlier run.
/// </summary>
public sealed class ClusterChaosTests(ITestOutputHelper output)
{
    static readonly TimeSpan AfterCut = TimeSpan.FromSeconds(3);
    static readonly TimeSpan AfterStandstill = TimeSpan.FromSeconds(6);
    static readonly TimeSpan LongestStall = TimeSpan.FromSeconds(2);

    [ClusterFact("gcc", "nft")]
    public Task Nothing_acknowledged_is_lost_and_nobody_is_gone_who_is_there() => ChaosCluster.RunAsync("mkc", output, ["ada", "ben", "cleo"], async cluster =>
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("MESH_SEED"), out var given) ? given : Environment.TickCount;
        var (count, length) = (Lengths.Of(30, 300), Lengths.Seconds(30, 600));
        output.WriteLine($"seed {seed}");
        await using var fleet = new SimFleet(cluster.Fleet);
        using var calls = new AdminCalls(cluster.Controllers);
        var admins = new Admins(cluster, fleet, calls, teams: count / 10);
        await admins.PrepareAsync();
        await Parallel.ForEachAsync(
            Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (number, _) => await admins.JoinAsync(number));
        foreach (var node in cluster.Lab.Nodes)
            await node.JoinAsync();
        await cluster.Lab.EverybodyKnowsEverybodyAsync();
        await fleet.AllAttachedAsync(120);
        await using var pings = await LivePings.StartAsync(cluster.Lab.Nodes);

        var watch = Stopwatch.StartNew();
        using var end = new CancellationTokenSource();
        var faults = new Faults(cluster, fleet, admins, calls, new Random(seed), what => output.WriteLine(Invariant($"{watch.Elapsed.TotalSeconds,6:0.0} s {what}")));
        var listed = new ListedOffline(calls, fleet, faults, cluster.Controllers.Count);
        var late = new Lateness();
        List<Task> working =
        [
            Task.Run(() => late.WatchAsync(end.Token)),
            .. Enumerable.Range(0, 4).Select(i => Task.Run(() => admins.WorkAsync(new Random(seed + 1 + i), TimeSpan.FromMilliseconds(120), end.Token))),
            .. Enumerable.Range(0, cluster.Controllers.Count).Select(i => Task.Run(() => admins.PulseAsync(i, TimeSpan.FromMilliseconds(150), end.Token))),
            Task.Run(() => listed.WatchAsync(new Random(seed), end.Token)),
        ];
        try
        {
            await faults.RageAsync(() => watch.Elapsed > length);
        }
        finally
        {
            await end.CancelAsync();
        }
        await Task.WhenAll(working);
        faults.Heal();
        await fleet.AllAttachedAsync(60);
        var (sent, lost) = await pings.StopAsync();
        await ConvergedAsync(cluster, calls, fleet);

        var journal = cluster.Journal();
        var stall = LongestStallOf(admins.Pulse, faults);
        output.Print("cluster chaos", Invariant(
            $"seed {seed}: {watch.Elapsed.TotalSeconds:0} s, {fleet.Members.Count} simulated nodes, {journal.Count} events, {admins.Told.Count} acknowledged; ")
            + string.Join(", ", faults.Counts.Select(one => $"{one.Key} {one.Value}")));
        output.Print("cluster chaos", "back after " + string.Join("; ", fleet.Blows.GroupBy(blow => blow.Kind).Select(Describe)));
        output.Print("cluster chaos", $"longest append of the others while one is stopped {stall.Text}"
            + Invariant($" ({faults.Stops.Count(stop => stop.UnderWay > 0)} of {faults.Stops.Count} stops amid an append)")
            + Invariant($"; said offline {fleet.SaidOffline} times, {fleet.FalseOffline().Count} falsely; node lists {listed.Looked}, {listed.Wrong.Count} false")
            + Invariant($"; {lost.Count} of {sent} pings lost; load {File.ReadAllText("/proc/loadavg").Split(' ')[1]} on {Environment.ProcessorCount} cores")
            + Invariant($", a timer here late by {late.Percentile(50):0.000} s (p50), {late.Percentile(99):0.000} s (p99), {late.Percentile(100):0.000} s (longest)"));
        foreach (var wrong in fleet.Wrong.Concat(fleet.FalseOffline()).Concat(listed.Wrong).Take(20))
            output.WriteLine(wrong);
        foreach (var (blow, back) in fleet.Blows.SelectMany(blow => blow.Back.Select(back => (blow, back))).Where(one => one.back.Took >= LimitOf(one.blow.Kind)).Take(20))
            output.WriteLine($"{blow.Kind}, {back.Took}, {back.Node}");
        output.WriteLine("answers " + string.Join(", ", calls.Answers.OrderBy(one => one.Key, StringComparer.Ordinal).Select(one => $"{one.Key}: {one.Value}")));
        output.WriteLine("told " + string.Join(", ", admins.Told.GroupBy(one => one.What).Select(one => $"{one.Key}: {one.Count()}")));
        output.WriteLine("streams lost for no fault: " + string.Join(", ", fleet.OtherLosses.Select(one => $"{one.Key}: {one.Value}")));

        Assert.Empty(NetworkHistory.Check(journal, admins.Told));
        Assert.Empty(Doings(journal).GroupBy(one => one).Where(one => one.Count() > 1).Select(one => one.Key));
        Assert.Empty(admins.Wrong);
        Assert.Empty(fleet.Wrong);
        Assert.Empty(fleet.FalseOffline());
        Assert.Empty(listed.Wrong);
        Assert.Empty(lost);
        Assert.All(fleet.Blows, blow => Assert.Empty(blow.Waiting));
        foreach (var kind in fleet.Blows.GroupBy(blow => blow.Kind))
        {
            List<(TimeSpan Took, string Node)> back = [.. kind.SelectMany(blow => blow.Back)];
            Assert.True(back.Count == 0 || Percentile(back, 99).Took < LimitOf(kind.Key), Describe(kind));
        }
        Assert.True(stall.Took <= LongestStall, $"an append took {stall.Text}");
        // It was no quiet run.
        Assert.All(
            (string[])[Faults.Killed, Faults.Stopped, Faults.Partitioned, Faults.StreamsCut],
            kind => Assert.Contains(fleet.Blows, blow => blow.Kind == kind && blow.Back.Count > 0));
        Assert.Contains(faults.Stops, stop => stop.UnderWay > 0);
        Assert.All(
            (string[])[Acknowledged.UserCreated, Acknowledged.CredentialCreated, Acknowledged.Joined, Acknowledged.NodeRenamed, Acknowledged.NodeTagged,
                Acknowledged.ExpirySet, Acknowledged.PolicySet],
            what => Assert.Contains(admins.Told, one => one.What == what));
    });

    static IEnumerable<Acknowledged> Doings(IEnumerable<Mesh.Actors.Ports.JournalEvent> journal) => journal
        .Select(row => Acknowledged.Of(NetworkEvents.Read(row))).OfType<Acknowledged>();

    // Every controller knows the whole journal, and every node has the map that any of them would give it.
    static async Task ConvergedAsync(ChaosCluster cluster, AdminCalls calls, SimFleet fleet)
    {
        foreach (var member in fleet.Members)
        {
            for (var i = 0; i < cluster.Controllers.Count; i++)
            {
                var said = "";
                await Eventually.TrueAsync($"{member.Node.Hostname} has the map of controller {i + 1}", TimeSpan.FromSeconds(15), async () =>
                    TypedOctets.TryParse<Digest256>(said = (string?)(await calls.GetAsync(i, $"/v1/nodes/{member.Node.Id}/map"))?["body_hash"], out var hash)
                    && hash == member.Node.BodyHash);
            }
            Assert.Null(member.Node.Trust.Audit?.Dispute);
        }
    }

    // From the first attempt that was not done to the end of the one that was, at the controllers that were not stopped.
    static (TimeSpan Took, string Text) LongestStallOf(IEnumerable<Call> pulse, Faults faults)
    {
        var longest = (Took: TimeSpan.Zero, Text: "none");
        foreach (var calls in pulse.GroupBy(call => call.Controller))
        {
            var attempts = new List<Call>();
            foreach (var call in calls.OrderBy(call => call.Sent))
            {
                attempts.Add(call);
                if (!call.IsDone)
                    continue;
                var (from, to, count) = (attempts[0].Sent, call.Ended, attempts.Count);
                attempts.Clear();
                var took = Stopwatch.GetElapsedTime(from, to);
                if (took <= longest.Took || faults.Stops.FirstOrDefault(stop => stop.Controller != calls.Key && from < stop.Until && to > stop.At) is not { At: not 0 } stop)
                    continue;
                longest = (took, Invariant(
                    $"{took.TotalSeconds:0.00} s, asked {Stopwatch.GetElapsedTime(stop.At, from).TotalSeconds:0.00} s after the stop, done by attempt {count}"));
            }
        }
        return longest;
    }

    static TimeSpan LimitOf(string kind) => kind is Faults.Stopped or Faults.Partitioned ? AfterStandstill : AfterCut;

    static string Describe(IGrouping<string, Blow> kind)
    {
        List<(TimeSpan Took, string Node)> back = [.. kind.SelectMany(blow => blow.Back)];
        var kept = kind.Sum(blow => blow.Kept);
        return back.Count == 0
            ? $"{kind.Key}: none of {kept} left"
            : Invariant($"{kind.Key}: p50 {Percentile(back, 50).Took.TotalSeconds:0.00} p99 {Percentile(back, 99).Took.TotalSeconds:0.00} s of {back.Count}")
                + Invariant($", longest {Percentile(back, 100).Took.TotalSeconds:0.00} s, {kept} kept");
    }

    static (TimeSpan Took, string Node) Percentile(List<(TimeSpan Took, string Node)> all, int percent) =>
        all.OrderBy(one => one.Took).ElementAt(Math.Max(0, (all.Count * percent + 99) / 100 - 1));

    static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>Asks controllers who can do all that they should whether they list somebody as offline who is not.</summary>
    sealed class ListedOffline(AdminCalls calls, SimFleet fleet, Faults faults, int controllers)
    {
        // What a controller was told while it could not be reached, it learns a moment after it can.
        static readonly TimeSpan Learning = TimeSpan.FromSeconds(5);

        int _looked;

        public ConcurrentBag<string> Wrong { get; } = [];

        public int Looked => _looked;

        public async Task WatchAsync(Random random, CancellationToken end)
        {
            while (!end.IsCancellationRequested)
            {
                await Task.Delay(TimeSpan.FromSeconds(1), CancellationToken.None);
                var at = random.Next(controllers);
                var asked = Now;
                if (faults.HealthySince(at) is not { } since || since + Learning > asked || await calls.GetAsync(at, "/v1/nodes") is not { } list)
                    continue;
                var states = list["nodes"]!.AsArray().ToDictionary(node => (string)node!["id"]!, node => (string)node!["state"]!);
                await Task.Delay(TimeSpan.FromSeconds(1), CancellationToken.None);
                if (faults.HealthySince(at) != since)
                    continue;
                _looked++;
                foreach (var node in fleet.KeptSince(asked, TimeSpan.FromSeconds(2)))
                {
                    if (states.GetValueOrDefault(node.ToString()) is "offline")
                        Wrong.Add($"{node} at controller {at + 1} at {asked}");
                }
            }
        }

        static WallTime Now => WallTime.From(DateTimeOffset.UtcNow);
    }

    /// <summary>Sees how late this program itself is woken: what else runs on the machine delays everything that is measured by as much.</summary>
    sealed class Lateness
    {
        static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(50);

        readonly List<double> _late = [];

        public async Task WatchAsync(CancellationToken end)
        {
            while (!end.IsCancellationRequested)
            {
                var asleep = Stopwatch.GetTimestamp();
                await Task.Delay(_pause, CancellationToken.None);
                _late.Add((Stopwatch.GetElapsedTime(asleep) - _pause).TotalSeconds);
            }
        }

        public double Percentile(int percent) => _late.Order().ElementAt(Math.Max(0, (_late.Count * percent + 99) / 100 - 1));
    }

    /// <summary>Pings between all live nodes, 20 a second in each direction.</summary>
    sealed class LivePings(List<PingRun> runs) : IAsyncDisposable
    {
        public static async Task<LivePings> StartAsync(IReadOnlyList<LabNode> nodes)
        {
            foreach (var (from, to) in nodes.SelectMany(from => nodes.Where(to => to != from).Select(to => (from, to))))
                await Eventually.TrueAsync($"{from.Name} reaches {to.Name}", TimeSpan.FromSeconds(10), () => from.Ns.Ping(to.V4, 1, 1));
            return new([.. nodes.SelectMany(from => nodes.Where(to => to != from).Select(to => from.StartPing(to.V4, 0.05)))]);
        }

        /// <summary>Stops them; gives how many were sent and which were not answered.</summary>
        public async Task<(int Sent, List<string> Lost)> StopAsync()
        {
            var (sent, lost) = (0, new List<string>());
            foreach (var run in runs)
            {
                var (one, missing) = await run.StopAndFindLostAsync();
                sent += one;
                lost.AddRange(missing);
            }
            return (sent, lost);
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var run in runs)
                await run.DisposeAsync();
        }
    }
}
