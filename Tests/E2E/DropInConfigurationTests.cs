using System.Globalization;
using System.Text;
using Mesh.Tests.E2E.Interop;
using Mesh.Tests.E2E.Lab;

namespace Mesh.Tests.E2E;

/// <summary>A WireGuard interface alone: configurations of every size through the stock <c>wg</c>, and what remains of a program that ended.</summary>
public sealed class DropInConfigurationTests
{
    /// <summary>Gets the programs.</summary>
    public static TheoryData<string> Programs => new() { WireGuardInterface.WireGuardGo, WireGuardInterface.Mesh };

    [RequiresRootTheory("wireguard-go", "wg")]
    [MemberData(nameof(Programs))]
    public async Task EveryPrefixOfOnePeerIsKept(string program)
    {
        await using NetnsTopology topology = new("mwg");
        var end = await StartAsync(program, topology);
        StringBuilder text = Interface(end);
        Peer(text, end);
        for (var a = 1; a <= 255; a++)
        {
            for (var b = 0; b < 256; b++)
                text.Append(CultureInfo.InvariantCulture, $"AllowedIPs = {a}.{b}.0.0/16,{a:x2}{b:x2}::/16\n");
        }
        end.SetConfiguration(text.ToString());
        var prefixes = Prefixes(Assert.Single(end.Show("allowed-ips")));
        Assert.Equal(2 * 255 * 256, prefixes.Length);
        Assert.Equal(prefixes.Length, prefixes.Distinct().Count());
        Assert.Contains("203.7.0.0/16", prefixes);
        Assert.Equal(2 * 255 * 256, end.Show("dump")[1].Split('\t')[3].Split(',').Length);
        await EndAsync(end);
    }

    [RequiresRootTheory("wireguard-go", "wg")]
    [MemberData(nameof(Programs))]
    public async Task EveryPrefixOfFortyPeersIsKept(string program)
    {
        await using NetnsTopology topology = new("mwg");
        var end = await StartAsync(program, topology);
        StringBuilder text = Interface(end);
        List<string> keys = [];
        for (var a = 1; a <= 40; a++)
        {
            keys.Add(Peer(text, end));
            for (var b = 1; b <= 52; b++)
                text.Append(CultureInfo.InvariantCulture, $"AllowedIPs = {a}.{b}.0.0/16\n");
        }
        end.SetConfiguration(text.ToString());
        var lines = end.Show("allowed-ips");
        Assert.Equal(keys.Order(), lines.Select(line => line.Split('\t')[0]).Order());
        Assert.All(lines, line => Assert.Equal(52, Prefixes(line).Length));
        Assert.Equal(41, end.Show("dump").Length);
        await EndAsync(end);
    }

    [RequiresRootTheory("wireguard-go", "wg")]
    [MemberData(nameof(Programs))]
    public async Task ThirtyPeersAreKeptThoughOneOnlyHasPrefixes(string program)
    {
        await using NetnsTopology topology = new("mwg");
        var end = await StartAsync(program, topology);
        StringBuilder text = Interface(end);
        for (var i = 1; i < 30; i++)
            Peer(text, end);
        var last = Peer(text, end);
        text.Append("AllowedIPs = 255.2.3.4/32,abcd::255/128\n");
        end.SetConfiguration(text.ToString());
        var lines = end.Show("allowed-ips");
        Assert.Equal(30, lines.Length);
        Assert.Contains($"{last}\t255.2.3.4/32 abcd::255/128", lines);
        Assert.Equal(29, lines.Count(line => line.EndsWith("\t(none)", StringComparison.Ordinal)));

        // Another configuration replaces the whole of it.
        end.SetConfiguration(Interface(end).ToString());
        Assert.Empty(end.Show("peers"));
        await EndAsync(end);
    }

    [RequiresRootTheory("wireguard-go", "wg")]
    [MemberData(nameof(Programs))]
    public async Task NothingRemainsOfAnInterfaceHoweverItEnds(string program)
    {
        await using NetnsTopology topology = new("mwg");
        var (ns, folder) = (topology.Add("1"), topology.TempFolder());
        foreach (var (why, end) in new (string, Action<WireGuardInterface>)[]
        {
            ("ip link del", one => ns.Ip("link", "del", one.Name)),
            ("SIGTERM", one => one.Process.Signal("TERM")),
            ("SIGINT", one => one.Process.Signal("INT")),
            ("removal of the socket", one => File.Delete(one.Socket)),
        })
        {
            WireGuardInterface one = new(program, ns, folder);
            await one.StartAsync();
            one.Set("private-key", one.KeyFile, "listen-port", "51820");
            Assert.NotEqual(0, ns.Run("wg", "show", "missing").ExitCode);
            Assert.Contains(one.Name, ns.Run("wg", "show", "interfaces").MustExit().Output);
            end(one);
            await one.MustEndAsync(why);
            Assert.NotEqual(0, ns.Run("wg", "show", one.Name).ExitCode);
        }
    }

    [RequiresRootTheory("wireguard-go", "wg")]
    [MemberData(nameof(Programs))]
    public async Task InTheBackgroundItIsReadyWhenTheCommandReturns(string program)
    {
        await using NetnsTopology topology = new("mwg");
        var ns = topology.Add("1");
        WireGuardInterface one = new(program, ns, topology.TempFolder());
        var (file, arguments) = one.Command;
        // With its outputs elsewhere: who reads them would wait for the daemon's end.
        ns.Run("sh", ["-c", "exec \"$0\" \"$@\" >/dev/null 2>&1 </dev/null", file, .. arguments, one.Name]).MustExit();
        try
        {
            one.Set("private-key", one.KeyFile, "listen-port", "51820");
            Assert.Equal("51820", Assert.Single(one.Show("listen-port")));
            Assert.True(one.Exists);
            // The name is taken: said, and no harm to who has it.
            var second = ns.Run(file, [.. arguments, "-f", one.Name]);
            Assert.NotEqual(0, second.ExitCode);
            Assert.Equal("51820", Assert.Single(one.Show("listen-port")));
        }
        finally
        {
            foreach (var id in Processes(ns))
                ProcessRun.Run("kill", ["-TERM", id]);
        }
        await Eventually.TrueAsync("its end", TimeSpan.FromSeconds(10), () => Processes(ns).Length == 0);
        Assert.False(File.Exists(one.Socket), "the socket is there");
        Assert.False(one.Exists, "the interface is there");
    }

    static string[] Processes(Netns ns) =>
        ProcessRun.Run("ip", ["netns", "pids", ns.FullName]).MustExit().Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    static async Task<WireGuardInterface> StartAsync(string program, NetnsTopology topology)
    {
        WireGuardInterface end = new(program, topology.Add("1"), topology.TempFolder());
        await end.StartAsync();
        return end;
    }

    static Task EndAsync(WireGuardInterface end)
    {
        end.Process.Signal("TERM");
        return end.MustEndAsync("SIGTERM");
    }

    static StringBuilder Interface(WireGuardInterface end) => new($"[Interface]\nPrivateKey = {File.ReadAllText(end.KeyFile)}");

    static string Peer(StringBuilder text, WireGuardInterface end)
    {
        var key = end.StrangersKey();
        text.Append(CultureInfo.InvariantCulture, $"[Peer]\nPublicKey = {key}\n");
        return key;
    }

    static string[] Prefixes(string line) => line.Split('\t')[1].Split(' ');
}
