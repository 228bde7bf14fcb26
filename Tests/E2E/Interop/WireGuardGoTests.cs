using System.Globalization;
using System.Text.Json;
using Mesh.Tests.E2E.Lab;
using Mesh.Tests.Kit;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E.Interop;

/// <summary>Our tunnel against Debian's wireguard-go, in two namespaces.</summary>
public sealed class WireGuardGoTests(ITestOutputHelper output)
{
    [RequiresRootTheory("wireguard-go", "wg", "ping")]
    [InlineData(false, false, true)]
    [InlineData(false, true, false)]
    [InlineData(true, true, true)]
    [InlineData(true, false, false)]
    public async Task PingsPassInsideOverEitherFamily(bool outsideV6, bool psk, bool weBegin)
    {
        await using TunnelLab lab = new();
        if (psk)
            lab.UsePresharedKey();
        await lab.A.StartDaemonAsync(lab.B, weBegin ? lab.B.EndpointFor(outsideV6) : null);
        await lab.B.StartWireGuardGoAsync(lab.A, weBegin ? null : lab.A.EndpointFor(outsideV6));
        var (from, to) = weBegin ? (lab.A, lab.B) : (lab.B, lab.A);
        from.Ns.MustPing(to.Inside4, 5);
        from.Ns.MustPing(to.Inside6, 5);
        to.Ns.MustPing(from.Inside4, 5);
        to.Ns.MustPing(from.Inside6, 5);
        foreach (var size in new[] { 0, 1, 15, 16, 17, 1392 })
            from.Ns.Run("ping", "-n", "-q", "-c", "1", "-W", "2", "-M", "do", "-s", size.ToString(CultureInfo.InvariantCulture), to.Inside4).MustExit();
    }

    [RequiresRootFact("wireguard-go", "wg", "ping", "iperf3")]
    public async Task TcpPassesBothWaysAndUdpToo()
    {
        var bytes = Requirements.Full ? "1G" : "100M";
        await using TunnelLab lab = new();
        await lab.A.StartDaemonAsync(lab.B, lab.B.EndpointFor(v6: false));
        await lab.B.StartWireGuardGoAsync(lab.A, null);
        lab.A.Ns.MustPing(lab.B.Inside4, 2);
        output.Print("interop", $"TCP {bytes} ours -> wireguard-go {Iperf(lab.A, lab.B, "-n", bytes):0} Mbit/s");
        output.Print("interop", $"TCP {bytes} wireguard-go -> ours {Iperf(lab.A, lab.B, "-R", "-n", bytes):0} Mbit/s");
        output.Print("interop", $"UDP ours -> wireguard-go {Iperf(lab.A, lab.B, "-u", "-b", "100M", "-t", "2", "-l", "1300"):0} Mbit/s");
        output.WriteLine(lab.A.Status());
    }

    [RequiresRootFact("wireguard-go", "wg", "ping")]
    public async Task ThePeersAddressMayChangeOnBothSides()
    {
        await using TunnelLab lab = new();
        await lab.A.StartDaemonAsync(lab.B, lab.B.EndpointFor(v6: false));
        await lab.B.StartWireGuardGoAsync(lab.A, null);
        lab.A.Ns.MustPing(lab.B.Inside4, 2);

        // We move: wireguard-go follows our next packet.
        Move(lab.A, "192.0.2.101/24");
        lab.A.Ns.MustPing(lab.B.Inside4, 3);

        // It moves: we follow its next packet.
        Move(lab.B, "192.0.2.102/24");
        // wireguard-go holds on to the address it was reached on, even when that is gone; opening its port anew makes it let go.
        lab.B.Ns.Run("wg", "set", lab.B.Interface, "listen-port", "51821").MustExit();
        lab.B.Ns.MustPing(lab.A.Inside4, 3);
        Assert.Contains("192.0.2.102:51821", lab.A.Status());
    }

    [RequiresRootFact("wireguard-go", "wg", "ping", "iperf3")]
    public async Task ThroughputNextToWireGuardGo()
    {
        var (ours, theirs) = (0d, 0d);
        var seconds = Lengths.Of("3", "8");
        await using (TunnelLab lab = new())
        {
            await lab.A.StartWireGuardGoAsync(lab.B, lab.B.EndpointFor(v6: false));
            await lab.B.StartWireGuardGoAsync(lab.A, null);
            lab.A.Ns.MustPing(lab.B.Inside4, 2);
            Iperf(lab.A, lab.B, "-t", "2");
            theirs = Iperf(lab.A, lab.B, "-t", seconds);
        }

        await using (TunnelLab lab = new())
        {
            await lab.A.StartDaemonAsync(lab.B, lab.B.EndpointFor(v6: false));
            await lab.B.StartDaemonAsync(lab.A, null);
            lab.A.Ns.MustPing(lab.B.Inside4, 2);
            Iperf(lab.A, lab.B, "-t", "2");
            ours = Iperf(lab.A, lab.B, "-t", seconds);
            output.WriteLine(lab.A.Status());
            output.WriteLine(lab.B.Status());
        }

        output.Print("interop", $"TCP ours to ours {ours:0} Mbit/s, wireguard-go to wireguard-go {theirs:0} Mbit/s, ratio {ours / theirs:0.00}");
        Assert.True(ours > 0.5 * theirs, $"ours {ours:0} Mbit/s, wireguard-go {theirs:0} Mbit/s");
    }

    static void Move(TunnelLab.End end, string address)
    {
        end.Ns.Ip("address", "flush", "dev", "eth0", "scope", "global");
        end.Ns.Ip("address", "add", address, "dev", "eth0");
    }

    static double Iperf(TunnelLab.End client, TunnelLab.End server, params string[] arguments)
    {
        var listener = server.Ns.Start("iperf3", "-s", "-1", "-B", server.Inside4, "--forceflush");
        listener.WaitForLineAsync("Server listening", TimeSpan.FromSeconds(5)).GetAwaiter().GetResult();
        var result = client.Ns.Run(TimeSpan.FromSeconds(180), "iperf3", ["-J", "-c", server.Inside4, .. arguments]).MustExit();
        using var json = JsonDocument.Parse(result.Output);
        var end = json.RootElement.GetProperty("end");
        var sum = end.TryGetProperty("sum_received", out var received) ? received : end.GetProperty("sum");
        return sum.GetProperty("bits_per_second").GetDouble() / 1e6;
    }
}
