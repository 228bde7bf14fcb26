using Mesh.Tests.Kit;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E.Interop;

/// <summary>Two tunnels of ours, in two namespaces: life of the device, changes while running, cost of doing nothing.</summary>
public sealed class TunnelTests(ITestOutputHelper output)
{
    [RequiresRootFact("ping")]
    public async Task ADeletedInterfaceComesBackAndItsSessionsGoOn()
    {
        await using var lab = await JoinedAsync();
        lab.A.Ns.Ip("link", "del", lab.A.Interface);
        await WaitUntilAsync(() => lab.A.Ns.Ping(lab.B.Inside4), lab);
        Assert.Contains("restarts 1", await lab.A.CountersAsync());
        lab.A.Ns.MustPing(lab.B.Inside6, 2);
        lab.B.Ns.MustPing(lab.A.Inside4, 2);
    }

    [RequiresRootFact("ping")]
    public async Task APeerTakenAwayIsCutAndOneGivenBackIsReachedAgain()
    {
        await using var lab = await JoinedAsync();
        await lab.B.ApplyAsync(lab.A, null, without: true);
        Assert.False(lab.A.Ns.Ping(lab.B.Inside4, 1, 1));
        Assert.DoesNotContain(lab.A.Inside4 + " dev", lab.B.Ns.Ip("route").Output);
        await lab.B.ApplyAsync(lab.A, lab.A.EndpointFor(v6: true));
        lab.B.Ns.MustPing(lab.A.Inside4, 2);
        Assert.Contains("endpoint [2001:db8::2]:51820", await lab.A.CountersAsync());
    }

    [RequiresRootFact("ping")]
    public async Task StoppingLeavesNothingAndEndsCleanly()
    {
        await using var lab = await JoinedAsync();
        lab.A.Process.Signal("TERM");
        Assert.Equal(0, await lab.A.Process.WaitForExitAsync(TimeSpan.FromSeconds(10)));
        Assert.DoesNotContain(lab.A.Interface, lab.A.Ns.Ip("link").Output);
        Assert.DoesNotContain("10.7.0", lab.A.Ns.Ip("route").Output);
        await lab.A.StartOursAsync(lab.B, lab.B.EndpointFor(v6: false));
        lab.A.Ns.MustPing(lab.B.Inside4, 2);
    }

    [RequiresRootFact("ping")]
    public async Task AnIdleTunnelCostsNextToNothing()
    {
        await using var lab = await JoinedAsync();
        var span = Requirements.Full ? TimeSpan.FromSeconds(60) : TimeSpan.FromSeconds(3);
        await Task.Delay(TimeSpan.FromSeconds(1));
        var before = lab.A.Process.ProcessorTime;
        await Task.Delay(span);
        var used = lab.A.Process.ProcessorTime - before;
        output.WriteLine($"{used.TotalMilliseconds:0} ms in {span.TotalSeconds} s, {lab.A.Process.ResidentBytes >> 20} MiB resident");
        Assert.True(used < span * 0.05, $"{used.TotalMilliseconds} ms");
    }

    static async Task<TunnelLab> JoinedAsync()
    {
        TunnelLab lab = new();
        try
        {
            await lab.A.StartOursAsync(lab.B, lab.B.EndpointFor(v6: false));
            await lab.B.StartOursAsync(lab.A, null);
            lab.A.Ns.MustPing(lab.B.Inside4, 2);
            return lab;
        }
        catch
        {
            await lab.DisposeAsync();
            throw;
        }
    }

    static async Task WaitUntilAsync(Func<bool> condition, TunnelLab lab)
    {
        for (var i = 0; !condition(); i++)
        {
            if (i == 20)
                throw new TimeoutException(await lab.A.CountersAsync());
            await Task.Delay(100);
        }
    }
}
