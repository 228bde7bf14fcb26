using System.CommandLine;
using System.Net;
using Mesh.Bench.Handshakes;
using Mesh.Bench.Lab;
using Mesh.Bench.Report;
using Mesh.Protocol.Crypto;

namespace Mesh.Bench.Cli;

/// <summary><c>handshakes</c>: how many a responder accepts.</summary>
static class HandshakesVerb
{
    public static Command Create()
    {
        Contenders contenders = new();
        var peers = BenchOptions.Number("--peers", "Peers that begin handshakes", 1000, 100, 10_000);
        var seconds = BenchOptions.Number("--seconds", "Measured seconds", 5, 1, 60);
        var repetitions = BenchOptions.Number("--repetitions", "How often, in alternating order", 3, 1, 100);
        var quick = new Option<bool>("--quick") { Description = "One repetition of two seconds" };
        var verb = new Verb("handshakes", "Measure how many handshake initiations a responder accepts, and what one costs it.",
            "handshakes", "handshakes --only mesh --quick") { peers, seconds, repetitions, quick };
        contenders.AddTo(verb);
        verb.SetAction(async (parsed, cancel) =>
        {
            BenchOptions.Require("ping");
            var programs = await contenders.FindAsync(parsed, cancel);
            var (count, times) = (parsed.GetValue(peers), parsed.GetValue(quick) ? 1 : parsed.GetValue(repetitions));
            var time = TimeSpan.FromSeconds(parsed.GetValue(quick) ? 2 : parsed.GetValue(seconds));
            var keys = TunnelKey.Draw(count);
            await using TwoNodes nodes = new(offload: true, outerV6: false, innerV6: false);
            var hub = TunnelKey.Create(nodes.Folder, "hub");
            PeerEntry[] entries = [.. keys.Select((k, i) => new PeerEntry(X25519.ComputePublicKey(k), null, [$"10.{100 + i / 65536}.{i / 256 % 256}.{i % 256}/32"]))];
            // Ten thousand a second is what a core can do; two cores serve both sides here.
            var rounds = (int)Math.Ceiling(12_000 * (time.TotalSeconds + 1) / count);
            Progress.Say($"making {rounds * count} initiations of {count} peers");
            var initiations = await Task.Run(() => Initiations.Precompute(hub.Public, keys, rounds, cancel), cancel);
            SideBySide table = new();
            IPEndPoint responder = new(IPAddress.Parse("192.0.2.2"), EndOptions.Port);
            Task<HandshakeRate> RunAsync(int first, TimeSpan period) =>
                Task.Run(() => HandshakeRate.Run(nodes.A, responder, initiations, first, count, period, cancel), cancel);
            for (var repetition = 1; repetition <= times; repetition++)
            {
                foreach (var contender in Contenders.Order(programs, repetition))
                {
                    await using var end = await nodes.StartHubAsync(contender, hub, entries, cancel);
                    // A second of it warms the code up.
                    var first = (await RunAsync(0, TimeSpan.FromSeconds(1))).Sent;
                    var before = end.CpuSeconds;
                    var rate = await RunAsync(first, time);
                    cancel.ThrowIfCancellationRequested();
                    var cpu = end.CpuSeconds - before;
                    end.MustRun(contender.Name);
                    if (rate.Accepted == 0)
                        throw new BenchFailureException(ExitCodes.Failed, $"{contender.Name} accepted no initiation of {rate.Sent}");
                    Progress.Say($"{contender.Name}: {rate.Accepted} of {rate.Sent} accepted in {rate.Elapsed.TotalSeconds:F1} s, {rate.Cookies} cookies, {rate.Unanswered} unanswered, {cpu:F2} CPU s");
                    table.Add(contender.Name, "accepted", "1/s", 0, rate.Accepted / rate.Elapsed.TotalSeconds);
                    table.Add(contender.Name, "accepted per CPU second of the responder", "1/s", 0, rate.Accepted / cpu);
                    table.Add(contender.Name, "CPU of one handshake", "us", 0, cpu / rate.Accepted * 1e6);
                    table.Add(contender.Name, "unanswered", "%", 2, 100.0 * rate.Unanswered / rate.Sent);
                    table.Add(contender.Name, "cookies asked for", "%", 2, 100.0 * rate.Cookies / rate.Sent);
                    table.Add(contender.Name, "memory afterwards", "MB", 0, end.ResidentBytes / 1e6);
                }
            }

            foreach (var key in keys)
                key.Dispose();
            contenders.Print(parsed, programs, $"{count} peers, one source address, at most 64 initiations unanswered, median of {times}", table);
            return ExitCodes.Done;
        });
        return verb;
    }
}
