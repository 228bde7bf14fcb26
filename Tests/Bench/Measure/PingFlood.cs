using System.Globalization;
using System.Text.RegularExpressions;

namespace Mesh.Bench.Measure;

/// <summary>Round trips of a fast series of pings, in microseconds.</summary>
sealed partial record PingFlood(int Sent, int Received, double Average, double Median, double P99)
{
    /// <summary>Sends pings at an interval of 2 ms and gives the distribution of the answers.</summary>
    public static async Task<PingFlood> RunAsync(Netns ns, string target, int count, CancellationToken cancel)
    {
        await using var ping = ns.Start("ping", "-n", "-i", "0.002", "-c", $"{count}", "-W", "2", target);
        await ping.WaitForExitAsync(TimeSpan.FromSeconds(10 + count * 0.02)).WaitAsync(cancel);
        return Parse(ping.Output, count);
    }

    /// <summary>Reads what ping printed.</summary>
    public static PingFlood Parse(string output, int count)
    {
        var times = RoundTrip().Matches(output).Select(m => double.Parse(m.Groups["ms"].Value, CultureInfo.InvariantCulture) * 1000).Order().ToArray();
        if (times.Length == 0)
            throw new BenchFailureException(ExitCodes.Failed, $"no ping was answered: {output}");
        return new PingFlood(count, times.Length, times.Average(), times[times.Length / 2], times[Math.Min(times.Length - 1, (int)(times.Length * 0.99))]);
    }

    [GeneratedRegex(@"time=(?<ms>[\d.]+) ms")]
    private static partial Regex RoundTrip();
}
