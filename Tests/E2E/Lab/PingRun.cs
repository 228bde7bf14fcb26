using System.Globalization;
using System.Text.RegularExpressions;

namespace Mesh.Tests.E2E.Lab;

/// <summary>Is one answer to a ping.</summary>
/// <param name="Sequence">Its number, from 1.</param>
/// <param name="At">When it came.</param>
/// <param name="Milliseconds">The round trip.</param>
readonly record struct Pong(int Sequence, DateTimeOffset At, double Milliseconds);

/// <summary>Is a running <c>ping</c> whose answers are counted and timed.</summary>
sealed partial class PingRun : IAsyncDisposable
{
    readonly RunningProcess _process;
    readonly string _command;

    PingRun(RunningProcess process, string command) => (_process, _command) = (process, command);

    /// <summary>Gets everything that it printed.</summary>
    public string Output => _process.Output;

    /// <summary>Gets the answers so far.</summary>
    public IReadOnlyList<Pong> Pongs =>
    [
        .. AnswerLine().Matches(_process.Output).Select(match => new Pong(
            int.Parse(match.Groups["seq"].Value, CultureInfo.InvariantCulture),
            DateTimeOffset.UnixEpoch.AddSeconds(double.Parse(match.Groups["at"].Value, CultureInfo.InvariantCulture)),
            double.Parse(match.Groups["ms"].Value, CultureInfo.InvariantCulture))),
    ];

    /// <summary>Starts it; the answers carry the time at which they came.</summary>
    public static PingRun Start(Netns ns, string target, double interval, params string[] more)
    {
        string[] arguments = ["-n", "-D", "-i", interval.ToString(CultureInfo.InvariantCulture), .. more, target];
        return new PingRun(ns.Start("ping", arguments), $"ping {string.Join(' ', arguments)} on {ns.Name}");
    }

    /// <summary>Waits for the first answer that came after a moment and gives how long after it.</summary>
    public async Task<TimeSpan> AnsweredAfterAsync(DateTimeOffset moment, double seconds)
    {
        await Eventually.TrueAsync($"{_command} is answered", TimeSpan.FromSeconds(seconds), () => Pongs.Any(pong => pong.At > moment));
        return Pongs.First(pong => pong.At > moment).At - moment;
    }

    /// <summary>Stops it as Ctrl-C does and gives how many it sent and how many came back.</summary>
    public async Task<(int Sent, int Received)> StopAsync()
    {
        if (!_process.HasExited)
            _process.Signal("INT");
        await _process.WaitForExitAsync(TimeSpan.FromSeconds(10));
        // The reader of the output may be a moment behind the end of the process.
        await _process.WaitForLineAsync("packets transmitted", TimeSpan.FromSeconds(5));
        var summary = SummaryLine().Match(_process.Output);
        return (int.Parse(summary.Groups["sent"].Value, CultureInfo.InvariantCulture), int.Parse(summary.Groups["received"].Value, CultureInfo.InvariantCulture));
    }

    /// <summary>Stops it and gives how many it sent and which of them, but for one still under way, were not answered.</summary>
    public async Task<(int Sent, IReadOnlyList<string> Lost)> StopAndFindLostAsync()
    {
        var (sent, _) = await StopAsync();
        return (sent, [.. Missing(sent - 1).Select(number => $"{_command}: {number}")]);
    }

    /// <summary>Stops it and fails unless every ping but one still under way was answered.</summary>
    public async Task<int> StopWithoutLossAsync()
    {
        var (sent, received) = await StopAsync();
        Assert.True(sent > 0 && received >= sent - 1 && !Missing(sent - 1).Any(),
            $"{_command}: {received} of {sent} answered, missing {string.Join(' ', Missing(sent - 1).Take(20))}\n{string.Join('\n', Output.Split('\n').TakeLast(20))}");
        return sent;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _process.DisposeAsync();

    IEnumerable<int> Missing(int upTo) => Enumerable.Range(1, Math.Max(0, upTo)).Except(Pongs.Select(pong => pong.Sequence));

    [GeneratedRegex(@"^\[(?<at>[\d.]+)\] \d+ bytes from .*icmp_seq=(?<seq>\d+) .*time=(?<ms>[\d.]+) ms", RegexOptions.Multiline)]
    private static partial Regex AnswerLine();

    [GeneratedRegex(@"(?<sent>\d+) packets transmitted, (?<received>\d+) received")]
    private static partial Regex SummaryLine();
}
