using System.Net.Sockets;
using System.Text;
using Mesh.Tests.E2E.Lab;
using Mesh.Tests.Kit;

namespace Mesh.Tests.E2E;

/// <summary>
/// <c>mesh wireguard</c> under the field's own tools, next to Debian's wireguard-go: the same commands, the same answers.
/// </summary>
public sealed class WireGuardToolTests
{
    const string PrivateKey = "QO8iffzen4HIA6YFe+Lc3HwCR6oIcgCF4M5nLi+dRXU=";
    const string OtherKey = "cK+JCPjimDQz99/qhqIaEYmM9xKyYZ3oWwd+Bgc6VGc=";
    const string Psk = "8EaW0vbAlXv6c8i2t0wLcY1qKHsann25Rc9rUoEhXsQ=";
    const string PeerA = "VmlQL5neJIXaizFYTlSSef1zSc71am2g3tB/YAoJfR4=";
    const string PeerB = "HKd4J6Y8Dcl5FceKRmZChr8oeADOA3OFeJ2IHDZ8fjk=";
    const string PeerAHex = "5669502f99de2485da8b31585d549279fd7349cef56a6da0ded07f600a097d1e";

    static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    static int _names;

    [RequiresRootFact("wg", "wireguard-go", "ip")]
    public async Task WgGetsTheSameAnswersFromBoth()
    {
        await using NetnsTopology topology = new("mwt");
        await using Tool ours = await Tool.StartAsync(topology, "ours", [Programs.Mesh, "wireguard"]);
        await using Tool theirs = await Tool.StartAsync(topology, "theirs", ["wireguard-go"]);
        var folder = topology.TempFolder();
        string key = Write("key", PrivateKey), other = Write("other", OtherKey), psk = Write("psk", Psk);
        var full = Write("full", $"""
            [Interface]
            PrivateKey = {OtherKey}
            ListenPort = 51820
            FwMark = 0xca6c
            [Peer]
            PublicKey = {PeerB}
            PresharedKey = {Psk}
            AllowedIPs = 10.3.0.0/16, fd03::/48, 0.0.0.0/0
            Endpoint = [2001:db8::7]:51820
            PersistentKeepalive = 25
            [Peer]
            PublicKey = {PeerA}
            AllowedIPs = 10.4.0.0/16
            """);
        var added = Write("added", $"[Peer]\nPublicKey = {PeerA}\nAllowedIPs = 10.5.0.0/16\n");
        string[][] commands =
        [
            ["show private-key"], ["show fwmark"], ["show peers"],
            ["set", "private-key", key, "listen-port", "51821", "fwmark", "0x10"], ["show"],
            ["set", "peer", PeerA, "preshared-key", psk, "allowed-ips", "10.1.0.0/24,fd01::/64", "endpoint", "192.0.2.7:1234", "persistent-keepalive", "25"],
            ["show"], ["show dump"], ["showconf"],
            ["set", "peer", PeerB, "allowed-ips", "10.1.0.0/24,10.2.0.9/24"], ["show allowed-ips"],
            ["set", "peer", PeerA, "endpoint", "[2001:db8::1]:5", "persistent-keepalive", "off"], ["show endpoints"], ["show persistent-keepalive"],
            ["set", "peer", PeerA, "preshared-key", "/dev/null"], ["show preshared-keys"],
            ["set", "peer", PeerA, "allowed-ips", ""], ["show allowed-ips"],
            ["set", "peer", PeerB, "remove"], ["show peers"], ["set", "peer", PeerB, "remove"],
            ["setconf", full], ["showconf"], ["addconf", added], ["showconf"], ["syncconf", full], ["showconf"], ["show fwmark"], ["show listen-port"],
            ["set", "fwmark", "off", "private-key", other], ["show"],
            ["set", "private-key", "/dev/null"], ["show"],
            ["set", "peer", "short"], ["set", "listen-port", "70000"], ["set", "peer", PeerA, "allowed-ips", "10.0.0.0/33"],
            ["set", "peer", PeerA, "endpoint", "192.0.2.7"], ["set", "private-key", Path.Combine(folder, "missing")], ["set", "nonsense"],
        ];
        foreach (var command in commands)
            Assert.Equal(theirs.Wg(command), ours.Wg(command));

        string Write(string name, string text)
        {
            var path = Path.Combine(folder, name);
            File.WriteAllText(path, text);
            return path;
        }
    }

    [RequiresRootFact("wg", "wireguard-go", "ip")]
    public async Task TheSocketAnswersTheSame()
    {
        await using NetnsTopology topology = new("mwt");
        await using Tool ours = await Tool.StartAsync(topology, "ours", [Programs.Mesh, "wireguard"]);
        await using Tool theirs = await Tool.StartAsync(topology, "theirs", ["wireguard-go"]);
        string[] requests =
        [
            "set=1\nfoo=1\n\n",
            "set=1\nfoo\n\n",
            "set=1\n\n",
            "set=1\nprivate_key=zz\n\n",
            "set=1\nlisten_port=+5\n\n",
            "set=1\nfwmark=4294967296\n\n",
            "set=1\nreplace_peers=false\n\n",
            "set=1\npublic_key=" + PeerAHex + "\nendpoint=1.2.3.4\n\n",
            "set=1\npublic_key=" + PeerAHex + "\nallowed_ip=10.0.0.1\n\n",
            "set=1\npublic_key=" + PeerAHex + "\nprotocol_version=2\n\n",
            "set=1\npublic_key=" + PeerAHex + "\npersistent_keepalive_interval=65536\n\n",
            "set=1\nfwmark=9\npublic_key=" + PeerAHex + "\nallowed_ip=10.9.0.0/16\nendpoint=1.2.3.4:5\nremove=false\nfwmark=10\n\n",
            "set=1\npublic_key=" + PeerAHex + "\nupdate_only=true\nallowed_ip=10.9.0.0/16\n\n",
            "set=1\npublic_key=" + PeerAHex + "\nallowed_ip=10.9.0.0/16\nremove=true\nallowed_ip=10.8.0.0/16\n\n",
            "get=2\n\n",
        ];
        foreach (var request in requests)
        {
            Assert.Equal((request, await theirs.AskAsync(request)), (request, await ours.AskAsync(request)));
            Assert.Equal((request, Shape(await theirs.AskAsync("get=1\n\n"))), (request, Shape(await ours.AskAsync("get=1\n\n"))));
        }

        // The port is the system's choice.
        static string Shape(string answer) =>
            string.Join('\n', answer.Split('\n').Select(line => line.StartsWith("listen_port=", StringComparison.Ordinal) ? "listen_port" : line));
    }

    [RequiresRootFact("wg", "ip")]
    public async Task ItEndsWithItsInterfaceItsSocketAndOnASignal()
    {
        await using NetnsTopology topology = new("mwt");
        var ns = topology.Add("a");
        for (var way = 0; way < 4; way++)
        {
            var name = NewName();
            var process = ns.Start(Programs.Mesh, "wireguard", "-f", name);
            await Eventually.TrueAsync("the socket", Patience, () => File.Exists(SocketOf(name)));
            switch (way)
            {
                case 0:
                    ns.Ip("link", "del", name);
                    break;
                case 1:
                    File.Delete(SocketOf(name));
                    break;
                default:
                    process.Signal(way == 2 ? "TERM" : "INT");
                    break;
            }

            Assert.Equal(0, await process.WaitForExitAsync(Patience));
            Assert.False(File.Exists(SocketOf(name)));
            Assert.NotEqual(0, ns.Run("ip", "link", "show", name).ExitCode);
        }
    }

    [RequiresRootFact("wg", "ip")]
    public async Task ASocketLeftByACrashIsReplacedAndALiveOneIsNot()
    {
        await using NetnsTopology topology = new("mwt");
        var (a, b) = (topology.Add("a"), topology.Add("b"));
        var name = NewName();
        var crashed = a.Start(Programs.Mesh, "wireguard", "-f", name);
        await Eventually.TrueAsync("the socket", Patience, () => File.Exists(SocketOf(name)));
        crashed.Signal("KILL");
        await crashed.WaitForExitAsync(Patience);
        Assert.True(File.Exists(SocketOf(name)));

        await using Tool ended = new(a, name);
        a.Run(Patience, Programs.Mesh, "wireguard", name).MustExit();
        a.Run("wg", "show", name).MustExit();
        var second = b.Run(Patience, Programs.Mesh, "wireguard", name).MustExit(1);
        Assert.Contains(SocketOf(name), second.Error);
        var same = a.Run(Patience, Programs.Mesh, "wireguard", name).MustExit(1);
        Assert.Contains(name, same.Error);
        a.Run("wg", "show", name).MustExit();
        a.Ip("link", "del", name);
        await Eventually.TrueAsync("the end", Patience, () => !File.Exists(SocketOf(name)));
    }

    [RequiresRootFact("wg", "wg-quick", "wireguard-go", "ip", "ping")]
    public async Task WgQuickBringsAnInterfaceWithTwoPeersUpAndDown()
    {
        await using NetnsTopology topology = new("mwt");
        var network = topology.AddSwitch();
        var us = topology.Add("us");
        topology.Attach(us, network, ["192.0.2.1/24"]);
        var folder = topology.TempFolder();
        var program = Path.Combine(folder, "wireguard-go");
        File.CreateSymbolicLink(program, Programs.Mesh);
        await using var left = await PeerAsync("left", "192.0.2.2/24", "10.6.0.2/32", OtherKey);
        await using var right = await PeerAsync("right", "192.0.2.3/24", "10.6.1.3/32", Psk);

        var name = NewName();
        var file = Path.Combine(folder, name + ".conf");
        File.WriteAllText(file, $"""
            [Interface]
            Address = 10.6.0.1/24, fd06::1/64
            PrivateKey = {PrivateKey}
            MTU = 1380
            [Peer]
            PublicKey = {PublicKeyOf(OtherKey)}
            AllowedIPs = 10.6.0.2/32
            Endpoint = 192.0.2.2:51820
            [Peer]
            PublicKey = {PublicKeyOf(Psk)}
            AllowedIPs = 10.6.1.0/24
            Endpoint = 192.0.2.3:51820
            PersistentKeepalive = 5

            """);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await using Tool ended = new(us, name);
        us.Run(Patience, "env", $"WG_QUICK_USERSPACE_IMPLEMENTATION={program}", "wg-quick", "up", file).MustExit();
        us.MustPing("10.6.0.2", 3);
        us.MustPing("10.6.1.3", 3);
        Assert.Contains("mtu 1380", us.Ip("link", "show", name).Output);
        var shown = us.Run("wg", "show", name).MustExit().Output;
        Assert.Equal(2, shown.Split("latest handshake:").Length - 1);

        // A change under traffic: the peer that it does not name goes on.
        var newcomer = PublicKeyOf(ProcessRun.Run("wg", ["genkey"]).MustExit().Output);
        var ping = us.Start("ping", "-n", "-i", "0.2", "-c", "15", "10.6.0.2");
        for (var i = 0; i < 10; i++)
        {
            us.Run("wg", "set", name, "peer", PublicKeyOf(Psk), "allowed-ips", $"10.6.1.0/24,10.7.{i}.0/24").MustExit();
            us.Run("wg", "set", name, "peer", newcomer, "allowed-ips", "10.8.0.0/24").MustExit();
            us.Run("wg", "set", name, "peer", newcomer, "remove").MustExit();
        }

        await ping.WaitForExitAsync(Patience);
        Assert.Contains(" 0% packet loss", ping.Output);
        us.Run("wg", "set", name, "peer", PublicKeyOf(Psk), "remove").MustExit();
        Assert.False(us.Ping("10.6.1.3", 1, 1));
        us.MustPing("10.6.0.2");

        us.Run(Patience, "wg-quick", "down", file).MustExit();
        await Eventually.TrueAsync("the end", Patience, () => !File.Exists(SocketOf(name)));
        Assert.NotEqual(0, us.Run("ip", "link", "show", name).ExitCode);

        async Task<Tool> PeerAsync(string who, string outside, string inside, string privateKey)
        {
            var peer = await Tool.StartAsync(topology, who, ["wireguard-go"]);
            topology.Attach(peer.Ns, network, [outside]);
            var key = Path.Combine(folder, who);
            File.WriteAllText(key, privateKey);
            peer.Wg(["set", "private-key", key, "listen-port", "51820", "peer", PublicKeyOf(PrivateKey), "allowed-ips", "10.6.0.1/32"]);
            peer.Ns.Ip("address", "add", inside, "dev", peer.Interface);
            peer.Ns.Ip("link", "set", peer.Interface, "up");
            peer.Ns.Ip("route", "add", "10.6.0.1/32", "dev", peer.Interface);
            return peer;
        }
    }

    static string PublicKeyOf(string privateKey) => ProcessRun.Run("wg", ["pubkey"], input: privateKey).MustExit().Output.Trim();

    static string NewName() => $"mwt{Environment.ProcessId}n{Interlocked.Increment(ref _names)}";

    static string SocketOf(string name) => $"/var/run/wireguard/{name}.sock";

    /// <summary>A userspace WireGuard in a namespace of its own, in the background as its users start it.</summary>
    sealed class Tool : IAsyncDisposable
    {
        /// <summary>Names one that the test starts by itself; disposing ends it if it still runs.</summary>
        public Tool(Netns ns, string name) => (Ns, Interface) = (ns, name);

        public Netns Ns { get; }

        public string Interface { get; }

        public static async Task<Tool> StartAsync(NetnsTopology topology, string who, string[] command)
        {
            Tool tool = new(topology.Add(who), NewName());
            tool.Ns.Run(Patience, command[0], [.. command[1..], tool.Interface]).MustExit();
            // The first answer is the sign of life: a parent that returned too early would be seen here.
            Assert.EndsWith("errno=0\n\n", await tool.AskAsync("get=1\n\n"), StringComparison.Ordinal);
            return tool;
        }

        /// <summary>Runs <c>wg</c> on the interface and gives all that it said. Peers are sorted: theirs come in the order of a hash table.</summary>
        public string Wg(string[] command)
        {
            var words = command[0].Split(' ');
            var said = Ns.Run("wg", [words[0], Interface, .. words[1..], .. command[1..]]);
            var text = (said.Output + said.Error).Replace(Interface, "IF", StringComparison.Ordinal);
            var blocks = command is ["show" or "showconf"] ? text.Split("\n\n") : text.Split('\n');
            return $"{string.Join(' ', command)}\nexit {said.ExitCode}\n{string.Join('\n', blocks.Select(b => b.Trim()).Order(StringComparer.Ordinal))}";
        }

        /// <summary>Sends one request and gives the answer; empty when the connection was closed without one.</summary>
        public async Task<string> AskAsync(string request)
        {
            using CancellationTokenSource patience = new(Patience);
            using Socket connection = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await connection.ConnectAsync(new UnixDomainSocketEndPoint(SocketOf(Interface)), patience.Token);
            await connection.SendAsync(Encoding.Latin1.GetBytes(request), patience.Token);
            StringBuilder answer = new();
            var buffer = new byte[65536];
            while (!answer.ToString().EndsWith("\n\n", StringComparison.Ordinal))
            {
                int read;
                try
                {
                    read = await connection.ReceiveAsync(buffer, patience.Token);
                }
                catch (SocketException closed) when (closed.SocketErrorCode == SocketError.ConnectionReset)
                {
                    break;
                }

                if (read == 0)
                    break;
                answer.Append(Encoding.Latin1.GetString(buffer, 0, read));
            }

            return answer.ToString();
        }

        public async ValueTask DisposeAsync()
        {
            // Deleting the socket ends the program, whose process id only its parent knew.
            File.Delete(SocketOf(Interface));
            await Eventually.TrueAsync("the end", Patience, () => Ns.Run("ip", "link", "show", Interface).ExitCode != 0);
        }
    }
}
