using System.Globalization;
using Mesh.Tests.E2E.Interop;
using Mesh.Tests.E2E.Lab;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E;

/// <summary>
/// A tunnel with an MTU of 1420 over a path that carries less, behind a router that says so: nothing is lost but what it takes to learn it.
/// a does not see how narrow the path is; b does, on its own link.
/// </summary>
public sealed class NarrowPathTests(ITestOutputHelper output)
{
    const string Mesh = WireGuardInterface.Mesh, WireGuardGo = WireGuardInterface.WireGuardGo;

    /// <summary>Gets who runs on a, who on b, the narrow link's MTU, and whether the outside is IPv6.</summary>
    public static TheoryData<string, string, int, bool> Paths
    {
        get
        {
            TheoryData<string, string, int, bool> paths = [];
            foreach (var (a, b) in new[] { (Mesh, Mesh), (Mesh, WireGuardGo), (WireGuardGo, Mesh) })
            {
                foreach (var mtu in new[] { 1280, 1400 })
                {
                    paths.Add(a, b, mtu, false);
                    paths.Add(a, b, mtu, true);
                }
            }
            return paths;
        }
    }

    [RequiresRootTheory("wireguard-go", "wg", "ping")]
    [MemberData(nameof(Paths))]
    public async Task NothingFallsIntoABlackHole(string a, string b, int mtu, bool outsideV6)
    {
        await using TunnelLab lab = await JoinedAsync(a, b, mtu, outsideV6);
        List<string> figures = [];
        foreach (var (from, to, sender) in new[] { (lab.A, lab.B, a), (lab.B, lab.A, b) })
        {
            foreach (var v6 in new[] { false, true })
            {
                // wireguard-go hands the kernel several datagrams at once, which it refuses where each is larger than the path: a stream stalls.
                if (sender == WireGuardGo)
                    continue;
                var address = v6 ? to.Inside6 : to.Inside4;
                figures.Add($"ping -s 1300 to {address}: {LargePings(from, address)} of 10");
                var run = await ContentTransfer.TcpAsync(from.Ns, to.Ns, address, Lengths.Of(20_000_000L, 200_000_000L), 20261123);
                figures.Add(string.Create(CultureInfo.InvariantCulture, $"TCP to {address} {run.MegabitsPerSecond:0} Mbit/s"));
            }
        }
        output.Print("narrow path", $"{a} and {b}, outside IPv{(outsideV6 ? 6 : 4)}, {mtu} bytes: {string.Join(", ", figures)}");
    }

    static int LargePings(TunnelLab.End from, string address)
    {
        var result = from.Ns.Run("ping", "-n", "-i", "0.1", "-c", "10", "-W", "2", "-s", "1300", address);
        var answers = result.Output.Split('\n').Count(line => line.Contains("1308 bytes from", StringComparison.Ordinal));
        Assert.True(answers >= 7, result.ToString());
        return answers;
    }

    static async Task<TunnelLab> JoinedAsync(string a, string b, int mtu, bool outsideV6)
    {
        TunnelLab lab = new(mtu);
        try
        {
            await StartAsync(a, lab.A, lab.B, lab.B.EndpointFor(outsideV6));
            await StartAsync(b, lab.B, lab.A, lab.A.EndpointFor(outsideV6));
            lab.A.Ns.MustPing(lab.B.Inside4, 2);
            return lab;
        }
        catch
        {
            await lab.DisposeAsync();
            throw;
        }
    }

    static Task StartAsync(string program, TunnelLab.End end, TunnelLab.End other, string to) =>
        program == Mesh ? end.StartDaemonAsync(other, to) : end.StartWireGuardGoAsync(other, to);
}
