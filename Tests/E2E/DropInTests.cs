using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Mesh.Tests.E2E.Interop;
using Mesh.Tests.E2E.Lab;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E;

/// <summary>
/// What the WireGuard project's own test script asks of an implementation, with the stock <c>wg</c> configuring both sides. wireguard-go on
/// both sides proves the scenarios themselves.
/// </summary>
public sealed class DropInTests(ITestOutputHelper output)
{
    const string Mesh = WireGuardInterface.Mesh, WireGuardGo = WireGuardInterface.WireGuardGo;

    /// <summary>Gets who runs in ns1 and who in ns2.</summary>
    public static TheoryData<string, string> Pairs => new()
    {
        { WireGuardGo, WireGuardGo },
        { Mesh, WireGuardGo },
        { WireGuardGo, Mesh },
        { Mesh, Mesh },
    };

    /// <summary>Gets who replies and who asks. wireguard-go replied from the address that was asked until it had offloads.</summary>
    public static TheoryData<string, string> PairsThatKeepTheSource => new()
    {
        { Mesh, WireGuardGo },
        { Mesh, Mesh },
    };

    [RequiresRootTheory("wireguard-go", "wg", "ping")]
    [MemberData(nameof(Pairs))]
    public async Task TenPingsAreCountedAsTenPings(string one, string two)
    {
        await using var lab = await WireGuardLab.StartAsync(one, two);
        lab.Introduce(v6: false);
        lab.Two.Ns.Run("ping", "-n", "-q", "-c", "10", "-f", "-W", "1", lab.One.Inside(v6: false)).MustExit();
        foreach (var (end, who) in new[] { (lab.One, one), (lab.Two, two) })
        {
            var (device, peer) = (end.InterfaceBytes, end.Transfer);
            output.WriteLine($"{who}: interface rx {device.Received} tx {device.Sent}, peer rx {peer.Received} tx {peer.Sent}");
            Assert.InRange(device.Received, 840, 2499);
            Assert.InRange(device.Sent, 840, 2499);
            // Each ping is 84 bytes inside and a message of 128 outside.
            Assert.InRange(peer.Received, 10 * 128, 2499);
            Assert.InRange(peer.Sent, 10 * 128, 2499);
        }
    }

    [RequiresRootTheory("wireguard-go", "wg", "ping", "iperf3")]
    [MemberData(nameof(Pairs))]
    public async Task TrafficPassesAtEveryMtuOverEitherFamily(string one, string two)
    {
        // What the loopback interface of the original carries: one datagram of a large MTU is one packet outside.
        const int Large = 34816 - 1500 + 1420;
        foreach (var outsideV6 in new[] { false, true })
        {
            await using var lab = await WireGuardLab.StartAsync(one, two);
            lab.SetLinkMtu(65535);
            lab.Introduce(outsideV6);
            foreach (var mtu in new[] { 1420, Large })
            {
                lab.One.SetMtu(mtu);
                lab.Two.SetMtu(mtu);
                await TrafficPassesAsync(lab, $"{one} and {two}, outside IPv{(outsideV6 ? 6 : 4)}, MTU {mtu}", Lengths.Of("50M", "1G"));
            }
        }
    }

    [RequiresRootTheory("wireguard-go", "wg", "ping", "iperf3")]
    [MemberData(nameof(Pairs))]
    public async Task DatagramsLargerThanALinkAreSentInFragments(string one, string two)
    {
        foreach (var outsideV6 in new[] { false, true })
        {
            await using var lab = await WireGuardLab.StartAsync(one, two);
            lab.Introduce(outsideV6);
            lab.One.SetMtu(9000);
            lab.Two.SetMtu(9000);
            foreach (var insideV6 in new[] { false, true })
            {
                foreach (var (from, to, program) in new[] { (lab.One, lab.Two, one), (lab.Two, lab.One, two) })
                {
                    // Who tells the kernel what fits, and leaves the cutting to it, loses the packets that taught it so.
                    var pings = from.Ns.Run("ping", "-n", "-i", "0.05", "-c", "10", "-W", "1", "-s", "8900", to.Inside(insideV6));
                    Assert.True(pings.Output.Split('\n').Count(line => line.Contains("8908 bytes from", StringComparison.Ordinal)) >= 7, pings.ToString());
                    // wireguard-go leaves the cutting to the kernel also where it hands over several datagrams at once; the kernel refuses those.
                    if (program != WireGuardGo)
                        await IperfRun.BetweenAsync(from.Ns, to.Ns, to.Inside(insideV6), "-n", "10M");
                }
            }
        }
    }

    [RequiresRootTheory("wireguard-go", "wg", "ping")]
    [MemberData(nameof(Pairs))]
    public async Task OnePacketFromAnotherAddressAndPortMovesThePeer(string one, string two)
    {
        foreach (var v6 in new[] { false, true })
        {
            await using var lab = await WireGuardLab.StartAsync(one, two);
            lab.Introduce(v6);
            lab.Two.MustPing(lab.One, v6: false);
            foreach (var (last, port) in new[] { (99, 9999), (98, 9998) })
            {
                var (address4, address6) = ($"192.0.2.{last}", $"2001:db8:1::{last}");
                lab.MoveOne(address4, address6);
                lab.One.Set("listen-port", port.ToString(CultureInfo.InvariantCulture));
                lab.One.MustPing(lab.Two, v6: true);
                Assert.Equal(WireGuardLab.Endpoint(v6 ? address6 : address4, port), lab.Two.Endpoint);
                lab.Two.MustPing(lab.One, v6: false);
            }

            // wireguard-go sends some packets after a change of family to an address of the other's length.
            if (one == WireGuardGo || two == WireGuardGo)
                continue;
            lab.One.Set("peer", lab.Two.PublicKey, "endpoint", WireGuardLab.Endpoint(WireGuardLab.Outside(2, !v6), WireGuardLab.Port2));
            lab.One.MustPing(lab.Two, v6: true);
            Assert.Equal(v6 ? "192.0.2.98:9998" : "[2001:db8:1::98]:9998", lab.Two.Endpoint);
            lab.Two.MustPing(lab.One, v6: false);
        }
    }

    [RequiresRootTheory("wireguard-go", "wg", "ping")]
    [MemberData(nameof(Pairs))]
    public async Task APacketFromAnAddressThatIsAnotherPeersIsDropped(string one, string two)
    {
        await using var lab = await WireGuardLab.StartAsync(one, two);
        lab.Introduce(v6: true);
        lab.One.Set("peer", lab.Two.PublicKey, "allowed-ips", "192.168.241.0/24");
        lab.Two.Ns.Ip("address", "add", "192.168.241.3/24", "dev", lab.Two.Name);
        lab.Two.MustPing(lab.One, v6: false);

        using var receiver = NetnsSocket.Inside(lab.One.Ns, () => Bound("192.168.241.1", 1111));
        using var sender = NetnsSocket.Inside(lab.Two.Ns, () => Bound("192.168.241.2", 0));
        using var neighbour = NetnsSocket.Inside(lab.Two.Ns, () => Bound("192.168.241.3", 0));
        IPEndPoint to = new(IPAddress.Parse("192.168.241.1"), 1111);
        sender.SendTo("before"u8, to);
        Assert.Equal("before", Receive(receiver));

        var stranger = lab.One.StrangersKey();
        lab.One.Set("peer", stranger, "allowed-ips", "192.168.241.2/32");
        lab.Two.Set("listen-port", "9997");
        sender.SendTo("dropped"u8, to);
        // Sent after it, through the same session, from an address that is still the peer's: had the first passed, it would come first.
        neighbour.SendTo("after"u8, to);
        Assert.Equal("after", Receive(receiver));

        lab.One.Set("peer", stranger, "remove");
        Assert.Equal("[2001:db8:2::2]:9997", lab.One.Endpoint);
    }

    [RequiresRootTheory("wireguard-go", "wg", "ping", "nft")]
    [MemberData(nameof(Pairs))]
    public async Task KeepalivesHoldANatOpen(string one, string two)
    {
        await using var lab = await WireGuardLab.StartAsync(one, two);
        foreach (var rule in new[] { "add table ip nat", "add chain ip nat post { type nat hook postrouting priority 100 ; }", "add rule ip nat post oifname eth2 masquerade" })
            lab.Router.Run("nft", rule).MustExit();
        lab.Router.Sysctl("net.netfilter.nf_conntrack_udp_timeout", "3");
        lab.Router.Sysctl("net.netfilter.nf_conntrack_udp_timeout_stream", "3");
        // Longer than the NAT remembers, shorter than Rekey-Timeout: wireguard-go may begin a handshake anew after that although the answer came,
        // for it sets that timer only when its message is out.
        var forgotten = TimeSpan.FromSeconds(4);

        // Without: the NAT forgets, and nothing comes in from outside.
        lab.One.Set("peer", lab.Two.PublicKey, "endpoint", "198.51.100.2:2");
        lab.One.MustPing(lab.Two, v6: false);
        lab.Two.MustPing(lab.One, v6: false);
        // The address of the NAT; which port is its own affair.
        Assert.StartsWith("198.51.100.254:", lab.Two.Endpoint, StringComparison.Ordinal);
        await Task.Delay(forgotten);
        Assert.False(lab.Two.Ns.Ping(lab.One.Inside(v6: false), 1, 1), "the NAT forgets nothing: this shows nothing");

        lab.One.Set("peer", lab.Two.PublicKey, "persistent-keepalive", "1");
        lab.One.MustPing(lab.Two, v6: false);
        var outside = lab.Two.Endpoint;
        Assert.StartsWith("198.51.100.254:", outside, StringComparison.Ordinal);
        await Task.Delay(forgotten);
        lab.Two.MustPing(lab.One, v6: false);
        lab.Two.MustPing(lab.One, v6: true);
        Assert.Equal(outside, lab.Two.Endpoint);
    }

    [RequiresRootTheory("wireguard-go", "wg", "ping")]
    [MemberData(nameof(PairsThatKeepTheSource))]
    public async Task RepliesLeaveFromTheAddressThatWasDialled(string one, string two)
    {
        foreach (var v6 in new[] { false, true })
        {
            await using var lab = await WireGuardLab.StartAsync(one, two);
            // A second address of the same link, and one of another interface than the one that the packet comes in on.
            var (first, second, other, length) = v6
                ? ("2001:db8:1::1", "2001:db8:1::10", "2001:db8:3::1", "/128") : ("192.0.2.1", "192.0.2.10", "203.0.113.1", "/32");
            AddAddress(lab, second, v6);
            lab.One.Ns.Ip("address", "add", other + length, "dev", "lo");
            lab.Router.Ip(v6 ? "-6" : "-4", "route", "add", other + length, "via", first);
            foreach (var endpoint in new[] { first, second, other, first }.Select(address => WireGuardLab.Endpoint(address, WireGuardLab.Port1)))
            {
                lab.Two.Set("peer", lab.One.PublicKey, "endpoint", endpoint);
                lab.Two.MustPing(lab.One, v6: false);
                Assert.Equal(endpoint, lab.Two.Endpoint);
                lab.Two.MustPing(lab.One, v6: true);
                Assert.Equal(endpoint, lab.Two.Endpoint);
            }
        }
    }

    [RequiresRootTheory("wireguard-go", "wg", "ping")]
    [MemberData(nameof(PairsThatKeepTheSource))]
    public async Task AnAddressThatGoesAwayIsNoLongerSentFrom(string one, string two)
    {
        foreach (var v6 in new[] { false, true })
        {
            await using var lab = await WireGuardLab.StartAsync(one, two);
            var (first, second) = (WireGuardLab.Outside(1, v6), v6 ? "2001:db8:1::10" : "192.0.2.10");
            AddAddress(lab, second, v6);
            lab.Two.Set("peer", lab.One.PublicKey, "endpoint", WireGuardLab.Endpoint(second, WireGuardLab.Port1));
            lab.Two.MustPing(lab.One, v6: false);
            Assert.Equal(WireGuardLab.Endpoint(second, WireGuardLab.Port1), lab.Two.Endpoint);

            lab.One.Ns.Ip("address", "del", second + (v6 ? "/64" : "/24"), "dev", "eth1");
            lab.One.MustPing(lab.Two, v6: false);
            Assert.Equal(WireGuardLab.Endpoint(first, WireGuardLab.Port1), lab.Two.Endpoint);
            lab.Two.MustPing(lab.One, v6: true);
        }
    }

    [RequiresRootTheory("wireguard-go", "wg", "ping", "nft")]
    [MemberData(nameof(Pairs))]
    public async Task WhatIsSentOutsideCarriesTheFirewallMark(string one, string two)
    {
        foreach (var v6 in new[] { false, true })
        {
            await using var lab = await WireGuardLab.StartAsync(one, two);
            lab.Introduce(v6);
            lab.One.Set("fwmark", "0x51820");
            // What has another mark, or none, does not leave ns1.
            foreach (var rule in new[]
            {
                "add table inet firewall", "add chain inet firewall out { type filter hook output priority 0 ; }",
                $"add rule inet firewall out udp dport {WireGuardLab.Port2} meta mark != 0x51820 drop",
            })
                lab.One.Ns.Run("nft", rule).MustExit();
            lab.One.MustPing(lab.Two, v6: false);
            lab.One.Set("fwmark", "7");
            Assert.False(lab.One.Ns.Ping(lab.Two.Inside(v6: false), 1, 1), "a packet with another mark left");
            lab.One.Set("fwmark", "off");
            Assert.False(lab.One.Ns.Ping(lab.Two.Inside(v6: false), 1, 1), "a packet without mark left");
            lab.One.Set("fwmark", "0x51820");
            lab.One.MustPing(lab.Two, v6: true);
        }
    }

    static void AddAddress(WireGuardLab lab, string address, bool v6) =>
        lab.One.Ns.Ip(["address", "add", address + (v6 ? "/64" : "/24"), "dev", "eth1", .. v6 ? (string[])["nodad"] : []]);

    async Task TrafficPassesAsync(WireGuardLab lab, string what, string bytes)
    {
        List<string> figures = [];
        foreach (var v6 in new[] { false, true })
        {
            lab.One.MustPing(lab.Two, v6, 10, "-f");
            lab.Two.MustPing(lab.One, v6, 10, "-f");
            var tcp = await IperfRun.BetweenAsync(lab.One.Ns, lab.Two.Ns, lab.Two.Inside(v6), "-n", bytes);
            var back = await IperfRun.BetweenAsync(lab.Two.Ns, lab.One.Ns, lab.One.Inside(v6), "-n", bytes);
            // As fast as the sender can: what is too much is lost.
            var udp = await IperfRun.BetweenAsync(lab.One.Ns, lab.Two.Ns, lab.Two.Inside(v6), "-n", bytes, "-b", "0", "-u");
            Assert.True(udp.Received > 0, $"no datagram arrived: {what}");
            figures.Add(string.Create(CultureInfo.InvariantCulture,
                $"IPv{(v6 ? 6 : 4)} TCP {tcp.MegabitsPerSecond:0}, back {back.MegabitsPerSecond:0}, UDP {udp.MegabitsPerSecond:0} Mbit/s with {udp.LostPercent:0} % lost"));
        }
        output.Print("drop-in", $"{what}, {bytes} each: {string.Join("; ", figures)}");
    }

    static Socket Bound(string address, int port)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 5000 };
        socket.Bind(new IPEndPoint(IPAddress.Parse(address), port));
        return socket;
    }

    static string Receive(Socket socket)
    {
        var buffer = new byte[100];
        return Encoding.ASCII.GetString(buffer, 0, socket.Receive(buffer));
    }
}
