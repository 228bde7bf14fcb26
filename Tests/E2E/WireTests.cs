using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Mesh.Tests.E2E.Lab;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E;

/// <summary>What somebody on the wire sees, and what somebody who writes on it achieves: nothing.</summary>
public sealed class WireTests(ITestOutputHelper output)
{
    const int Initiation = 1, Response = 2, Cookie = 3, Transport = 4;

    [RequiresRootFact("ip", "ping", "tcpdump")]
    public Task What_is_sent_through_the_tunnel_is_not_on_the_wire() => MeshLab.RunJoinedAsync("meo", output, ["ada", "ben"], async lab =>
    {
        var (ada, ben) = (lab["ada"], lab["ben"]);
        var marker = Encoding.ASCII.GetBytes("MARKER-0123456789");
        await using var wire = await WireCapture.StartAsync(lab, lab.Switch, "br0");
        // Inside the tunnel it is readable: the search below finds it where it is.
        await using var tunnel = await WireCapture.StartAsync(lab, ben.Ns, "mesh0");
        using var receiver = NetnsSocket.Udp(ben.Ns);
        using var sender = NetnsSocket.Udp(ada.Ns);
        var port = ((IPEndPoint)receiver.LocalEndPoint!).Port;
        var buffer = new byte[100];
        for (var i = 0; i < 20; i++)
        {
            sender.SendTo(marker, new IPEndPoint(IPAddress.Parse(ben.V4), port));
            receiver.ReceiveTimeout = 5000;
            Assert.Equal(marker, buffer[..receiver.Receive(buffer)]);
        }
        Assert.True(ada.Ns.Run("ping", "-c", "5", "-i", "0.2", "-p", Convert.ToHexString(marker.AsSpan(0, 16)), ben.V6).ExitCode == 0);
        var (inside, outside) = (await tunnel.StopAsync(), await wire.StopAsync());
        var needle = marker.AsSpan(0, 16);
        Assert.True(inside.AsSpan().IndexOf(needle) > 0, "the marker is in the tunnel");
        Assert.True(outside.AsSpan().IndexOf(needle) < 0, "the marker is on the wire");
        // Nor are the addresses inside the tunnel.
        Assert.True(outside.AsSpan().IndexOf(IPAddress.Parse(ben.V6).GetAddressBytes()) < 0, "the tunnel's addresses are on the wire");
        var carried = WireCapture.Datagrams(outside).Count(datagram => datagram.Type == Transport);
        // The kernel may hand several of a burst over as one.
        Assert.True(carried >= 20, $"only {carried} transport packets were seen");
        output.Print("wire", $"marker sent 30 times: never in {outside.Length >> 10} KiB of underlay with {carried} transport packets");
    }, ipv4Only: true);

    [RequiresRootFact("ip", "ping", "tcpdump")]
    public Task Garbage_gets_no_answer_and_costs_nothing() => MeshLab.RunAsync("meg", output, ["ada", "ben"], async lab =>
    {
        lab.Controller.SetPolicy(MeshLab.AllowAll);
        var (ada, ben) = (lab["ada"], lab["ben"]);
        await ada.JoinAsync();
        await using var capture = await WireCapture.StartAsync(lab, lab.Switch, "br0", "udp", "port", "51820");
        await ben.JoinAsync();
        await lab.EverybodyKnowsEverybodyAsync();
        Assert.True(ben.Ns.Ping(ada.V4, 5) && ada.Ns.Ping(ben.V4, 5));
        var seen = WireCapture.Datagrams(await capture.StopAsync()).Where(datagram => datagram.Destination.Address.ToString() == ada.Underlay).ToList();
        Assert.Contains(seen, datagram => datagram.Type is Initiation or Response);
        Assert.Contains(seen, datagram => datagram.Type == Transport);

        var (stranger, _) = lab.AddStranger();
        var seed = Random.Shared.Next();
        output.WriteLine($"seed {seed}");
        var target = new IPEndPoint(IPAddress.Parse(ada.Underlay), 51820);
        using var socket = NetnsSocket.Udp(stranger);
        socket.Blocking = false;
        var garbage = new Garbage(new Random(seed), seen);
        long answers = 0;
        async Task FloodAsync(int count)
        {
            var watch = Stopwatch.StartNew();
            for (var i = 0; i < count; i++)
            {
                var datagram = garbage.Next();
                if (datagram.Length <= 1472)
                    socket.SendTo(datagram, target);
                // 20,000 a second: faster, and the kernel's queue would drop the ping too, before any program sees it.
                if (i % 200 == 199)
                {
                    answers += Drain(socket).Bytes;
                    var ahead = TimeSpan.FromSeconds(i / 20_000.0) - watch.Elapsed;
                    if (ahead > TimeSpan.Zero)
                        await Task.Delay(ahead);
                }
            }
        }

        await FloodAsync(20_000);
        var before = await ada.StatusAsync();
        var memory = ada.Daemon.Process.ResidentBytes;
        await using var ping = ben.StartPing(ada.V4);
        await ping.AnsweredAfterAsync(DateTimeOffset.UnixEpoch, 5);
        var watch = Stopwatch.StartNew();
        await FloodAsync(100_000);
        var seconds = watch.Elapsed.TotalSeconds;
        await Task.Delay(TimeSpan.FromSeconds(1));
        answers += Drain(socket).Bytes;
        var pings = await ping.StopWithoutLossAsync();
        var grown = ada.Daemon.Process.ResidentBytes - memory;
        var after = await ada.StatusAsync();
        var drops = Difference(before, after);
        output.Print("wire", $"100,000 datagrams in {seconds:0.0} s ({garbage.Kinds}): {answers} bytes in reply, daemon {memory >> 20} MiB {grown / 1048576.0:+0.0;-0.0} MiB, "
            + $"{pings} pings without loss, drops: {string.Join(", ", drops.Select(pair => $"{pair.Key} {pair.Value}"))}");
        Assert.Equal(0, answers);
        Assert.True(grown < 8 << 20, $"the daemon grew by {grown >> 20} MiB");
        Assert.True(drops.Values.Sum() >= 90_000, "the drops are counted");
        Assert.Equal($"{ben.Underlay}:51820", after.Peer("ben")!.CurAddr);

        // Initiations with a valid mac1 that are not fresh: nothing but cookies, fewer bytes than came.
        var initiation = seen.FirstOrDefault(datagram => datagram.Type == Initiation).Payload;
        if (initiation is not null)
        {
            const int Replays = 5_000;
            var cookies = (Count: 0, Bytes: 0L);
            for (var i = 0; i < Replays; i++)
            {
                socket.SendTo(initiation, target);
                if (i % 100 == 99)
                    cookies = Add(cookies, Drain(socket));
            }
            await Task.Delay(500);
            cookies = Add(cookies, Drain(socket));
            output.Print("wire", $"{Replays} replayed initiations with a valid mac1: {cookies.Count} cookies, {cookies.Bytes} bytes for {Replays * initiation.Length}");
            Assert.True(cookies.Count <= Replays && cookies.Bytes == cookies.Count * 64L, "answers that are no cookies");
        }
        Assert.True(ben.Ns.Ping(ada.V4, 5));
    }, ipv4Only: true);

    [RequiresRootFact("ip", "ping", "tcpdump", "nft")]
    public Task Replayed_late_and_forged_packets_are_dropped_and_counted() => MeshLab.RunJoinedAsync("mep", output, ["ada", "ben"], async lab =>
    {
        var (ada, ben) = (lab["ada"], lab["ben"]);
        Assert.True(ben.Ns.Ping(ada.V4, 5));
        var (stranger, _) = lab.AddStranger();
        using var socket = NetnsSocket.Udp(stranger);
        var target = new IPEndPoint(IPAddress.Parse(ada.Underlay), 51820);
        await using var inner = await WireCapture.StartAsync(lab, ada.Ns, "mesh0", "icmp", "and", "src", "host", ben.V4);

        // Packets that arrived once already.
        await using var first = await WireCapture.StartAsync(lab, lab.Switch, "br0", "udp", "and", "src", "host", ben.Underlay);
        ben.Ns.Run("ping", "-q", "-i", "0.05", "-c", "50", ada.V4).MustExit();
        var replays = Pings(await first.StopAsync(), target);
        Assert.True(replays.Count >= 30, $"{replays.Count} packets were seen");
        var start = await ada.StatusAsync();
        foreach (var datagram in replays)
            socket.SendTo(datagram.Payload, target);
        var replayed = await DropsAsync(ada, start, "replay", replays.Count);

        // Packets that are held back until the window has moved on.
        ada.Ns.Run("nft", "add table inet hold").MustExit();
        ada.Ns.Run("nft", "add chain inet hold in { type filter hook input priority 0; }").MustExit();
        ada.Ns.Run("nft", $"add rule inet hold in udp dport 51820 ip saddr {ben.Underlay} drop").MustExit();
        await using var second = await WireCapture.StartAsync(lab, lab.Switch, "br0", "udp", "and", "src", "host", ben.Underlay);
        ben.Ns.Ping(ada.V4, 20, 4);
        ada.Ns.Run("nft", "delete table inet hold").MustExit();
        var held = Pings(await second.StopAsync(), target);
        Assert.True(held.Count >= 10, $"{held.Count} packets were held back");
        ben.Ns.Run("ping", "-q", "-f", "-c", "12000", ada.V4);
        start = await ada.StatusAsync();
        foreach (var datagram in held)
            socket.SendTo(datagram.Payload, target);
        var late = await DropsAsync(ada, start, "replay|old|late|window", held.Count);

        // Packets with a changed byte, from another address.
        start = await ada.StatusAsync();
        foreach (var datagram in replays)
        {
            datagram.Payload[^1] ^= 1;
            socket.SendTo(datagram.Payload, target);
        }
        var forged = await DropsAsync(ada, start, ".", replays.Count);
        Assert.Equal($"{ben.Underlay}:51820", (await ada.StatusAsync()).Peer("ben")!.CurAddr);
        Assert.True(ben.Ns.Ping(ada.V4, 3) && ada.Ns.Ping(ben.V4, 3));
        output.Print("wire", $"replayed {replays.Count} ({replayed}), {held.Count} later than the window ({late}), forged {replays.Count} ({forged}); the endpoint stayed");
        // None of them came out of the tunnel: sequence numbers of pings are never seen twice.
        var arrived = IcmpEchoes(await inner.StopAsync());
        Assert.Equal(arrived.Distinct().Count(), arrived.Count);
    }, ipv4Only: true);

    // 84 bytes of ping, padded to 96, header and tag; several that the kernel handed over as one are longer.
    static List<CapturedDatagram> Pings(byte[] recording, IPEndPoint target) =>
        [.. WireCapture.Datagrams(recording).Where(datagram => datagram is { Type: Transport, Payload.Length: 128 } && datagram.Destination.Equals(target))];

    static async Task<string> DropsAsync(LabNode node, NodeStatus since, string pattern, int count)
    {
        Dictionary<string, long> drops = [];
        await Eventually.TrueAsync($"{count} drops of '{pattern}' are counted by {node.Name}", TimeSpan.FromSeconds(5), async () =>
        {
            drops = Difference(since, await node.StatusAsync());
            return drops.Where(pair => Regex.IsMatch(pair.Key, pattern, RegexOptions.IgnoreCase)).Sum(pair => pair.Value) >= count;
        });
        return string.Join(", ", drops.Select(pair => $"{pair.Key} {pair.Value}"));
    }

    static Dictionary<string, long> Difference(NodeStatus before, NodeStatus after) => after.Drops
        .Select(pair => KeyValuePair.Create(pair.Key, pair.Value - before.Drops.GetValueOrDefault(pair.Key)))
        .Where(pair => pair.Value > 0).ToDictionary();

    // Identifier and sequence number of every ICMP message in a recording of a TUN interface (link type raw).
    static List<string> IcmpEchoes(byte[] recording)
    {
        List<string> echoes = [];
        for (var at = 24; at + 16 <= recording.Length;)
        {
            var length = BitConverter.ToInt32(recording, at + 8);
            if (length >= 28)
                echoes.Add(Convert.ToHexString(recording.AsSpan(at + 16 + 20, 1)) + Convert.ToHexString(recording.AsSpan(at + 16 + 24, 4)));
            at += 16 + length;
        }
        return echoes;
    }

    static (int Count, long Bytes) Add((int Count, long Bytes) left, (int Count, long Bytes) right) => (left.Count + right.Count, left.Bytes + right.Bytes);

    static (int Count, long Bytes) Drain(Socket socket)
    {
        var buffer = new byte[2048];
        var total = (Count: 0, Bytes: 0L);
        while (socket.Available > 0)
            total = (total.Count + 1, total.Bytes + socket.Receive(buffer));
        return total;
    }

    /// <summary>Makes datagrams that nobody may answer: none has a valid mac1 on a whole initiation.</summary>
    sealed class Garbage(Random random, IReadOnlyList<CapturedDatagram> seen)
    {
        // Type, length: 148, 92, 64 and at least 32 bytes (WireGuard paper section 5.4).
        static readonly (int Type, int Length)[] _shapes = [(Initiation, 148), (Response, 92), (Cookie, 64), (Transport, 32), (Transport, 1452)];
        readonly Dictionary<string, int> _kinds = [];

        public string Kinds => string.Join(", ", _kinds.Select(pair => $"{pair.Value} {pair.Key}"));

        public byte[] Next()
        {
            switch (random.Next(4))
            {
                case 0:
                    Count("random");
                    return Bytes(random.Next(0, 1473));
                case 1:
                    Count("shaped");
                    var (type, length) = _shapes[random.Next(_shapes.Length)];
                    var shaped = Bytes(length);
                    (shaped[0], shaped[1], shaped[2], shaped[3]) = ((byte)type, 0, 0, 0);
                    return shaped;
                case 2:
                    Count("truncated");
                    var whole = Seen();
                    return whole[..random.Next(whole.Length)];
                default:
                    Count("mutated");
                    var original = Seen();
                    var mutated = (byte[])original.Clone();
                    // The last 16 bytes of a handshake message are mac2, which the rest does not depend on.
                    var covered = mutated[0] is Initiation or Response ? mutated.Length - 16 : mutated.Length;
                    for (var flips = random.Next(1, 5); flips > 0; flips--)
                        mutated[random.Next(covered)] ^= (byte)random.Next(1, 256);
                    if (mutated.AsSpan().SequenceEqual(original))
                        mutated[0] ^= 0x80;
                    return mutated;
            }
        }

        byte[] Seen() => seen[random.Next(seen.Count)].Payload;

        void Count(string kind) => _kinds[kind] = _kinds.GetValueOrDefault(kind) + 1;

        byte[] Bytes(int count)
        {
            var bytes = new byte[count];
            random.NextBytes(bytes);
            return bytes;
        }
    }
}
