using System.Globalization;
using Mesh.Tests.E2E.Interop;
using Mesh.Tests.E2E.Lab;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E;

/// <summary>What goes in comes out: streams compared by SHA-256 at both ends, datagrams one by one.</summary>
public sealed class ContentTests(ITestOutputHelper output)
{
    [RequiresRootFact("ping")]
    public async Task StreamsArriveUnchangedBothWays()
    {
        await using TunnelLab lab = await JoinedAsync();
        await StreamsAsync(lab, "as it comes", Lengths.Of(500_000_000L, 10_000_000_000L));
    }

    [RequiresRootFact("ping")]
    public async Task DatagramsArriveWholeAloneAndOnceBothWays()
    {
        await using TunnelLab lab = await JoinedAsync();
        await DatagramsAsync(lab, "as it comes", Lengths.Of(200_000, 5_000_000));
    }

    [RequiresRootTheory("ping")]
    [InlineData("eth0")]
    [InlineData("tunnel")]
    [InlineData("both")]
    public async Task ContentIsTheSameOnLinksThatOffloadNothing(string links)
    {
        await using TunnelLab lab = await JoinedAsync();
        foreach (var end in new[] { lab.A, lab.B })
        {
            if (links != "tunnel")
                LinkOffloads.TurnOff(end.Ns, "eth0");
            if (links != "eth0")
                LinkOffloads.TurnOff(end.Ns, end.Interface);
        }
        await StreamsAsync(lab, $"{links} without offloads", Lengths.Of(50_000_000L, 1_000_000_000L));
        await DatagramsAsync(lab, $"{links} without offloads", Lengths.Of(20_000, 500_000));
    }

    async Task StreamsAsync(TunnelLab lab, string what, long bytes)
    {
        List<string> figures = [];
        var seed = 20261121UL;
        foreach (var v6 in new[] { false, true })
        {
            foreach (var (from, to) in new[] { (lab.A, lab.B), (lab.B, lab.A) })
            {
                var run = await ContentTransfer.TcpAsync(from.Ns, to.Ns, v6 ? to.Inside6 : to.Inside4, bytes, seed++);
                figures.Add(string.Create(CultureInfo.InvariantCulture, $"IPv{(v6 ? 6 : 4)} to {to.Ns.Name} {run.MegabitsPerSecond:0}"));
            }
        }
        output.Print("content", $"{what}, {bytes / 1_000_000} MB each over TCP, SHA-256 the same: {string.Join(", ", figures)} Mbit/s");
    }

    async Task DatagramsAsync(TunnelLab lab, string what, int count)
    {
        // The largest that fits an MTU of 1420 over IPv4; over IPv6 the kernel sends those above 1372 in fragments.
        const int Largest = 1392;
        List<string> figures = [];
        var seed = 20261122UL;
        foreach (var v6 in new[] { false, true })
        {
            foreach (var (from, to) in new[] { (lab.A, lab.B), (lab.B, lab.A) })
            {
                var run = await DatagramTransfer.RunAsync(from.Ns, to.Ns, v6 ? to.Inside6 : to.Inside4, count, Largest, seed++);
                // Loss is a network's right; but what is compared must have come.
                Assert.True(run.Received > count / 2, $"{run.Received} of {count} datagrams came");
                figures.Add(string.Create(CultureInfo.InvariantCulture,
                    $"IPv{(v6 ? 6 : 4)} to {to.Ns.Name} {run.Received} in {run.Elapsed.TotalSeconds:0.0} s"));
            }
        }
        output.Print("content", $"{what}, {count} datagrams of 1 to {Largest} bytes each, none changed: {string.Join(", ", figures)}");
    }

    static async Task<TunnelLab> JoinedAsync()
    {
        TunnelLab lab = new();
        try
        {
            await lab.A.StartDaemonAsync(lab.B, lab.B.EndpointFor(v6: false));
            await lab.B.StartDaemonAsync(lab.A, null);
            lab.A.Ns.MustPing(lab.B.Inside4, 2);
            return lab;
        }
        catch
        {
            await lab.DisposeAsync();
            throw;
        }
    }
}
