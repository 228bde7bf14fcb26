using System.CommandLine;
using System.Diagnostics;
using System.Net;
using Mesh.Bench.Handshakes;
using Mesh.Bench.Lab;
using Mesh.Bench.Measure;
using Mesh.Bench.Report;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Tunnel;

namespace Mesh.Bench.Cli;

/// <summary><c>flood</c>: what strangers' initiations do to a node and to its peers.</summary>
static class FloodVerb
{
    const int Distinct = 4096;

    // What Ethernet, IPv4 and UDP put around a message on the link, so that bytes can be compared with what was sent.
    const int LinkOverhead = 14 + 20 + 8;

    public static Command Create()
    {
        Contenders contenders = new();
        var seconds = BenchOptions.Number("--seconds", "How long the flood lasts", 10, 2, 600);
        var rate = BenchOptions.Number("--rate", "Messages a second, 0 for as many as the generator can", 0, 0, 10_000_000);
        var quick = new Option<bool>("--quick") { Description = "Three seconds" };
        var verb = new Verb("flood", "Flood a node with initiations of strangers (valid mac1) from 65,535 addresses and 16 ports, while a peer pings it.",
            "flood", "flood --only mesh --seconds 30 --rate 100000") { seconds, rate, quick };
        contenders.AddTo(verb);
        verb.SetAction(async (parsed, cancel) =>
        {
            BenchOptions.Require("ping");
            var programs = await contenders.FindAsync(parsed, cancel);
            var length = parsed.GetValue(quick) ? 3 : parsed.GetValue(seconds);
            SideBySide table = new();
            foreach (var contender in programs)
                await FloodAsync(contender, length, parsed.GetValue(rate), table, cancel);
            contenders.Print(parsed, programs, $"{length} s; the node, the generator and the pinging peer share this machine's processors", table);
            return ExitCodes.Done;
        });
        return verb;
    }

    static async Task FloodAsync(IContender contender, int seconds, int rate, SideBySide table, CancellationToken cancel)
    {
        await using TwoNodes nodes = new(offload: true, outerV6: false, innerV6: false);
        var third = nodes.AddThird("198.51.100.1/24", "198.51.100.2/24");
        nodes.A.Ip("route", "add", "local", InitiationFlood.Sources, "dev", "lo");
        nodes.B.Ip("route", "add", InitiationFlood.Sources, "via", "192.0.2.1");
        TunnelKey hub = TunnelKey.Create(nodes.Folder, "hub"), peer = TunnelKey.Create(nodes.Folder, "peer");
        var strangers = TunnelKey.Draw(Distinct);
        var initiations = await Task.Run(() => Initiations.Precompute(hub.Public, strangers, 1, cancel), cancel);
        foreach (var stranger in strangers)
            stranger.Dispose();

        await using var node = await nodes.StartHubAsync(contender, hub, [new PeerEntry(peer.Public, null, ["10.99.0.1/32"])], cancel);
        await using var valid = await nodes.StartPeerAsync(third, contender, peer, "10.99.0.1/24", hub.Public, $"198.51.100.2:{EndOptions.Port}", ["10.99.0.2/32"], cancel);
        third.MustPing("10.99.0.2", 3);
        Progress.Say($"{contender.Name} is up, flooding it for {seconds} s");
        using var flood = InitiationFlood.Open(nodes.A, initiations);
        IPEndPoint responder = new(IPAddress.Parse("192.0.2.2"), EndOptions.Port);

        var idle = await PingAsync(2);
        var (memory, cpu, link, dropped) = (node.ResidentBytes, node.CpuSeconds, LinkCounters.Read(nodes.A, "eth0"), UdpCounters.BufferErrors(nodes.B));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var began = Stopwatch.GetTimestamp();
        // Not of the thread pool: it stays on its processor for the whole time.
        var sending = Task.Factory.StartNew(() => flood.Run(responder, rate, stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        PingFlood ping;
        long peak;
        try
        {
            ping = await PingAsync(seconds);
            peak = node.ResidentBytes;
        }
        finally
        {
            await stop.CancelAsync();
        }

        var sent = await sending;
        var elapsed = Stopwatch.GetElapsedTime(began).TotalSeconds;
        await Task.Delay(200, cancel);
        node.MustRun(contender.Name);
        link = LinkCounters.Read(nodes.A, "eth0") - link;
        (cpu, dropped) = (node.CpuSeconds - cpu, UdpCounters.BufferErrors(nodes.B) - dropped);
        var after = await PingAsync(2);
        var replies = flood.LookAtReplies();
        var others = replies.Where(r => r.Key != MessageType.CookieReply).Sum(r => r.Value);
        var read = Math.Max(1, sent - dropped);

        table.Add(contender.Name, "initiations sent", "1/s", 0, sent / elapsed);
        table.Add(contender.Name, "read by the node (the rest found its buffer full)", "1/s", 0, read / elapsed);
        table.Add(contender.Name, "replies sent by the node", "1/s", 0, link.ReceivedPackets / elapsed);
        table.Add(contender.Name, "looked at: cookie replies", "", 0, replies.GetValueOrDefault(MessageType.CookieReply));
        table.Add(contender.Name, "looked at: anything else", "", 0, others);
        table.Add(contender.Name, "bytes replied per byte that it read", "%", 1,
            100.0 * link.ReceivedBytes / (read * (double)(HandshakeInitiation.Size + LinkOverhead)));
        table.Add(contender.Name, "CPU of the node per initiation read", "us", 2, cpu / read * 1e6);
        table.Add(contender.Name, "CPU of the node", "cores", 2, cpu / elapsed);
        table.Add(contender.Name, "memory before", "MB", 1, memory / 1e6);
        table.Add(contender.Name, "memory at its end", "MB", 1, peak / 1e6);
        table.Add(contender.Name, "memory afterwards", "MB", 1, node.ResidentBytes / 1e6);
        table.Add(contender.Name, "pings of a valid peer, sent", "", 0, ping.Sent);
        table.Add(contender.Name, "pings of a valid peer, lost", "", 0, ping.Sent - ping.Received);
        table.Add(contender.Name, "ping average before", "us", 0, idle.Average);
        table.Add(contender.Name, "ping average meanwhile", "us", 0, ping.Average);
        table.Add(contender.Name, "ping p99 meanwhile", "us", 0, ping.P99);
        table.Add(contender.Name, "ping average afterwards", "us", 0, after.Average);

        async Task<PingFlood> PingAsync(int time)
        {
            await using var run = third.Start("ping", "-n", "-i", "0.02", "-c", $"{time * 50}", "-W", "2", "10.99.0.2");
            await run.WaitForExitAsync(TimeSpan.FromSeconds(3 * time + 20)).WaitAsync(cancel);
            return PingFlood.Parse(run.Output, time * 50);
        }
    }
}
