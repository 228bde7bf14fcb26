using System.Globalization;
using System.Text.RegularExpressions;

namespace Mesh.Tests.E2E.Lab;

/// <summary>Is a TCP stream between two machines that goes on until it is stopped, as its receiver sees it every tenth of a second.</summary>
sealed partial class StreamRun : IAsyncDisposable
{
    const double Interval = 0.1;

    readonly RunningProcess _sender;
    readonly RunningProcess _receiver;

    StreamRun(RunningProcess sender, RunningProcess receiver) => (_sender, _receiver) = (sender, receiver);

    /// <summary>Starts it at a rate, in megabits a second, that leaves the machine room for everything else.</summary>
    public static async Task<StreamRun> StartAsync(LabNode from, LabNode to, int megabits)
    {
        var interval = Interval.ToString(CultureInfo.InvariantCulture);
        var receiver = to.Ns.Start("iperf3", "-s", "-1", "-B", to.V4, "-i", interval, "--forceflush");
        await receiver.WaitForLineAsync("Server listening", TimeSpan.FromSeconds(5));
        var sender = from.Ns.Start("iperf3", "-c", to.V4, "-b", $"{megabits}M", "-t", "36000", "-i", "1", "--forceflush");
        var run = new StreamRun(sender, receiver);
        await Eventually.TrueAsync("the stream runs", TimeSpan.FromSeconds(10), () => run.Arrived.Count > 5);
        return run;
    }

    /// <summary>
    /// Stops it as Ctrl-C does. Gives how many megabytes arrived, the longest time without any, and how many segments had to be sent again; fails
    /// where it ended by itself.
    /// </summary>
    public async Task<(double Megabytes, TimeSpan Silence, int Again)> StopAsync()
    {
        Assert.False(_sender.HasExited || _receiver.HasExited, $"the stream ended\n{_sender.Output}\n{_receiver.Output}");
        _sender.Signal("INT");
        await _sender.WaitForExitAsync(TimeSpan.FromSeconds(10));
        await _receiver.WaitForExitAsync(TimeSpan.FromSeconds(10));
        var (silent, longest) = (0, 0);
        // The last interval is cut short.
        foreach (var bytes in Arrived.SkipLast(1))
        {
            silent = bytes == 0 ? silent + 1 : 0;
            longest = Math.Max(longest, silent);
        }
        var again = SentLine().Matches(_sender.Output).Sum(match => int.Parse(match.Groups["again"].Value, CultureInfo.InvariantCulture));
        return (Arrived.Sum() / 1e6, TimeSpan.FromSeconds(longest * Interval), again);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _sender.DisposeAsync();
        await _receiver.DisposeAsync();
    }

    List<double> Arrived => [.. ArrivedLine().Matches(_receiver.Output)
        .Where(match => double.Parse(match.Groups["to"].Value, CultureInfo.InvariantCulture) - double.Parse(match.Groups["from"].Value, CultureInfo.InvariantCulture) < 2 * Interval)
        .Select(match => double.Parse(match.Groups["amount"].Value, CultureInfo.InvariantCulture) * (match.Groups["unit"].Value switch
        {
            "K" => 1 << 10,
            "M" => 1 << 20,
            "G" => 1 << 30,
            _ => 1,
        }))];

    [GeneratedRegex(@"^\[ *\d+\] +(?<from>[\d.]+)-(?<to>[\d.]+) +sec +(?<amount>[\d.]+) (?<unit>[KMG]?)Bytes +[\d.]+ [KMG]?bits/sec *$", RegexOptions.Multiline)]
    private static partial Regex ArrivedLine();

    [GeneratedRegex(@"^\[ *\d+\] +[\d.]+-[\d.]+ +sec +[\d.]+ [KMG]?Bytes +[\d.]+ [KMG]?bits/sec +(?<again>\d+) +[\d.]+ [KMG]?Bytes", RegexOptions.Multiline)]
    private static partial Regex SentLine();
}
