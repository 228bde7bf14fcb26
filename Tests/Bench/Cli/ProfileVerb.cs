using System.CommandLine;
using Mesh.Bench.Lab;
using Mesh.Protocol.Crypto;
using Mesh.Bench.Measure;
using Mesh.Bench.Profile;

namespace Mesh.Bench.Cli;

/// <summary><c>profile</c>: where the processor is while a stream runs.</summary>
static class ProfileVerb
{
    public static Command Create()
    {
        var peer = BenchOptions.Peer();
        var allowOld = BenchOptions.AllowOldPeer();
        var mesh = BenchOptions.Mesh();
        var native = BenchOptions.Native();
        var who = BenchOptions.Choice("--only", "Which program", "mesh", "mesh", "peer");
        var seconds = BenchOptions.Number("--seconds", "How long to sample", 10, 1, 600);
        var top = BenchOptions.Number("--top", "How many symbols of each part", 12, 1, 200);
        var end = BenchOptions.Choice("--end", "Which daemon: a sends, b receives", "both", "a", "b", "both");
        var offload = BenchOptions.Choice("--offload", "Segmentation and receive offload of the link", "on", "on", "off");
        var suite = BenchOptions.Choice("--suite", "Mesh's cipher suite", "plain", "plain", "aes");
        var verb = new Verb("profile", "Sample a daemon with perf while one TCP stream runs, and say how much is libcrypto, kernel and own code.",
            "profile --seconds 10 --end b", "profile --only peer --peer /usr/bin/wireguard-go")
        {
            peer, allowOld, mesh, native, who, seconds, top, end, offload, suite,
        };
        verb.SetAction(async (parsed, cancel) =>
        {
            if (Requirements.Find("perf") is null)
                throw new BenchFailureException(ExitCodes.Unreachable, "the program perf is missing: install linux-perf");
            BenchOptions.Require("iperf3", "ping");
            IContender contender = parsed.GetValue(who) == "peer"
                ? WireGuardGo.Find(parsed.GetValue(peer)!, parsed.GetValue(allowOld))
                // Without the map that the runtime writes for perf, and with code mapped twice, compiled methods have no names.
                : (await BenchOptions.FindMeshAsync(parsed.GetValue(mesh), parsed.GetValue(native), cancel))
                    .With(parsed.GetValue(suite) == "aes" ? CipherSuite.Aes256Gcm : CipherSuite.ChaCha20Poly1305)
                    .With(new Dictionary<string, string> { ["DOTNET_PerfMapEnabled"] = "1", ["DOTNET_EnableWriteXorExecute"] = "0" });
            var program = contender is WireGuardGo ? Path.GetFileName(parsed.GetValue(peer)!) : "mesh";
            var folder = Directory.CreateTempSubdirectory("mbn-perf-").FullName;
            List<int> processes = [];
            try
            {
                await using TwoNodes nodes = new(parsed.GetValue(offload) == "on", outerV6: false, innerV6: false);
                await using var server = await Iperf.ServeAsync(nodes.B, cancel);
                await using var tunnel = await nodes.StartAsync(contender, cancel);
                processes.AddRange([tunnel.A!.Process.Id, tunnel.B!.Process.Id]);
                foreach (var (name, process) in new[] { ("a (sends)", tunnel.A.Process.Id), ("b (receives)", tunnel.B.Process.Id) })
                {
                    if (parsed.GetValue(end) != "both" && parsed.GetValue(end) != name[..1])
                        continue;
                    await using var bulk = Iperf.StartBulk(nodes.A, nodes.Target, "cubic");
                    await Task.Delay(3000, cancel);
                    Progress.Say($"sampling {contender.Name} at {name} for {parsed.GetValue(seconds)} s");
                    var report = await PerfProfile.RunAsync(process, program, parsed.GetValue(seconds), parsed.GetValue(top), folder, cancel);
                    var throughput = await Iperf.StopBulkAsync(bulk)
                        ?? throw new BenchFailureException(ExitCodes.Failed, $"the stream ended before the samples did: {bulk.Output}");
                    Console.WriteLine($"{contender.Name} ({contender.Description}) at {name}, one stream of {throughput:F2} Gbit/s while sampled\n\n{report}");
                }
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
                // The runtime leaves them behind, and so does nobody else under these numbers.
                foreach (var file in processes.SelectMany(p => new[] { $"/tmp/perf-{p}.map", $"/tmp/perfinfo-{p}.map" }))
                    File.Delete(file);
            }

            return ExitCodes.Done;
        });
        return verb;
    }
}
