using System.Text.Json;
using Mesh.Tests.E2E.Lab;
using Mesh.Tests.Kit;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E.Interop;

/// <summary>What the kernel takes over or leaves to the node changes how fast packets are carried, and nothing else.</summary>
public sealed class OffloadTests(ITestOutputHelper output)
{
    [RequiresRootTheory("ip", "ping", "iperf3")]
    [InlineData("none", 2)]
    [InlineData("none", 4)]
    [InlineData("tun-segmentation", 1)]
    [InlineData("tun-udp-segmentation", 1)]
    [InlineData("tun-coalescing", 1)]
    [InlineData("send-segmentation", 1)]
    [InlineData("receive-coalescing", 1)]
    [InlineData("multi-queue", 2)]
    [InlineData("all", 1)]
    public async Task Streams_and_pings_get_through_whatever_is_switched_off(string disabled, int queues)
    {
        await using var lab = new TunnelLab();
        string[] flags = ["--disable", disabled, "--queues", $"{queues}"];
        await lab.B.StartDaemonAsync(lab.A, null, "", flags);
        await lab.A.StartDaemonAsync(lab.B, lab.B.EndpointFor(v6: false), "", flags);
        Assert.True(lab.A.Ns.Ping(lab.B.Inside4, 10), "IPv4 through the tunnel");
        Assert.True(lab.B.Ns.Ping(lab.A.Inside6, 10), "IPv6 through the tunnel");

        var features = lab.A.Features();
        foreach (var (name, on) in features)
        {
            var wanted = disabled != "all" && name != disabled && (name != "multi-queue" || queues > 1)
                && !(disabled == "tun-segmentation" && name == "tun-udp-segmentation");
            Assert.True(on == wanted, $"{name} is {(on ? "on" : "off")} with {disabled} disabled and {queues} queues");
        }

        await using var server = lab.B.Ns.Start("iperf3", "-s", "-1", "--forceflush");
        await server.WaitForLineAsync("Server listening", TimeSpan.FromSeconds(10));
        var megabytes = Requirements.Full ? 500 : 20;
        var run = lab.A.Ns.Run("iperf3", "-c", lab.B.Inside4, "-n", $"{megabytes}M", "-P", "4", "-J").MustExit().Output;
        using var result = JsonDocument.Parse(run);
        var received = result.RootElement.GetProperty("end").GetProperty("sum_received");
        Assert.True(received.GetProperty("bytes").GetInt64() > 0);
        output.WriteLine($"{disabled}, {queues} queues: {received.GetProperty("bits_per_second").GetDouble() / 1e6:0} Mbit/s");
    }
}
