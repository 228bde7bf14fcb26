using System.Text.Json;
using Mesh.Tests.E2E.Lab;

namespace Mesh.Tests.E2E.Interop;

/// <summary>What one run of iperf3 moved.</summary>
/// <param name="MegabitsPerSecond">As the receiver counted.</param>
/// <param name="Received">Bytes that arrived.</param>
/// <param name="LostPercent">Of datagrams; 0 for TCP.</param>
readonly record struct IperfRun(double MegabitsPerSecond, long Received, double LostPercent)
{
    /// <summary>Runs a server once, bound to an address, and a client against it; fails unless both succeed.</summary>
    public static async Task<IperfRun> BetweenAsync(Netns client, Netns server, string serverAddress, params string[] arguments)
    {
        var listener = server.Start("iperf3", "-s", "-1", "-B", serverAddress, "--forceflush");
        await listener.WaitForLineAsync("Server listening", TimeSpan.FromSeconds(5));
        var result = client.Run(Lengths.Seconds(60, 600), "iperf3", ["-J", "-c", serverAddress, .. arguments]);
        if (result.ExitCode != 0)
            throw new InvalidOperationException($"{result}\nserver:\n{listener.Output}");
        Assert.Equal(0, await listener.WaitForExitAsync(TimeSpan.FromSeconds(10)));
        using var json = JsonDocument.Parse(result.Output);
        var end = json.RootElement.GetProperty("end");
        var received = end.GetProperty("sum_received");
        // Of a UDP run the share that was lost is in the sum of both ends.
        var lost = end.TryGetProperty("sum", out var both) ? both.GetProperty("lost_percent").GetDouble() : 0;
        return new IperfRun(received.GetProperty("bits_per_second").GetDouble() / 1e6, received.GetProperty("bytes").GetInt64(), lost);
    }
}
