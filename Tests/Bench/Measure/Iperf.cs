using System.Text.Json;

namespace Mesh.Bench.Measure;

/// <summary>What one iperf3 run of TCP moved.</summary>
/// <param name="GigabitsPerSecond">Received, after the warm-up.</param>
/// <param name="Bytes">Payload of the whole run, warm-up included: what processor time of the whole run is divided by.</param>
/// <param name="Retransmits">Of the sender, after the warm-up.</param>
sealed record TcpRun(double GigabitsPerSecond, double Bytes, double Retransmits);

/// <summary>What one iperf3 run of UDP moved.</summary>
sealed record UdpRun(double Sent, double Received, double Seconds)
{
    public double LossPercent => Sent > 0 ? 100 * (Sent - Received) / Sent : 0;
}

/// <summary>Runs iperf3 between two namespaces.</summary>
static class Iperf
{
    public const int Port = 5201;

    /// <summary>Starts a server; the topology ends it.</summary>
    public static async Task<RunningProcess> ServeAsync(Netns ns, CancellationToken cancel, int port = Port)
    {
        var server = ns.Start("iperf3", "-s", "-p", $"{port}", "--forceflush");
        await server.WaitForLineAsync("Server listening", TimeSpan.FromSeconds(5)).WaitAsync(cancel);
        return server;
    }

    /// <summary>Runs TCP for a time after a warm-up that is left out of the throughput.</summary>
    /// <param name="ns">Where the client is.</param>
    /// <param name="target">The server's address.</param>
    /// <param name="congestion">Congestion control of both ends' kernel, set for this connection only.</param>
    /// <param name="seconds">Measured time.</param>
    /// <param name="warmUp">Time before it, whole seconds.</param>
    /// <param name="cancel">Ends the wait; the topology ends the program.</param>
    /// <param name="more">More arguments of iperf3.</param>
    public static async Task<TcpRun> TcpAsync(Netns ns, string target, string congestion, int seconds, int warmUp, CancellationToken cancel, params string[] more)
    {
        using var report = await RunAsync(ns, target, seconds + warmUp, ["-C", congestion, "-t", $"{seconds}", "-O", $"{warmUp}", .. more], cancel);
        var root = report.RootElement;
        var end = root.GetProperty("end");
        var bytes = root.GetProperty("intervals").EnumerateArray().Sum(i => i.GetProperty("sum").GetProperty("bytes").GetDouble());
        var sent = end.GetProperty("sum_sent");
        return new TcpRun(end.GetProperty("sum_received").GetProperty("bits_per_second").GetDouble() / 1e9, bytes,
            sent.TryGetProperty("retransmits", out var retransmits) ? retransmits.GetDouble() : 0);
    }

    /// <summary>Sends UDP as fast as it goes.</summary>
    /// <param name="ns">Where the sender is.</param>
    /// <param name="target">The receiver's address.</param>
    /// <param name="size">Payload bytes of a datagram.</param>
    /// <param name="seconds">For how long.</param>
    /// <param name="cancel">Ends the wait; the topology ends the program.</param>
    public static async Task<UdpRun> UdpAsync(Netns ns, string target, int size, int seconds, CancellationToken cancel)
    {
        using var report = await RunAsync(ns, target, seconds, ["-u", "-b", "0", "-l", $"{size}", "-t", $"{seconds}"], cancel);
        var sum = report.RootElement.GetProperty("end").GetProperty("sum");
        var packets = sum.GetProperty("packets").GetDouble();
        return new UdpRun(packets, packets - sum.GetProperty("lost_packets").GetDouble(), sum.GetProperty("seconds").GetDouble());
    }

    /// <summary>Starts one TCP stream that lasts until <see cref="StopBulkAsync"/>, an hour at most.</summary>
    public static RunningProcess StartBulk(Netns ns, string target, string congestion) =>
        ns.Start("iperf3", "-c", target, "-p", $"{Port}", "-J", "-C", congestion, "-t", "3600");

    /// <summary>Stops the stream and gives its throughput in Gbit/s; null when it had ended by itself, or never begun.</summary>
    public static async Task<double?> StopBulkAsync(RunningProcess client)
    {
        if (client.HasExited)
            return null;
        client.Signal("INT");
        await client.WaitForExitAsync(TimeSpan.FromSeconds(10));
        using var report = JsonDocument.Parse(client.Output);
        var sums = report.RootElement.GetProperty("intervals").EnumerateArray().Select(i => i.GetProperty("sum")).ToArray();
        var seconds = sums.Sum(s => s.GetProperty("seconds").GetDouble());
        return seconds > 0 ? sums.Sum(s => s.GetProperty("bytes").GetDouble()) * 8 / 1e9 / seconds : null;
    }

    static async Task<JsonDocument> RunAsync(Netns ns, string target, int seconds, string[] arguments, CancellationToken cancel)
    {
        var patience = TimeSpan.FromSeconds(seconds + 30);
        // The server may still be busy with the end of the run before, or turn away whoever comes in that moment; the client says so at once.
        for (var attempt = 0; ; attempt++)
        {
            await using var client = ns.Start("iperf3", ["-c", target, "-p", $"{Port}", "-J", .. arguments]);
            await client.WaitForExitAsync(patience).WaitAsync(cancel);
            var report = JsonDocument.Parse(client.Output);
            if (!report.RootElement.TryGetProperty("error", out var error))
                return report;
            var why = error.GetString()!;
            report.Dispose();
            if (attempt == 10 || !(why.Contains("busy", StringComparison.Ordinal) || why.StartsWith("unable to connect", StringComparison.Ordinal)))
                throw new BenchFailureException(ExitCodes.Failed, $"iperf3 {string.Join(' ', arguments)}: {why}");
            await Task.Delay(500, cancel);
        }
    }
}
