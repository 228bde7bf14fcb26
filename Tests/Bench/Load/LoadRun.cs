using System.Diagnostics;
using System.Text.Json.Nodes;
using Mesh.Bench.Profile;

namespace Mesh.Bench.Load;

/// <summary>Says how a run is made.</summary>
/// <param name="Nodes">How many nodes.</param>
/// <param name="Database">The PostgreSQL URI of an empty database; null: SQLite.</param>
/// <param name="VerifyOneIn">One node in so many verifies its maps; the others only look at them.</param>
/// <param name="Changes">How many small changes each phase makes; of those that affect everyone a tenth.</param>
/// <param name="Reconnects">How often everyone is cut off at once.</param>
/// <param name="Profile">Whether the controller is sampled while everyone is affected and while everyone comes back.</param>
sealed record LoadOptions(int Nodes, string? Database, int VerifyOneIn, int Changes, int Reconnects, bool Profile);

/// <summary>
/// Runs every phase at one size: a controller process of its own, all nodes in this one. Processor time and memory are the
/// controller process's unless said otherwise; times are from the decision of the event, before it is written, to the moment at
/// which the last affected node hands its acknowledgement to its connection.
/// </summary>
sealed class LoadRun(LoadOptions options, string folder)
{
    const int Joiners = 24;

    // Changes of each kind before those that count, every other of which undoes the one before: what runs for the first time is
    // compiled, and what runs often compiled again.
    const int WarmUp = 40;

    static readonly TimeSpan ChangeLimit = TimeSpan.FromSeconds(60);
    static readonly TimeSpan ReconnectLimit = TimeSpan.FromMinutes(5);

    readonly NetworkShape _shape = new(options.Nodes);
    readonly List<PhaseFigures> _figures = [];
    ControllerProcess _controller = null!;
    Fleet _fleet = null!;
    double _idleCpu;
    int _next;

    /// <summary>Runs all phases.</summary>
    public async Task<IReadOnlyList<PhaseFigures>> RunAsync(CancellationToken cancel)
    {
        // Without the map that the runtime writes for perf, and with code mapped twice, compiled methods have no names.
        Dictionary<string, string> variables = options.Profile ? new() { ["DOTNET_PerfMapEnabled"] = "1", ["DOTNET_EnableWriteXorExecute"] = "0" } : [];
        await using var controller = _controller = await ControllerProcess.StartAsync(folder, options.Database, variables, cancel);
        await using var fleet = _fleet = new Fleet(controller, _shape, options.VerifyOneIn);
        Progress.Say($"{options.Nodes} nodes in {_shape.Teams} teams: users and policy");
        await Parallel.ForEachAsync(_shape.Users, Parallelism(16, cancel), async (user, stop) => await controller.PostAsync("/v1/users", new JsonObject { ["name"] = user }, stop));
        await SetPolicyAsync(_shape.Policy(), cancel);
        await JoinStormAsync(cancel);
        await RestAsync(cancel);
        await SmallChangesAsync("one node joins", "node.registered", JoinOneAsync, cancel);
        await SmallChangesAsync("one node is revoked", "node.revoked", RevokeOneAsync, cancel);
        await SmallChangesAsync("one tag changes, ten affected", "node.tagged", TagOneAsync, cancel);
        await CheckAsync(cancel);
        await SmallChangesAsync("policy, ten affected", "policy.set", PolicyForTenAsync, cancel);
        await ChangesAsync("policy, everyone affected", "policy.set", Math.Max(2, options.Changes / 10), PolicyForEveryoneAsync, cancel);
        await ChurnAsync(cancel);
        for (var round = 0; round < options.Reconnects; round++)
        {
            await ReconnectAsync("all cut, all reconnect", async () =>
            {
                await Task.Yield();
                fleet.Cut(fleet.Members);
            }, cancel);
        }
        await ReconnectAsync("controller killed, all reconnect", async () =>
        {
            await controller.KillAsync();
            await controller.StartAsync(cancel);
        }, cancel);
        return _figures;
    }

    async Task JoinStormAsync(CancellationToken cancel)
    {
        Progress.Say($"join storm, {Joiners} at a time");
        var rest = _controller.ResidentBytes();
        var (began, cpu, own) = (Stopwatch.GetTimestamp(), _controller.CpuSeconds(), OwnCpu());
        _next = options.Nodes;
        var joined = 0;
        await Parallel.ForEachAsync(Enumerable.Range(0, options.Nodes), Parallelism(Joiners, cancel), async (number, stop) =>
        {
            await _fleet.JoinAsync(number, stop);
            if (Interlocked.Increment(ref joined) % 1000 == 0)
                Progress.Say($"  {joined} of {options.Nodes} joined");
        });
        await _fleet.WaitAttachedAsync(options.Nodes, ReconnectLimit, cancel);
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        var took = _fleet.Members.Select(member => member.EnrolledTicks * 1000.0 / Stopwatch.Frequency).ToList();
        await QuietAsync(cancel);
        _figures.Add(new PhaseFigures("join storm", options.Nodes)
        {
            Changes = options.Nodes,
            P50 = Percentile.Of(took, 0.5),
            P99 = Percentile.Of(took, 0.99),
            CpuPerChange = 1000 * (_controller.CpuSeconds() - cpu) / options.Nodes,
            GeneratorPerChange = 1000 * (OwnCpu() - own) / options.Nodes,
            Seconds = seconds,
            More = [("nodes a second", options.Nodes / seconds, ""), ("memory per node", (_controller.ResidentBytes() - rest) / 1024.0 / options.Nodes, "KiB")],
        });
    }

    // What the controller uses when nothing changes: signs of life, and nodes that say where they are, which each does once in this time.
    async Task RestAsync(CancellationToken cancel)
    {
        var length = TimeSpan.FromSeconds(60);
        Progress.Say($"at rest, {length.TotalSeconds:0} s");
        await QuietAsync(cancel);
        var before = Counters();
        await using var samples = await SampleAsync(cancel);
        var (cpu, own) = (_controller.CpuSeconds(), OwnCpu());
        await Task.Delay(length, cancel);
        _idleCpu = (_controller.CpuSeconds() - cpu) / length.TotalSeconds;
        var after = Counters();
        _figures.Add(new PhaseFigures("at rest", options.Nodes)
        {
            OtherBytes = after.Sum(pair => pair.Value.MapBytes - before[pair.Key].MapBytes),
            RestPerSecond = 1000 * _idleCpu,
            GeneratorPerSecond = 1000 * (OwnCpu() - own) / length.TotalSeconds,
            Shares = await SharesAsync(samples, "at rest", cancel),
            Seconds = length.TotalSeconds,
            More =
            [
                ("processor", 100 * _idleCpu, "%"), ("generator", 100 * (OwnCpu() - own) / length.TotalSeconds, "%"),
                ("bytes a second to a node", after.Sum(pair => pair.Value.Bytes - before[pair.Key].Bytes) / length.TotalSeconds / options.Nodes, ""),
                ("memory per node", _controller.ResidentBytes() / 1024.0 / options.Nodes, "KiB"),
            ],
        });
    }

    async Task SmallChangesAsync(string phase, string kind, Func<int, CancellationToken, Task<Change>> make, CancellationToken cancel) =>
        await ChangesAsync(phase, kind, options.Changes, make, cancel);

    async Task ChangesAsync(string phase, string kind, int count, Func<int, CancellationToken, Task<Change>> make, CancellationToken cancel)
    {
        Progress.Say($"{phase}, {count} times");
        for (var i = 0; i < Math.Min(WarmUp, count) / 2 * 2; i++)
            await (await make(i, cancel)).Watch.AllAsync(ChangeLimit, cancel);
        await QuietAsync(cancel);
        await using var samples = await SampleAsync(cancel);
        var (began, cpu, own) = (Stopwatch.GetTimestamp(), _controller.CpuSeconds(), OwnCpu());
        var changes = new List<(long Last, int Affected)>();
        var (affectedBytes, affectedCount, otherBytes) = (0L, 0, 0L);
        for (var i = 0; i < count; i++)
        {
            var before = Counters();
            var change = await make(i, cancel);
            var at = await change.Watch.AllAsync(ChangeLimit, cancel);
            changes.Add((at.Count == 0 ? 0 : at.Max(), at.Count));
            var affected = change.Affected.ToHashSet();
            foreach (var (member, now) in Counters())
            {
                // Who joined in this change was not there before.
                if (!before.TryGetValue(member, out var then))
                    continue;
                if (affected.Contains(member))
                    (affectedBytes, affectedCount) = (affectedBytes + now.MapBytes - then.MapBytes, affectedCount + 1);
                else
                    otherBytes += now.MapBytes - then.MapBytes;
            }
        }
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        var used = _controller.CpuSeconds() - cpu - _idleCpu * seconds;
        var generated = OwnCpu() - own;
        var shares = await SharesAsync(samples, phase, cancel);
        var decided = await DecidedAsync(kind, count, cancel);
        var latencies = changes.Zip(decided, (change, at) => (double)Math.Max(0, change.Last - at)).ToList();
        _figures.Add(new PhaseFigures(phase, options.Nodes)
        {
            Changes = count,
            Affected = changes.Average(change => change.Affected),
            P50 = Percentile.Of(latencies, 0.5),
            P99 = Percentile.Of(latencies, 0.99),
            AffectedBytes = affectedCount == 0 ? 0 : (double)affectedBytes / affectedCount,
            OtherBytes = otherBytes,
            CpuPerChange = 1000 * used / count,
            GeneratorPerChange = 1000 * generated / count,
            RestPerSecond = 1000 * _idleCpu,
            Shares = shares,
            Seconds = seconds,
        });
    }

    async Task<Change> JoinOneAsync(int round, CancellationToken cancel)
    {
        var number = _next++;
        var affected = _fleet.PeersOf(number);
        var watch = _fleet.Expect(affected);
        var joined = await _fleet.JoinAsync(number, cancel);
        // What it gets when it attaches belongs to this change.
        await joined.Node.WaitAsync(node => node.Counters.Maps > 0, ChangeLimit);
        return new Change(watch, affected);
    }

    async Task<Change> RevokeOneAsync(int round, CancellationToken cancel)
    {
        var gone = _fleet.Members[^1];
        var affected = _fleet.PeersOf(gone.Number);
        var watch = _fleet.Expect(affected);
        // It is told itself, and that is no map of an unaffected node.
        await _controller.PostAsync($"/v1/nodes/{gone.Node.Name}/revoke", null, cancel);
        await _fleet.DropAsync(gone);
        return new Change(watch, affected);
    }

    // One of the ring gets a tag that says nothing, and loses it again: all ten of the ring are shown it.
    async Task<Change> TagOneAsync(int round, CancellationToken cancel)
    {
        var affected = _fleet.Members.Where(one => _shape.TeamOf(one.Number) == NetworkShape.RingTeam).ToList();
        var changed = affected[round / 2 % affected.Count];
        var watch = _fleet.Expect(affected);
        await _controller.PostAsync(
            $"/v1/nodes/{changed.Node.Name}/tag", new JsonObject { [round % 2 == 0 ? "add" : "remove"] = new JsonArray(NetworkShape.SpareTag) }, cancel);
        return new Change(watch, affected);
    }

    // What it costs to read the policy, which says something of everybody, without setting it: in every policy that is set this is contained.
    async Task CheckAsync(CancellationToken cancel)
    {
        var (phase, text) = ("policy, only checked", _shape.Policy());
        Progress.Say($"{phase}, {options.Changes} times");
        await QuietAsync(cancel);
        await using var samples = await SampleAsync(cancel);
        var (began, cpu, own) = (Stopwatch.GetTimestamp(), _controller.CpuSeconds(), OwnCpu());
        for (var i = 0; i < options.Changes; i++)
            await _controller.PostAsync("/v1/policy/check", new JsonObject { ["text"] = text }, cancel);
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        _figures.Add(new PhaseFigures(phase, options.Nodes)
        {
            Changes = options.Changes,
            CpuPerChange = 1000 * (_controller.CpuSeconds() - cpu - _idleCpu * seconds) / options.Changes,
            GeneratorPerChange = 1000 * (OwnCpu() - own) / options.Changes,
            RestPerSecond = 1000 * _idleCpu,
            Shares = await SharesAsync(samples, phase, cancel),
            Seconds = seconds,
            More = [("length of the policy", text.Length / 1024.0, "KiB")],
        });
    }

    // One node may reach nine of another team, and then no longer.
    async Task<Change> PolicyForTenAsync(int round, CancellationToken cancel)
    {
        var members = _fleet.Members;
        var from = members[round / 2 * 7 % options.Nodes];
        var to = members.Where(one => _shape.TeamOf(one.Number) != _shape.TeamOf(from.Number)).Take(9).ToList();
        IReadOnlyList<Fleet.Member> affected = [from, .. to];
        var watch = _fleet.Expect(affected);
        await SetPolicyAsync(round % 2 == 0 ? _shape.Policy(([Selector(from)], to.Select(Selector))) : _shape.Policy(), cancel);
        return new Change(watch, affected);
    }

    // Every team may reach one server of the next, the ring one of the first, and then no longer.
    async Task<Change> PolicyForEveryoneAsync(int round, CancellationToken cancel)
    {
        var members = _fleet.Members;
        var watch = _fleet.Expect(members);
        var servers = members.Where(one => _shape.OwnerOf(one.Number) is null).GroupBy(one => _shape.TeamOf(one.Number))
            .ToDictionary(team => team.Key, team => team.First());
        var rules = Enumerable.Range(0, _shape.Teams).Select(team => (
            From: (IEnumerable<string>)[$"group:team-{team}", $"tag:{NetworkShape.TagOf(team)}"],
            To: (IEnumerable<string>)[Selector(servers.GetValueOrDefault((team + 1) % _shape.Teams) ?? servers[0])]))
            .Append(([$"tag:{NetworkShape.TagOf(NetworkShape.RingTeam)}"], [Selector(servers[0])]));
        await SetPolicyAsync(round % 2 == 0 ? _shape.Policy(rules) : _shape.Policy(), cancel);
        return new Change(watch, members);
    }

    // Nodes come, go and drop out at a steady rate; nobody else may be taken for offline.
    async Task ChurnAsync(CancellationToken cancel)
    {
        var length = TimeSpan.FromSeconds(20);
        Progress.Say($"steady churn, {length.TotalSeconds:0} s");
        await QuietAsync(cancel);
        await using var samples = await SampleAsync(cancel);
        var (began, cpu, own, offline) = (Stopwatch.GetTimestamp(), _controller.CpuSeconds(), OwnCpu(), _fleet.FalseOffline);
        var (changes, random) = (0, new Random(1));
        while (Stopwatch.GetElapsedTime(began) < length)
        {
            var members = _fleet.Members;
            if (changes % 10 == 0)
                await JoinOneAsync(0, cancel);
            else if (changes % 10 == 5 && members.Count > options.Nodes)
                await RevokeOneAsync(0, cancel);
            else
                members[random.Next(members.Count)].Node.Cut();
            changes++;
            await Task.Delay(50, cancel);
        }
        await _fleet.WaitAttachedAsync(_fleet.Members.Count, ReconnectLimit, cancel);
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        _figures.Add(new PhaseFigures("steady churn", options.Nodes)
        {
            Changes = changes,
            CpuPerChange = 1000 * (_controller.CpuSeconds() - cpu - _idleCpu * seconds) / changes,
            GeneratorPerChange = 1000 * (OwnCpu() - own) / changes,
            RestPerSecond = 1000 * _idleCpu,
            Shares = await SharesAsync(samples, "steady churn", cancel),
            Seconds = seconds,
            More = [("false offlines", _fleet.FalseOffline - offline, ""), ("processor", 100 * (_controller.CpuSeconds() - cpu) / seconds, "%")],
        });
    }

    async Task ReconnectAsync(string phase, Func<Task> cut, CancellationToken cancel)
    {
        Progress.Say(phase);
        await QuietAsync(cancel);
        var offline = _fleet.FalseOffline;
        var (cpu, own, before) = (_controller.CpuSeconds(), OwnCpu(), Counters());
        var began = Stopwatch.GetTimestamp();
        var killed = _controller.Id;
        await cut();
        if (_controller.Id != killed)
            cpu = 0;
        var ready = Stopwatch.GetElapsedTime(began);
        await using var samples = await SampleAsync(cancel);
        // What was attached and does not know yet that it no longer is.
        while (_fleet.Attached > _fleet.Members.Count / 2 && Stopwatch.GetElapsedTime(began) < ChangeLimit)
            await Task.Delay(1, cancel);
        await _fleet.WaitAttachedAsync(_fleet.Members.Count, ReconnectLimit, cancel);
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        await QuietAsync(cancel);
        var shares = await SharesAsync(samples, phase, cancel);
        var after = Counters();
        _figures.Add(new PhaseFigures(phase, options.Nodes)
        {
            Changes = after.Count,
            CpuPerChange = 1000 * (_controller.CpuSeconds() - cpu) / after.Count,
            GeneratorPerChange = 1000 * (OwnCpu() - own) / after.Count,
            AffectedBytes = after.Sum(pair => pair.Value.MapBytes - before[pair.Key].MapBytes) / (double)after.Count,
            Shares = shares,
            Seconds = seconds,
            More =
            [
                ("answers again after", ready.TotalSeconds, "s"), ("false offlines", _fleet.FalseOffline - offline, ""), ("shown offline", await ShownOfflineAsync(cancel), ""),
                ("bytes to a node", after.Sum(pair => pair.Value.Bytes - before[pair.Key].Bytes) / (double)after.Count, ""),
                ("attaches per node", after.Sum(pair => pair.Value.Attaches - before[pair.Key].Attaches) / (double)after.Count, ""),
            ],
        });
    }

    // A node knows that it is let in before the controller has read its first line: that moment is given to the last of them.
    async Task<int> ShownOfflineAsync(CancellationToken cancel)
    {
        var began = Stopwatch.GetTimestamp();
        while (true)
        {
            var nodes = await _controller.GetAsync("/v1/nodes", cancel);
            var shown = nodes["nodes"]!.AsArray().Count(node => (string?)node!["state"] == "offline");
            if (shown == 0 || Stopwatch.GetElapsedTime(began) > TimeSpan.FromSeconds(10))
                return shown;
            await Task.Delay(500, cancel);
        }
    }

    // Until no map has reached any node for a second.
    async Task QuietAsync(CancellationToken cancel)
    {
        var began = Stopwatch.GetTimestamp();
        var last = -1L;
        while (Stopwatch.GetElapsedTime(began) < ReconnectLimit)
        {
            var maps = Counters().Values.Sum(one => (long)one.Maps);
            if (maps == last)
                return;
            last = maps;
            await Task.Delay(1000, cancel);
        }
    }

    Dictionary<Fleet.Member, Tests.Kit.Nodes.SimNodeCounters> Counters() => _fleet.Members.ToDictionary(member => member, member => member.Node.Counters);

    async Task<IReadOnlyList<long>> DecidedAsync(string kind, int count, CancellationToken cancel)
    {
        var audit = await _controller.GetAsync($"/v1/audit?type={kind}&limit={count}", cancel);
        return [.. audit["entries"]!.AsArray().Select(entry => DateTimeOffset.Parse((string)entry!["at"]!).ToUnixTimeMilliseconds())];
    }

    async Task SetPolicyAsync(string text, CancellationToken cancel)
    {
        var report = await _controller.PostAsync("/v1/policy", new JsonObject { ["text"] = text }, cancel);
        if (report["taken"]?.GetValue<bool>() != true)
            throw new BenchFailureException(ExitCodes.Failed, $"the policy is not taken: {report.ToJsonString()}");
    }

    async Task<PerfRecording?> SampleAsync(CancellationToken cancel) =>
        options.Profile ? await PerfRecording.StartAsync(_controller.Id, folder, cancel) : null;

    // The symbols behind the shares are printed at once: they are long, and nobody compares them line by line.
    async Task<IReadOnlyDictionary<string, double>?> SharesAsync(PerfRecording? samples, string phase, CancellationToken cancel)
    {
        if (samples is null)
            return null;
        var taken = await samples.StopAsync(cancel);
        var lines = taken.GroupBy(sample => (Share: ControllerShares.Of(sample), Symbol: sample.Stack is [var inner, ..] ? inner.Symbol : ""))
            .Select(group => (Percent: 100.0 * group.Count() / taken.Count, group.Key.Share, group.Key.Symbol)).ToList();
        Console.WriteLine(
            $"controller at {options.Nodes} nodes, {phase}: {taken.Count} samples\n{PerfProfile.Summarize(lines, (share, _) => share, 12)}");
        return ControllerShares.Sum(taken);
    }

    static string Selector(Fleet.Member member) => $"node:{member.Node.Name}";

    static double OwnCpu()
    {
        using var self = Process.GetCurrentProcess();
        return self.TotalProcessorTime.TotalSeconds;
    }

    static ParallelOptions Parallelism(int degree, CancellationToken cancel) => new() { MaxDegreeOfParallelism = degree, CancellationToken = cancel };

    sealed record Change(Fleet.Watch Watch, IReadOnlyList<Fleet.Member> Affected);
}
