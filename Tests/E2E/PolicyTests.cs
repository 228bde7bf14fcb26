using System.Net;
using System.Net.Sockets;
using Mesh.Tests.E2E.Lab;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E;

/// <summary>A rule has one direction, and whoever is at its end holds it, whatever the other end does.</summary>
public sealed class PolicyTests(ITestOutputHelper output)
{
    const string AliceToBob = "version: 1\nallow:\n  - from: [\"user:alice\"]\n    to: [\"user:bob\"]\n";

    [RequiresRootFact("ip", "ping")]
    public Task A_one_way_rule_lets_connections_through_one_way() => MeshLab.RunAsync("mey", output, ["ada", "ben", "cleo"], async lab =>
    {
        var (ada, ben, cleo) = (lab["ada"], lab["ben"], lab["cleo"]);
        lab.Controller.CreateUser("bob");
        lab.Controller.CreateUser("carol");
        await ada.JoinAsync("alice");
        await ben.JoinAsync("bob");
        await cleo.JoinAsync("carol");

        // Without a policy nobody sees anybody.
        Assert.Empty((await ada.StatusAsync()).Peers);
        Assert.False(ada.Ns.Ping(ben.V4, 1, 1));

        lab.Controller.SetPolicy(AliceToBob);
        await Eventually.TrueAsync("the rule arrives", TimeSpan.FromSeconds(5),
            async () => (await ada.StatusAsync()).Peer("ben") is not null && (await ben.StatusAsync()).Peer("ada") is not null);
        Assert.Empty((await cleo.StatusAsync()).Peers);
        Assert.True(ada.Ns.Ping(ben.V4, 3) && ada.Ns.Ping(ben.V6, 3), "ping along the rule");
        Assert.False(ben.Ns.Ping(ada.V4, 3, 2), "ping against the rule, IPv4");
        Assert.False(ben.Ns.Ping(ada.V6, 3, 2), "ping against the rule, IPv6");
        foreach (var family in new[] { 4, 6 })
        {
            Assert.Equal(100_000, await TransferAsync(ada, ben, family));
            Assert.Null(await TransferAsync(ben, ada, family));
        }
        Assert.False(cleo.Ns.Ping(ada.V4, 1, 1) || ada.Ns.Ping(cleo.V4, 1, 1), "nobody reaches who is in no rule");

        // Taken away again, it is gone for a connection that runs, too.
        await using var ping = ada.StartPing(ben.V4);
        await ping.AnsweredAfterAsync(DateTimeOffset.UnixEpoch, 5);
        lab.Controller.SetPolicy("version: 1\nallow: []\n");
        var changed = DateTimeOffset.UtcNow;
        await Eventually.TrueAsync("the peers are gone", TimeSpan.FromSeconds(5),
            async () => (await ada.StatusAsync()).Peers.Count == 0 && (await ben.StatusAsync()).Peers.Count == 0);
        await Task.Delay(TimeSpan.FromSeconds(3));
        var last = ping.Pongs[^1].At - changed;
        Assert.True(last < TimeSpan.FromSeconds(2), $"answered {last.TotalSeconds:0.00} s after the rule was taken away");

        var wrong = Path.Combine(lab.Folder, "wrong.yaml");
        await File.WriteAllTextAsync(wrong, "version: 1\nallow:\n  - from: [\"group:nobody\"]\n    to: [\"*\"]\n");
        var refused = lab.Controller.Run("policy", "set", "-f", wrong);
        Assert.True(refused.ExitCode == 65 && refused.Error.Contains("nobody", StringComparison.Ordinal), refused.ToString());
        output.Print("policy", $"one-way rule: ping and 100 kB TCP alice to bob, nothing back, v4 and v6; taken away under a ping: last answer {last.TotalSeconds:0.00} s after the command; exit 65: {refused.Error.Trim()}");
    });

    [RequiresRootFact("ip", "ping", "wireguard-go", "wg", "tcpdump")]
    public Task A_modified_node_that_sends_anything_reaches_nobody_it_may_not() => MeshLab.RunAsync("mez", output, ["ada", "cleo"], async lab =>
    {
        var (ada, cleo) = (lab["ada"], lab["cleo"]);
        lab.Controller.CreateUser("bob");
        lab.Controller.SetPolicy(MeshLab.AllowAll.Replace("from: [\"*\"]", "from: [\"user:alice\"]", StringComparison.Ordinal));
        await ada.JoinAsync("alice");
        await cleo.JoinAsync("alice");
        await using var rogue = await RogueNode.JoinAsync(lab, "rogue", "bob");
        await rogue.ConnectedAsync();
        // The rule lets ada reach it, and its answers come back.
        Assert.True(ada.Ns.Ping(rogue.V4, 3) && ada.Ns.Ping(rogue.V6, 3), "ping along the rule");

        await using var inner = await WireCapture.StartAsync(lab, ada.Ns, "mesh0");
        var before = await ada.StatusAsync();
        Assert.False(rogue.Ns.Ping(ada.V4, 10, 3), "ICMP against the rule, IPv4");
        Assert.False(rogue.Ns.Ping(ada.V6, 10, 3), "ICMP against the rule, IPv6");
        using var listener = NetnsSocket.Create(ada.Ns, AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Any, 9000));
        listener.Listen();
        Assert.False(await ConnectsAsync(rogue.Ns, ada.V4, 9000), "TCP against the rule");
        using var udp = NetnsSocket.Udp(rogue.Ns);
        for (var i = 0; i < 100; i++)
            udp.SendTo(new byte[100], new IPEndPoint(IPAddress.Parse(ada.V4), 9000));
        // Out of the blue: packets that look like parts of something under way.
        using var raw = NetnsSocket.Create(rogue.Ns, AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Icmp);
        for (var type = 0; type < 20; type++)
            raw.SendTo(Icmp((byte)type), new IPEndPoint(IPAddress.Parse(ada.V4), 0));
        // Under another member's address, and under one of nobody's.
        foreach (var spoofed in new[] { cleo.V4, "100.127.255.254", ada.V4, lab.Controller.Address })
        {
            rogue.Ns.Ip("address", "add", spoofed + "/32", "dev", rogue.Interface);
            rogue.Ns.Run("ping", "-q", "-c", "5", "-i", "0.1", "-w", "1", "-I", spoofed, ada.V4);
            rogue.Ns.Ip("address", "del", spoofed + "/32", "dev", rogue.Interface);
        }
        await Task.Delay(500);
        var recording = await inner.StopAsync();
        var got = Sources(recording).Where(source => !source.Equals(IPAddress.Parse(ada.V4)) && !source.Equals(IPAddress.Parse(ada.V6))
            && !source.IsIPv6LinkLocal).ToList();
        Assert.True(got.Count == 0, $"{got.Count} packets came out of the tunnel, from {string.Join(' ', got.Distinct())}");
        var drops = (await ada.StatusAsync()).Drops.Select(pair => (pair.Key, Count: pair.Value - before.Drops.GetValueOrDefault(pair.Key))).Where(pair => pair.Count > 0).ToList();
        Assert.True(drops.Sum(pair => pair.Count) >= 150, "what was refused is counted");
        Assert.True(ada.Ns.Ping(rogue.V4, 3), "the rule still holds");
        output.Print("policy", $"a modified node sent ICMP, TCP, UDP, stray ICMP and four spoofed sources: 0 packets came out; drops: {string.Join(", ", drops.Select(pair => $"{pair.Key} {pair.Count}"))}");
    });

    static byte[] Icmp(byte type)
    {
        var packet = new byte[64];
        packet[0] = type;
        var sum = 0;
        for (var i = 0; i < packet.Length; i += 2)
            sum += packet[i] << 8 | packet[i + 1];
        var checksum = ~((sum & 0xFFFF) + (sum >> 16));
        (packet[2], packet[3]) = ((byte)(checksum >> 8), (byte)checksum);
        return packet;
    }

    // Source addresses in a recording of a TUN interface (link type raw).
    static IEnumerable<IPAddress> Sources(byte[] recording)
    {
        List<IPAddress> sources = [];
        for (var at = 24; at + 16 <= recording.Length;)
        {
            var length = BitConverter.ToInt32(recording, at + 8);
            var packet = recording.AsSpan(at + 16, length);
            if (length >= 40 && packet[0] >> 4 == 6)
                sources.Add(new IPAddress(packet.Slice(8, 16)));
            else if (length >= 20 && packet[0] >> 4 == 4)
                sources.Add(new IPAddress(packet.Slice(12, 4)));
            at += 16 + length;
        }
        return sources;
    }

    static async Task<bool> ConnectsAsync(Netns from, string address, int port)
    {
        using var socket = NetnsSocket.Create(from, AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(2.5));
        try
        {
            await socket.ConnectAsync(IPAddress.Parse(address), port, limit.Token);
            return true;
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            return false;
        }
    }

    // Opens a TCP connection through the tunnel and gives how many of 100,000 bytes arrived; null where it did not open.
    static async Task<int?> TransferAsync(LabNode from, LabNode to, int family)
    {
        var address = family == 4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;
        using var listener = NetnsSocket.Create(to.Ns, address, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(family == 4 ? IPAddress.Any : IPAddress.IPv6Any, 0));
        listener.Listen();
        using var client = NetnsSocket.Create(from.Ns, address, SocketType.Stream, ProtocolType.Tcp);
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(3));
        try
        {
            await client.ConnectAsync(IPAddress.Parse(family == 4 ? to.V4 : to.V6), ((IPEndPoint)listener.LocalEndPoint!).Port, limit.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            return null;
        }
        using var server = await listener.AcceptAsync(limit.Token);
        await server.SendAsync(new byte[100_000], limit.Token);
        server.Shutdown(SocketShutdown.Send);
        var (total, buffer) = (0, new byte[4096]);
        while (await client.ReceiveAsync(buffer, limit.Token) is > 0 and var read)
            total += read;
        return total;
    }
}
