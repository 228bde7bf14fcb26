using Mesh.Bench.Lab;
using Mesh.Bench.Measure;
using Mesh.Bench.Report;

namespace Mesh.Bench.Compare;

/// <summary>How a comparison is run, apart from what differs between its settings.</summary>
sealed record ComparisonOptions
{
    public required IReadOnlyList<IContender> Contenders { get; init; }

    public required IReadOnlyList<string> Tests { get; init; }

    public int Repetitions { get; init; } = 3;

    /// <summary>Measured seconds of the long test; the others take six tenths.</summary>
    public int Seconds { get; init; } = 10;

    public int WarmUp { get; init; } = 2;

    public int Pings { get; init; } = 1000;

    public string Congestion { get; init; } = "cubic";

    public bool InnerV6 { get; init; }

    public bool OuterV6 { get; init; }
}

/// <summary>Measures contenders one after the other in the same two namespaces, in alternating order.</summary>
sealed class Comparison(ComparisonOptions options, bool offload)
{
    readonly Results _results = new();

    int ShortSeconds => Math.Max(2, options.Seconds * 6 / 10);

    /// <summary>Runs every test of every contender as often as was asked for.</summary>
    public async Task<Results> RunAsync(CancellationToken cancel)
    {
        await using TwoNodes nodes = new(offload, options.OuterV6, options.InnerV6);
        await using var server = await Iperf.ServeAsync(nodes.B, cancel);
        for (var repetition = 1; repetition <= options.Repetitions; repetition++)
        {
            // What the machine does to the first it does to the second next time.
            var order = repetition % 2 == 1 ? options.Contenders : [.. options.Contenders.Reverse()];
            foreach (var contender in order)
            {
                await using var tunnel = await nodes.StartAsync(contender, cancel);
                Progress.Say($"offload {(offload ? "on" : "off")}, repetition {repetition}/{options.Repetitions}: {contender.Name} is up");
                await RepetitionAsync(nodes, contender.Name, tunnel, cancel);
            }
        }

        return _results;
    }

    async Task RepetitionAsync(TwoNodes nodes, string name, Tunnel tunnel, CancellationToken cancel)
    {
        await Task.Delay(500, cancel);
        AddMemory(name, "idle", tunnel);
        // A tiered compiler, a garbage collector and a socket buffer all begin cold.
        if (options.WarmUp > 0 && options.Tests.Any(t => t != "ping"))
            await Iperf.TcpAsync(nodes.A, nodes.Target, options.Congestion, options.WarmUp, 0, cancel, "--bidir");
        foreach (var test in Figure.Tests.Where(options.Tests.Contains))
        {
            if (test == "udp64" || (test == "udp1200" && !options.Tests.Contains("udp64")))
                AddMemory(name, "tcp", tunnel);
            Progress.Say($"  {test}: {await TestAsync(nodes, name, test, tunnel, cancel)}");
            tunnel.MustRun();
        }

        AddMemory(name, options.Tests.Any(t => t.StartsWith("udp", StringComparison.Ordinal)) ? "udp" : "tcp", tunnel);
    }

    async Task<string> TestAsync(TwoNodes nodes, string name, string test, Tunnel tunnel, CancellationToken cancel) => test switch
    {
        "tcp1" => await TcpAsync(nodes, name, test, tunnel, options.Seconds, [], cancel),
        "tcp4" => await TcpAsync(nodes, name, test, tunnel, ShortSeconds, ["-P", "4"], cancel),
        "tcp1r" => await TcpAsync(nodes, name, test, tunnel, ShortSeconds, ["-R"], cancel),
        "udp64" => await UdpAsync(nodes, name, test, 64, tunnel, cancel),
        "udp1200" => await UdpAsync(nodes, name, test, 1200, tunnel, cancel),
        "ping" => AddPing(name, test, await PingFlood.RunAsync(nodes.A, nodes.Target, options.Pings, cancel)),
        "pingload" => await PingUnderLoadAsync(nodes, name, test, cancel),
        _ => throw new ArgumentOutOfRangeException(nameof(test), test, "not a test"),
    };

    async Task<string> TcpAsync(TwoNodes nodes, string name, string test, Tunnel tunnel, int seconds, string[] more, CancellationToken cancel)
    {
        var (daemons, machine) = (tunnel.CpuSeconds, ProcFigures.MachineCpuSeconds());
        var run = await Iperf.TcpAsync(nodes.A, nodes.Target, options.Congestion, seconds, options.WarmUp, cancel, more);
        (daemons, machine) = (tunnel.CpuSeconds - daemons, ProcFigures.MachineCpuSeconds() - machine);
        var gigabytes = run.Bytes / 1e9;
        _results.Add(name, test, "gbit", run.GigabitsPerSecond);
        _results.Add(name, test, "cpu", daemons / gigabytes);
        _results.Add(name, test, "machine", machine / gigabytes);
        _results.Add(name, test, "retransmits", run.Retransmits);
        return $"{run.GigabitsPerSecond:F2} Gbit/s, {daemons / gigabytes:F2} s/GB";
    }

    async Task<string> UdpAsync(TwoNodes nodes, string name, string test, int size, Tunnel tunnel, CancellationToken cancel)
    {
        var (daemons, machine) = (tunnel.CpuSeconds, ProcFigures.MachineCpuSeconds());
        var run = await Iperf.UdpAsync(nodes.A, nodes.Target, size, ShortSeconds, cancel);
        (daemons, machine) = (tunnel.CpuSeconds - daemons, ProcFigures.MachineCpuSeconds() - machine);
        var millions = run.Received / 1e6;
        _results.Add(name, test, "sent", run.Sent / run.Seconds / 1000);
        _results.Add(name, test, "received", run.Received / run.Seconds / 1000);
        _results.Add(name, test, "loss", run.LossPercent);
        _results.Add(name, test, "cpu", daemons / millions);
        _results.Add(name, test, "machine", machine / millions);
        return $"{run.Received / run.Seconds / 1000:F0} of {run.Sent / run.Seconds / 1000:F0} kpps received, {daemons / millions:F2} s/Mpkt";
    }

    async Task<string> PingUnderLoadAsync(TwoNodes nodes, string name, string test, CancellationToken cancel)
    {
        await using var bulk = Iperf.StartBulk(nodes.A, nodes.Target, options.Congestion);
        await Task.Delay(1500, cancel);
        var text = AddPing(name, test, await PingFlood.RunAsync(nodes.A, nodes.Target, options.Pings, cancel));
        if (await Iperf.StopBulkAsync(bulk) is not { } throughput)
            throw new BenchFailureException(ExitCodes.Failed, $"the bulk stream of {name} did not last as long as the pings: {bulk.Output}");
        _results.Add(name, test, "gbit", throughput);
        return $"{text}, beside {throughput:F2} Gbit/s";
    }

    string AddPing(string name, string test, PingFlood ping)
    {
        _results.Add(name, test, "avg", ping.Average);
        _results.Add(name, test, "p50", ping.Median);
        _results.Add(name, test, "p99", ping.P99);
        _results.Add(name, test, "lost", ping.Sent - ping.Received);
        return $"{ping.Average:F0} us average, {ping.P99:F0} us p99, {ping.Sent - ping.Received} lost";
    }

    void AddMemory(string name, string moment, Tunnel tunnel) =>
        _results.Add(name, "rss", moment, Math.Max(tunnel.A!.ResidentBytes, tunnel.B!.ResidentBytes) / 1e6);
}
