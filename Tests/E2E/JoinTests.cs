using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Mesh.Tests.E2E.Lab;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E;

/// <summary>The main job by hand: three machines join, see each other, talk by name, and carry bulk traffic.</summary>
public sealed partial class JoinTests(ITestOutputHelper output)
{
    [RequiresRootFact("ip", "ping", "iperf3")]
    public Task Three_machines_join_and_talk_by_name() => MeshLab.RunAsync("mej", output, ["ada", "ben", "cleo"], async lab =>
    {
        lab.Controller.SetPolicy(MeshLab.AllowAll);
        foreach (var node in lab.Nodes)
        {
            var before = node.Mesh("status");
            Assert.Equal(1, before.ExitCode);
            Assert.Matches("(?i)mesh up", before.Output + before.Error);
            await node.JoinAsync();
        }
        await lab.EverybodyKnowsEverybodyAsync();

        foreach (var from in lab.Nodes)
        {
            foreach (var to in lab.Nodes.Where(to => to != from))
            {
                var pong = from.Mesh("ping", to.Name, "-c", "2").MustExit().Output;
                Assert.Matches($@"^pong from {to.Name} \({Regex.Escape(to.V4)}\) via {Endpoint(to)} in [\d.]+ ?ms", pong);
                Assert.True(from.Ns.Ping(to.V4, 3), $"{from.Name} pings {to.Name} over IPv4");
                Assert.True(from.Ns.Ping(to.V6, 3), $"{from.Name} pings {to.Name} over IPv6");
                Assert.True(from.Ns.Ping(to.Name, 1), $"{from.Name} pings {to.Name} by name");
                Assert.True(from.Ns.Ping($"{to.Name}.mesh.internal", 1), $"{from.Name} pings {to.Name} by its full name");
            }
        }
        Assert.NotEqual(0, lab["ada"].Mesh("ping", "nobody", "-c", "1").ExitCode);

        StatusIsReadable(lab);
        StatusIsParseable(lab);
        await UpIsIdempotentAsync(lab);
        DownLeavesNothing(lab);
    });

    [RequiresRootFact("ip", "iperf3")]
    public Task Bulk_traffic_flows_both_ways() => MeshLab.RunJoinedAsync("meb", output, ["ada", "ben"], async lab =>
    {
        var (ada, ben) = (lab["ada"], lab["ben"]);
        await using var server = ben.Ns.Start("iperf3", "-s", "--forceflush");
        await server.WaitForLineAsync("Server listening", TimeSpan.FromSeconds(5));
        foreach (var (family, address) in new[] { ("v4", ben.V4), ("v6", ben.V6) })
        {
            var bytes = Lengths.Of(100_000_000L, 1_000_000_000L);
            foreach (var way in new[] { "up", "down" })
            {
                var report = Iperf(ada, address, way, "-n", bytes.ToString(CultureInfo.InvariantCulture));
                var received = report.GetProperty("sum_received");
                    // The sender counts what it handed over; the receiver stops counting when it is told that this is all.
                Assert.True(report.GetProperty("sum_sent").GetProperty("bytes").GetInt64() >= bytes
                    && received.GetProperty("bytes").GetInt64() >= bytes * 0.9, $"TCP {family} {way}: {received}");
                output.Print("join", $"TCP {family} {way} {bytes / 1_000_000} MB at {Mbits(received)} Mbit/s");
            }
            foreach (var way in new[] { "up", "down" })
            {
                // Slow enough for queues to bridge a pause of half a second: the machine has few cores and other tests to run.
                var rate = Lengths.Of(10, 50);
                var report = Iperf(ada, address, way, "-u", "-b", $"{rate}M", "-t", Lengths.Of("2", "10"));
                var sum = report.GetProperty("sum");
                Assert.True(sum.GetProperty("packets").GetInt64() > 1000 && sum.GetProperty("lost_percent").GetDouble() < 1,
                    $"UDP {family} {way}: {sum}\n{Losses(ada)}\n{Losses(ben)}");
                output.Print("join", string.Create(CultureInfo.InvariantCulture,
                    $"UDP {family} {way} at {rate} Mbit/s: {sum.GetProperty("lost_packets").GetInt64()} of {sum.GetProperty("packets").GetInt64()} lost"));
            }
        }
    });

    // Either of the two ways to a machine will do.
    static string Endpoint(LabNode node) => $@"(?:{Regex.Escape(node.Underlay)}|\[{Regex.Escape(node.UnderlayV6)}\]):51820";

    static JsonElement Iperf(LabNode from, string address, string way, params string[] more)
    {
        string[] arguments = ["-c", address, "-J", "--connect-timeout", "5000", .. way == "down" ? ["-R"] : Array.Empty<string>(), .. more];
        var run = from.Ns.Run(TimeSpan.FromMinutes(4), "iperf3", arguments).MustExit();
        return JsonDocument.Parse(run.Output).RootElement.GetProperty("end").Clone();
    }

    // Where packets are lost that the daemon never saw, or had handed over: the queue into the tunnel, the receiver's socket.
    static string Losses(LabNode node) =>
        $"{node.Ns.Ip("-s", "link", "show", "mesh0").Output}{node.Ns.Run("grep", "^Udp:", "/proc/net/snmp").Output}{string.Join(' ', node.StatusAsync().Result.Drops)}";

    static string Mbits(JsonElement sum) => (sum.GetProperty("bits_per_second").GetDouble() / 1e6).ToString("0", CultureInfo.InvariantCulture);

    void StatusIsReadable(MeshLab lab)
    {
        var text = lab["ada"].Mesh("status").MustExit().Output;
        output.WriteLine(text);
        foreach (var node in lab.Nodes)
        {
            var line = text.Split('\n').SingleOrDefault(line => line.StartsWith(node.V4 + " ", StringComparison.Ordinal));
            Assert.True(line is not null, $"a line for {node.Name}: {text}");
            var match = StatusLine().Match(line);
            Assert.True(match.Success, line);
            Assert.Equal((node.Name, "alice", "linux"), (match.Groups["name"].Value, match.Groups["owner"].Value, match.Groups["os"].Value));
            var state = match.Groups["state"].Value;
            if (node.Name == "ada")
                Assert.Equal("-", state);
            else
                Assert.Matches($@"^active; direct {Endpoint(node)}, tx \d+ rx \d+", state);
        }
    }

    static void StatusIsParseable(MeshLab lab)
    {
        var ada = lab["ada"];
        var status = JsonSerializer.Deserialize<NodeStatus>(ada.Mesh("status", "--json").MustExit().Output)!;
        Assert.Equal(("Running", "mesh0", 51820, "mesh.internal"), (status.BackendState, status.Interface, status.ListenPort, status.MagicDNSSuffix));
        Assert.Equal("ada", status.Self?.HostName);
        Assert.Equal(["ben", "cleo"], status.Peers.Select(peer => peer.HostName).Order());
        Assert.NotNull(status.Controller);
        Assert.True(status.Revision > 0);
        Assert.InRange(status.ValidUntil!.Value, DateTimeOffset.UtcNow.AddDays(1), DateTimeOffset.UtcNow.AddDays(8));
        var ben = status.Peer("ben")!;
        Assert.Matches($"^{Endpoint(lab["ben"])}$", ben.CurAddr);
        Assert.True(ben is { Active: true, Online: true, OS: "linux", Owner: "alice" } && ben.RxBytes >= 840 && ben.TxBytes >= 840, ben.ToString());
        Assert.True(DateTimeOffset.UtcNow - ben.LastHandshake < TimeSpan.FromMinutes(3));
        Assert.Matches("^100\\.(6[4-9]|[7-9]\\d|1[01]\\d|12[0-7])\\.", ben.V4);
        Assert.StartsWith("fd", ben.V6, StringComparison.Ordinal);
    }

    static async Task UpIsIdempotentAsync(MeshLab lab)
    {
        var ben = lab["ben"];
        var (v4, v6) = (ben.V4, ben.V6);
        ben.Mesh("up").MustExit();
        ben.Mesh("down").MustExit();
        var stopped = ben.Mesh("status");
        Assert.Equal(1, stopped.ExitCode);
        Assert.False(lab["ada"].Ns.Ping(v4, 1, 1), "a node that is down answers nobody");
        ben.Mesh("up").MustExit();
        await ben.AttachedAsync();
        Assert.Equal((v4, v6), (ben.V4, ben.V6));
        // Its own first packet brings a session; a peer that still has the old one notices only after 15 s, as WireGuard does.
        Assert.True(ben.Ns.Ping(lab["ada"].V4, 2) && lab["ada"].Ns.Ping(v4, 2), "a node that is up again talks");
    }

    static void DownLeavesNothing(MeshLab lab)
    {
        var cleo = lab["cleo"];
        Assert.Contains("ada", File.ReadAllText(cleo.HostsFile), StringComparison.Ordinal);
        cleo.Mesh("down").MustExit();
        Assert.Equal("127.0.0.1 localhost\n::1 localhost\n", File.ReadAllText(cleo.HostsFile));
        Assert.DoesNotContain(cleo.V4, cleo.Ns.Ip("address").Output + cleo.Ns.Ip("route", "show", "table", "all").Output, StringComparison.Ordinal);
    }

    [GeneratedRegex(@"^(?<ip>\S+)\s+(?<name>\S+)\s+(?<owner>\S+)\s+(?<os>\S+)\s+(?<state>.*?)\s*$")]
    private static partial Regex StatusLine();
}
