using System.Globalization;
using Mesh.Protocol.Enrollment;
using Mesh.Tests.E2E.Lab;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E;

/// <summary>A node that has nothing to do does nothing.</summary>
public sealed class IdleTests(ITestOutputHelper output)
{
    [RequiresRootFact("ip")]
    public Task An_idle_node_with_ten_peers_costs_little() => MeshLab.RunAsync("mei", output, ["ada"], async lab =>
    {
        var ada = lab["ada"];
        lab.Controller.SetPolicy(MeshLab.AllowAll);
        await ada.JoinAsync();
        var (machine, _) = lab.AddStranger();
        for (var i = 0; i < 10; i++)
        {
            using ApiNode peer = new(machine, $"peer{i}");
            Assert.True(CredentialString.TryParse(lab.Controller.CreateCredential(), out var credential));
            Assert.Null(await peer.EnrollAsync(credential));
        }
        await Eventually.TrueAsync("ten peers are known", TimeSpan.FromSeconds(10), async () => (await ada.StatusAsync()).Peers.Count == 10);
        await Task.Delay(Lengths.Seconds(3, 10));

        var process = ada.Daemon.Process;
        var (cpu, from) = (process.ProcessorTime, System.Diagnostics.Stopwatch.StartNew());
        await Task.Delay(Lengths.Seconds(10, 60));
        var used = process.ProcessorTime - cpu;
        var share = used / from.Elapsed;
        var resident = process.ResidentBytes;
        output.Print("idle", string.Create(CultureInfo.InvariantCulture,
            $"node with 10 peers over {from.Elapsed.TotalSeconds:0} s: RSS {resident / 1048576.0:0.0} MiB, CPU {used.TotalMilliseconds:0} ms = {share:0.00%} of a core ({Path.GetFileName(Path.GetDirectoryName(Programs.Mesh))})"));
        // Generous bounds that only something which spins or leaks exceeds.
        Assert.True(share < 0.02, $"{share:0.00%} of a core");
        Assert.True(resident < 200 << 20, $"{resident >> 20} MiB");
    });
}
