using System.CommandLine;
using System.Net;
using Mesh.Bench.Handshakes;
using Mesh.Bench.Lab;
using Mesh.Bench.Report;
using Mesh.Protocol.Crypto;

namespace Mesh.Bench.Cli;

/// <summary><c>footprint</c>: what a node costs that does nothing.</summary>
static class FootprintVerb
{
    public static Command Create()
    {
        Contenders contenders = new();
        var seconds = BenchOptions.Number("--seconds", "How long to watch each", 60, 2, 3600);
        var builds = BenchOptions.Choice("--builds", "Which builds of mesh, unless --mesh names one", "both", "jit", "native", "both");
        var quick = new Option<bool>("--quick") { Description = "Five seconds each" };
        var verb = new Verb("footprint", "Measure memory and processor time of an idle node with 10 and with 1,000 peers, before and after each had a handshake.",
            "footprint", "footprint --quick --builds jit") { seconds, builds, quick };
        contenders.AddTo(verb, withNative: false);
        verb.SetAction(async (parsed, cancel) =>
        {
            BenchOptions.Require("ping");
            var time = parsed.GetValue(quick) ? 5 : parsed.GetValue(seconds);
            var programs = await contenders.FindBuildsAsync(parsed, parsed.GetValue(builds)!, cancel);
            SideBySide table = new();
            foreach (var peers in new[] { 10, 1000 })
            {
                foreach (var contender in programs)
                    await WatchAsync(contender, peers, time, table, cancel);
            }

            contenders.Print(parsed, programs, $"watched for {time} s each, no traffic; a session: one handshake of each peer, which a peer that begins one leaves behind", table);
            return ExitCodes.Done;
        });
        return verb;
    }

    static async Task WatchAsync(IContender contender, int peers, int seconds, SideBySide table, CancellationToken cancel)
    {
        await using TwoNodes nodes = new(offload: true, outerV6: false, innerV6: false);
        var hub = TunnelKey.Create(nodes.Folder, "hub");
        var keys = TunnelKey.Draw(peers);
        var initiations = await Task.Run(() => Initiations.Precompute(hub.Public, keys, 1, cancel), cancel);
        PeerEntry[] entries = [.. keys.Select((k, i) => new PeerEntry(X25519.ComputePublicKey(k), null, [$"10.100.{i / 256}.{i % 256}/32"]))];
        foreach (var key in keys)
            key.Dispose();
        await using var node = await nodes.StartHubAsync(contender, hub, entries, cancel);
        Progress.Say($"{contender.Name} is up with {peers} peers");
        await IdleAsync("configured");
        var rate = await Task.Run(() => HandshakeRate.Run(nodes.A, new IPEndPoint(IPAddress.Parse("192.0.2.2"), EndOptions.Port), initiations, 0, peers,
            TimeSpan.FromSeconds(30), cancel), cancel);
        if (rate.Accepted < peers)
            Progress.Say($"  {contender.Name} answered {rate.Accepted} of {peers} handshakes");
        await IdleAsync("with a session each");

        async Task IdleAsync(string state)
        {
            // What starting and the handshakes still cause is not idling.
            await Task.Delay(2000, cancel);
            var cpu = node.CpuSeconds;
            await Task.Delay(TimeSpan.FromSeconds(seconds), cancel);
            cpu = node.CpuSeconds - cpu;
            node.MustRun(contender.Name);
            table.Add(contender.Name, $"{peers} peers {state}: memory", "MB", 1, node.ResidentBytes / 1e6);
            table.Add(contender.Name, $"{peers} peers {state}: CPU", "% of a core", 2, 100 * cpu / seconds);
        }
    }
}
