using System.CommandLine;
using Mesh.Bench.Lab;
using Mesh.Bench.Measure;
using Mesh.Bench.Report;
using Mesh.Protocol.Crypto;

namespace Mesh.Bench.Cli;

/// <summary><c>prefixes</c>: a node with a large table, next to the same node with one peer.</summary>
static class PrefixesVerb
{
    public static Command Create()
    {
        Contenders contenders = new();
        var peers = BenchOptions.Number("--peers", "Peers, of which one is real", 1000, 1, 10_000);
        var prefixes = BenchOptions.Number("--prefixes", "Allowed prefixes of all peers together", 130_000, 1, 1_000_000);
        var seconds = BenchOptions.Number("--seconds", "Measured seconds of each test, after two of warm-up", 6, 2, 600);
        var repetitions = BenchOptions.Number("--repetitions", "How often, in alternating order", 3, 1, 100);
        var quick = new Option<bool>("--quick") { Description = "One repetition of three seconds with a tenth of the peers and prefixes" };
        var verb = new Verb("prefixes", "Measure a node with many peers and allowed prefixes, next to the same node with one peer.",
            "prefixes", "prefixes --peers 100 --prefixes 10000 --only mesh") { peers, prefixes, seconds, repetitions, quick };
        contenders.AddTo(verb);
        verb.SetAction(async (parsed, cancel) =>
        {
            BenchOptions.Require("iperf3", "ping");
            var programs = await contenders.FindAsync(parsed, cancel);
            var isQuick = parsed.GetValue(quick);
            var part = isQuick ? 10 : 1;
            var (count, total) = (Math.Max(2, parsed.GetValue(peers) / part), Math.Max(2, parsed.GetValue(prefixes) / part));
            var (times, time) = isQuick ? (1, 3) : (parsed.GetValue(repetitions), parsed.GetValue(seconds));
            var more = Table(count - 1, total - 2);
            SideBySide table = new();
            await using TwoNodes nodes = new(offload: true, outerV6: false, innerV6: false);
            await using var server = await Iperf.ServeAsync(nodes.B, cancel);
            for (var repetition = 1; repetition <= times; repetition++)
            {
                foreach (var contender in Contenders.Order(programs, repetition))
                {
                    foreach (var large in repetition % 2 == 1 ? [false, true] : new[] { true, false })
                    {
                        await using var tunnel = await nodes.StartAsync(contender, cancel, large ? more : []);
                        Progress.Say($"repetition {repetition}/{times}: {contender.Name} is up with {(large ? $"{count} peers and {total} prefixes" : "one peer")} after {tunnel.B!.StartTime.TotalSeconds:F1} s");
                        await MeasureAsync(nodes, tunnel, contender.Name, large ? "large table" : "one peer", time, table, cancel);
                    }
                }
            }

            contenders.Print(parsed, programs, $"large table: {count} peers with {total} prefixes together, one of the peers real; {time} s a test, median of {times}", table);
            return ExitCodes.Done;
        });
        return verb;
    }

    static List<PeerEntry> Table(int peers, int prefixes)
    {
        List<PeerEntry> table = [];
        var next = 0x14000000u;
        foreach (var (i, key) in TunnelKey.Draw(peers).Index())
        {
            var share = prefixes / peers + (i < prefixes % peers ? 1 : 0);
            table.Add(new PeerEntry(X25519.ComputePublicKey(key), null,
                [.. Enumerable.Range(0, share).Select(_ => { var n = next; next += 256; return $"{n >> 24}.{n >> 16 & 255}.{n >> 8 & 255}.0/24"; })]));
            key.Dispose();
        }

        return table;
    }

    static async Task MeasureAsync(TwoNodes nodes, Tunnel tunnel, string name, string setting, int seconds, SideBySide table, CancellationToken cancel)
    {
        table.Add(name, $"{setting}: time to start", "s", 2, tunnel.B!.StartTime.TotalSeconds);
        table.Add(name, $"{setting}: memory idle", "MB", 0, tunnel.B.ResidentBytes / 1e6);
        foreach (var (test, more) in new[] { ("towards it", Array.Empty<string>()), ("from it", ["-R"]) })
        {
            var cpu = tunnel.B.CpuSeconds;
            var run = await Iperf.TcpAsync(nodes.A, nodes.Target, "cubic", seconds, 2, cancel, more);
            cpu = tunnel.B.CpuSeconds - cpu;
            tunnel.MustRun();
            table.Add(name, $"{setting}: TCP {test}", "Gbit/s", 2, run.GigabitsPerSecond);
            table.Add(name, $"{setting}: TCP {test}, CPU of the node", "s/GB", 2, cpu / (run.Bytes / 1e9));
        }
    }
}
