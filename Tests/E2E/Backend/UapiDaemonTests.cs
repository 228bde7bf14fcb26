using System.Text.Json;
using Mesh.Tests.E2E.Lab;
using Mesh.Tests.Kit;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E.Backend;

/// <summary>The daemon with another WireGuard under it: joined by a controller, and with peers written by hand.</summary>
public sealed class UapiDaemonTests(ITestOutputHelper output)
{
    [RequiresRootFact("ping", "nft", "wg", "wireguard-go")]
    public Task AMachineJoinsWithAnotherWireGuardUnderIt() => MeshLab.RunAsync("mbd", output, ["ada"], async lab =>
    {
        lab.Controller.SetPolicy(MeshLab.AllowAll);
        var (ada, ben) = (lab["ada"], lab.AddNode("ben"));
        // Sockets of WireGuard programs lie in one folder of the machine; ben stands for a machine of its own.
        var sockets = Directory.CreateDirectory(Path.Combine(lab.Folder, "sockets")).FullName;
        await using var device = Alone(ben.Ns, sockets, "wireguard-go", "-f", "mesh0");
        await Eventually.TrueAsync("wireguard-go to listen", TimeSpan.FromSeconds(10), () => File.Exists(Path.Combine(sockets, "mesh0.sock")));
        await using var daemon = Alone(ben.Ns, sockets, Programs.Mesh, [.. ben.DaemonArguments, "--backend", "uapi"]);
        await Eventually.TrueAsync("the daemon to answer", TimeSpan.FromSeconds(20), () => UnixHttp.Listens(ben.Socket));
        await ada.JoinAsync();
        await ben.JoinAsync();

        await Eventually.TrueAsync("ada to reach ben", TimeSpan.FromSeconds(15), () => ada.Ns.Ping(ben.V4, 1, 1));
        ben.Ns.MustPing(ada.V6, 2);
        Assert.Matches(@"^pong from ada ", ben.Mesh("ping", "ada", "-c", "1").MustExit().Output);
        Assert.Contains(
            "# Tunnel backend: uapi (no packet filter in its path: nftables on its interface stands in; no drop counters; no packet counters; "
            + "tries endpoints one after the other; no cipher suite but WireGuard's own; no path probes; sessions end where a key is rotated and are agreed anew)\n",
            ben.Mesh("status").MustExit().Output, StringComparison.Ordinal);
        Assert.DoesNotContain("# Tunnel backend", ada.Mesh("status").MustExit().Output, StringComparison.Ordinal);
        var tunnel = JsonDocument.Parse(ben.Mesh("status", "--json").MustExit().Output).RootElement.GetProperty("Tunnel");
        Assert.Equal("uapi", tunnel.GetProperty("Backend").GetString());
        Assert.Equal(["SystemPacketFilter"], tunnel.GetProperty("Capabilities").EnumerateArray().Select(e => e.GetString()!));
        // Counters may be half a second old, as old as the first packet may be.
        // By either of her addresses: whichever her first packet came from.
        await Eventually.MatchesAsync(
            TimeSpan.FromSeconds(5),
            @"(?m)^ada +(10\.98\.1\.11|\[fd98:1::b\]):51820 +chacha20-poly1305 +\d+s ago +[1-9]\d* +[1-9]\d* +- +-$",
            () => ben.Mesh("debug", "device").MustExit().Output);

        // Its key is rotated too, and a peer's; sessions are agreed anew.
        foreach (var node in new[] { ben, ada })
        {
            var rotated = node.Mesh("rotate-keys").MustExit().Output;
            Assert.EndsWith(node == ben ? "this backend agrees sessions anew\n" : "sessions go on\n", rotated, StringComparison.Ordinal);
            var key = rotated.Split(' ', ':')[3];
            Assert.Equal(key, (await node.StatusAsync()).Self!.PublicKey);
            await Eventually.TrueAsync("wg to show the key", TimeSpan.FromSeconds(5), () => Wg(node == ben ? "public-key" : "peers") == key);
            await Eventually.TrueAsync("ada to reach ben again", TimeSpan.FromSeconds(15), () => ada.Ns.Ping(ben.V4, 1, 1));
        }

        // A policy that is taken away holds there too.
        lab.Controller.SetPolicy("version: 1\nallow: []\n");
        await Eventually.TrueAsync("ben to be closed to ada", TimeSpan.FromSeconds(10), () => !ben.Ns.Ping(ada.V4, 1, 1));

        daemon.Signal("TERM");
        Assert.Equal(0, await daemon.WaitForExitAsync(TimeSpan.FromSeconds(15)));
        Assert.Equal("", ben.Ns.Run("nft", "list", "tables").MustExit().Output);
        Assert.DoesNotContain(ben.V4, ben.Ns.Ip("address").Output, StringComparison.Ordinal);
        Assert.False(device.HasExited);

        string Wg(string what) => ben.Ns.Run("sh", AloneWith(sockets, "wg", "show", "mesh0", what)).MustExit().Output.Trim();
    });

    [RequiresRootFact("nft", "wireguard-go")]
    public async Task ANodeWithPeersWrittenByHandRunsOnAnotherWireGuardToo()
    {
        await using BackendLab lab = new();
        var folder = lab.Folder;
        File.WriteAllText(Path.Combine(folder, "mesh.hocon"), $$"""
            mesh {
              backend = uapi, interface = mesh0, private-key-file = "{{lab.A.KeyFile}}", addresses = ["10.7.0.1/24"]
              peers.b { public-key = "{{lab.B.PublicKey}}", endpoint = "{{lab.B.Endpoint}}", allowed-ips = ["10.7.0.2/32"] }
            }
            """);
        var sockets = Directory.CreateDirectory(Path.Combine(folder, "sockets")).FullName;
        string[] files = ["--state-dir", Path.Combine(folder, "state"), "--socket", Path.Combine(folder, "s"), "--key-dir", Path.Combine(folder, "keys"), "--hosts-file", "none"];
        string[] arguments = ["daemon", "--config", Path.Combine(folder, "mesh.hocon"), .. files];
        await using (var refused = Alone(lab.A.Ns, sockets, Programs.Mesh, arguments))
        {
            Assert.Equal(1, await refused.WaitForExitAsync(TimeSpan.FromSeconds(20)));
            Assert.Contains("start one, e.g. wireguard-go mesh0", refused.Output, StringComparison.Ordinal);
        }

        await lab.B.StartAsync(new BackendLab.PeerSetting(lab.A));
        await using var device = Alone(lab.A.Ns, sockets, "wireguard-go", "-f", "mesh0");
        await Eventually.TrueAsync("wireguard-go to listen", TimeSpan.FromSeconds(10), () => File.Exists(Path.Combine(sockets, "mesh0.sock")));
        await using var daemon = Alone(lab.A.Ns, sockets, Programs.Mesh, arguments);
        await Eventually.TrueAsync("the tunnel to work", TimeSpan.FromSeconds(20), () => lab.A.Ns.Ping(lab.B.Inside4, 1, 1));
        var status = lab.A.Ns.Run(Programs.Mesh, "status", "--socket", Path.Combine(folder, "s")).MustExit().Output;
        Assert.Contains("# Tunnel backend: uapi", status, StringComparison.Ordinal);
        Assert.Contains($"active; direct {lab.B.Endpoint}", status, StringComparison.Ordinal);
    }

    // What is mounted here is seen by this process alone: ip netns exec gives each its own mounts.
    static RunningProcess Alone(Netns ns, string sockets, string program, params string[] arguments) =>
        ns.Start("sh", AloneWith(sockets, program, arguments));

    static string[] AloneWith(string sockets, string program, params string[] arguments) =>
        ["-c", "mkdir -p /var/run/wireguard && mount --bind \"$0\" /var/run/wireguard && exec \"$@\"", sockets, program, .. arguments];
}
