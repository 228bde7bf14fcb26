using System.CommandLine;
using Mesh.Bench.Lab;
using Mesh.Bench.Measure;
using Mesh.Bench.Report;

namespace Mesh.Bench.Cli;

/// <summary><c>peers</c>: many peers, each with its own flow, through one node.</summary>
static class PeersVerb
{
    public static Command Create()
    {
        Contenders contenders = new();
        var count = BenchOptions.Number("--count", "Peers", 40, 2, 200);
        var seconds = BenchOptions.Number("--seconds", "Measured seconds, after two of warm-up", 10, 2, 600);
        var repetitions = BenchOptions.Number("--repetitions", "How often, in alternating order", 3, 1, 100);
        var reverse = new Option<bool>("--reverse") { Description = "Let the node send to its peers instead" };
        var quick = new Option<bool>("--quick") { Description = "Eight peers, one repetition of three seconds" };
        var verb = new Verb("peers", "Measure one node with many peers that all send (or receive) at once: sum, fairness, processor time of the node.",
            "peers --count 40", "peers --quick --reverse") { count, seconds, repetitions, reverse, quick };
        contenders.AddTo(verb);
        verb.SetAction(async (parsed, cancel) =>
        {
            BenchOptions.Require("iperf3", "ping");
            var peer = contenders.FindPeer(parsed);
            var programs = await contenders.FindAsync(parsed, cancel);
            var isQuick = parsed.GetValue(quick);
            var (peers, times, time) = isQuick ? (8, 1, 3) : (parsed.GetValue(count), parsed.GetValue(repetitions), parsed.GetValue(seconds));
            SideBySide table = new();
            for (var repetition = 1; repetition <= times; repetition++)
            {
                foreach (var contender in Contenders.Order(programs, repetition))
                {
                    await using var star = await Star.StartAsync(contender, peer, peers, cancel);
                    Progress.Say($"repetition {repetition}/{times}: {contender.Name} and {peers} peers are up");
                    await FlowsAsync(star, contender.Name, time, parsed.GetValue(reverse), table, cancel);
                }
            }

            contenders.Print(parsed, programs, $"{peers} peers, all of them wireguard-go, one TCP stream each {(parsed.GetValue(reverse) ? "from" : "to")} the node, {time} s, median of {times}", table);
            return ExitCodes.Done;
        });
        return verb;
    }

    static async Task FlowsAsync(Star star, string name, int seconds, bool reverse, SideBySide table, CancellationToken cancel)
    {
        for (var i = 0; i < star.Peers.Count; i++)
            await Iperf.ServeAsync(star.Hub, cancel, Iperf.Port + i);
        var (cpu, machine) = (star.Node.CpuSeconds, ProcFigures.MachineCpuSeconds());
        var runs = await Task.WhenAll(star.Peers.Select((ns, i) =>
            Iperf.TcpAsync(ns, Star.Target, "cubic", seconds, 2, cancel, [.. reverse ? ["-R"] : Array.Empty<string>(), "-p", $"{Iperf.Port + i}"])));
        (cpu, machine) = (star.Node.CpuSeconds - cpu, ProcFigures.MachineCpuSeconds() - machine);
        star.Node.MustRun(name);
        var flows = runs.Select(r => r.GigabitsPerSecond * 1000).ToArray();
        var gigabytes = runs.Sum(r => r.Bytes) / 1e9;
        table.Add(name, "sum of all flows", "Gbit/s", 2, flows.Sum() / 1000);
        table.Add(name, "slowest flow", "Mbit/s", 1, flows.Min());
        table.Add(name, "fastest flow", "Mbit/s", 1, flows.Max());
        table.Add(name, "slowest / fastest", "", 2, flows.Max() > 0 ? flows.Min() / flows.Max() : 0);
        // Jain, Chiu and Hawe 1984: 1 when all are equal, 1/n when one has everything.
        table.Add(name, "fairness index", "", 3, flows.Sum() * flows.Sum() / (flows.Length * flows.Sum(f => f * f)));
        table.Add(name, "CPU of the node", "s/GB", 2, cpu / gigabytes);
        table.Add(name, "CPU of the machine, peers included", "s/GB", 2, machine / gigabytes);
        table.Add(name, "memory of the node afterwards", "MB", 0, star.Node.ResidentBytes / 1e6);
        Progress.Say($"  {flows.Sum() / 1000:F2} Gbit/s, flows {flows.Min():F0}..{flows.Max():F0} Mbit/s, {cpu / gigabytes:F2} s/GB");
    }
}
