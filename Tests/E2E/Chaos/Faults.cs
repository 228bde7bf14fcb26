using System.Diagnostics;
using System.Text.Json.Nodes;
using Mesh.Protocol.Time;
using Mesh.Tests.E2E.Lab;

namespace Mesh.Tests.E2E.Chaos;

/// <summary>Does to the controllers and their database what may happen to them, one thing at a time, in random order.</summary>
sealed class Faults(ChaosCluster cluster, SimFleet fleet, Admins admins, AdminCalls calls, Random random, Action<string> say)
{
    public const string Killed = "killed";
    public const string Stopped = "stopped";
    public const string Partitioned = "partitioned";
    public const string Terminated = "database restarts";
    public const string Rejected = "database rejects";
    public const string Dropped = "database silent";
    public const string StreamsCut = "streams cut";
    public const string ClockSet = "clock set";

    static readonly string[] _all = [Killed, Stopped, Partitioned, Terminated, Rejected, Dropped, StreamsCut, ClockSet];

    // Nothing is claimed of how long these take: what comes next waits for them.
    static readonly TimeSpan _harness = TimeSpan.FromMinutes(2);
    static readonly TimeSpan Skew = TimeSpan.FromSeconds(30);

    readonly WallTime?[] _healthySince = new WallTime?[cluster.Controllers.Count];

    /// <summary>Gets how often each thing happened.</summary>
    public Dictionary<string, int> Counts { get; } = _all.ToDictionary(kind => kind, _ => 0);

    /// <summary>Gets when controllers were stopped, by the stopwatch, which one, and how many requests waited at it then.</summary>
    public List<(long At, long Until, int Controller, int UnderWay)> Stops { get; } = [];

    /// <summary>Tells since when a controller can do all that it should; null: it cannot.</summary>
    public WallTime? HealthySince(int controller)
    {
        lock (_healthySince)
            return _healthySince[controller];
    }

    /// <summary>Goes on until the time is over, and at least until everything has happened once.</summary>
    public async Task RageAsync(Func<bool> isOver)
    {
        for (var i = 0; i < _healthySince.Length; i++)
            Healthy(i, true);
        Queue<string> bag = new();
        while (!isOver() || Counts.ContainsValue(0))
        {
            if (bag.Count == 0)
            {
                string[] next = [.. _all];
                random.Shuffle(next);
                bag = new(next);
            }
            await Task.Delay(TimeSpan.FromSeconds(Between(0.5, Lengths.Of(1.5, 3.5))));
            var kind = bag.Dequeue();
            var victim = Victim();
            say($"{kind}: controller {victim + 1}");
            await DoAsync(kind, victim);
            Counts[kind]++;
        }
    }

    /// <summary>Makes everything good that may last.</summary>
    public void Heal()
    {
        foreach (var clock in cluster.Clocks)
            clock.Ahead = default;
    }

    // The one that some node hangs on: who was away lately has none.
    int Victim()
    {
        List<string> used = [.. fleet.Members.Select(member => member.Node.Controller).OfType<string>()];
        var some = random.Next(Math.Max(1, used.Count));
        return used.Count == 0 ? some : cluster.Controllers.TakeWhile(one => one.Endpoint != used[some]).Count();
    }

    Task DoAsync(string kind, int victim) => kind switch
    {
        Killed => KillAsync(victim),
        Stopped => StopAsync(victim),
        Partitioned => PartitionAsync(victim),
        Terminated => TerminateAsync(),
        Rejected => CutOffAsync(Rejected, victim, "reject with tcp reset"),
        Dropped => CutOffAsync(Dropped, victim, "drop"),
        StreamsCut => CutStreamsAsync(),
        _ => SetClockAsync(victim),
    };

    async Task KillAsync(int victim)
    {
        var controller = cluster.Controllers[victim];
        var blow = Unhealthy(Killed, victim, fromTheBlow: true, out var from);
        await controller.Server.KillAsync();
        await Task.Delay(TimeSpan.FromSeconds(Between(0, 3)));
        await ChaosCluster.StartAsync(controller);
        fleet.Dead(controller.Endpoint, from, Now);
        await BackAsync(victim, blow);
    }

    async Task StopAsync(int victim)
    {
        var controller = cluster.Controllers[victim];
        // In the middle of an append: something that was asked for is not answered yet.
        var patience = Stopwatch.StartNew();
        while (calls.UnderWay(victim) == 0 && patience.Elapsed < TimeSpan.FromSeconds(2))
            await Task.Yield();
        var blow = Unhealthy(Stopped, victim, fromTheBlow: true, out var from);
        controller.Server.Process.Signal("STOP");
        var (at, waiting) = (Stopwatch.GetTimestamp(), calls.UnderWay(victim));
        // Now and then too short for anybody to notice.
        await Task.Delay(TimeSpan.FromSeconds(Counts[Stopped] % 4 == 3 ? Between(0.5, 2) : Between(6, 9)));
        controller.Server.Process.Signal("CONT");
        Stops.Add((at, Stopwatch.GetTimestamp(), victim, waiting));
        fleet.Dead(controller.Endpoint, from, Now);
        await BackAsync(victim, blow);
    }

    async Task PartitionAsync(int victim)
    {
        var controller = cluster.Controllers[victim];
        var blow = Unhealthy(Partitioned, victim, fromTheBlow: true, out var from);
        cluster.Lab.Plug(controller.Ns, false);
        await Task.Delay(TimeSpan.FromSeconds(Counts[Partitioned] % 4 == 3 ? Between(0.5, 2) : Between(6, 10)));
        cluster.Lab.Plug(controller.Ns, true);
        fleet.Dead(controller.Endpoint, from, Now);
        await BackAsync(victim, blow);
    }

    async Task TerminateAsync()
    {
        var blow = fleet.Strike(Terminated, false, _ => true);
        for (var i = 0; i < cluster.Controllers.Count; i++)
            Healthy(i, false);
        cluster.CutDatabase();
        await Task.Delay(TimeSpan.FromSeconds(3));
        for (var i = 0; i < cluster.Controllers.Count; i++)
            Healthy(i, true);
        fleet.Settle(blow);
    }

    async Task CutOffAsync(string kind, int victim, string verdict)
    {
        var controller = cluster.Controllers[victim];
        var blow = Unhealthy(kind, victim, fromTheBlow: false, out _);
        controller.Ns.Run("nft", "add table ip chaos; add chain ip chaos out { type filter hook output priority 0; }; "
            + $"add rule ip chaos out ip daddr {cluster.DatabaseAddress} tcp dport 5432 {verdict}").MustExit();
        await Task.Delay(TimeSpan.FromSeconds(Between(1, 5)));
        controller.Ns.Run("nft", "delete table ip chaos").MustExit();
        await BackAsync(victim, blow);
    }

    async Task CutStreamsAsync()
    {
        var part = random.Next(2, 6);
        List<SimFleet.Member> cut = [.. fleet.Members.Where((_, i) => i % part == 0)];
        var blow = fleet.Strike(StreamsCut, true, cut.Contains);
        cut.ForEach(member => member.Node.Cut());
        await Task.Delay(TimeSpan.FromSeconds(2));
        fleet.Settle(blow);
    }

    // One controller's at a time; where it is off already it is right again, and the next one's is set.
    async Task SetClockAsync(int victim)
    {
        Heal();
        var ahead = random.Next(2) == 0 ? Skew : -Skew;
        cluster.Clocks[victim].Ahead = ahead;
        await Eventually.TrueAsync($"controller {victim + 1} shows by how much its clock is off", _harness, async () =>
            await calls.GetAsync(victim, "/v1/cluster") is { } report
            && report["members"]!.AsArray().Single(one => (bool)one!["is_this"]!)!["clock_offset_seconds"] is { } offset
            && Math.Abs((double)offset - ahead.TotalSeconds) < 3);
    }

    Blow Unhealthy(string kind, int victim, bool fromTheBlow, out WallTime from)
    {
        var address = cluster.Controllers[victim].Endpoint;
        Healthy(victim, false);
        from = Now;
        if (fromTheBlow)
            fleet.Dead(address, from, null);
        return fleet.Strike(kind, fromTheBlow, member => member.Node.Controller == address);
    }

    // It is up, it writes, and the nodes that noticed nothing would have by now.
    async Task BackAsync(int victim, Blow blow)
    {
        await Eventually.TrueAsync($"controller {victim + 1} is up with the others", _harness, async () =>
            await calls.GetAsync(victim, "/v1/cluster") is { } report && report["members"]!.AsArray().All(IsUp));
        await Eventually.TrueAsync($"controller {victim + 1} writes", _harness, () => admins.WriteAsync(victim));
        await Task.Delay(TimeSpan.FromSeconds(1));
        fleet.Settle(blow);
        Healthy(victim, true);
    }

    static bool IsUp(JsonNode? member) => (string?)member!["state"] == "alive";

    void Healthy(int controller, bool isHealthy)
    {
        lock (_healthySince)
            _healthySince[controller] = isHealthy ? Now : null;
    }

    double Between(double from, double to) => from + random.NextDouble() * (to - from);

    static WallTime Now => WallTime.From(DateTimeOffset.UtcNow);
}
