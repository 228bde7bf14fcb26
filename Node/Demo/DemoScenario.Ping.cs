using System.Globalization;
using System.Text.RegularExpressions;

namespace Mesh.Node.Demo;

/// <summary>How steps ping: with the system's program where there is one, since it was not written here, else with <c>mesh ping</c>.</summary>
sealed partial class DemoScenario
{
    readonly Dictionary<string, string> _addresses = [];

    IReadOnlyList<string> PingCommand(string from, string to, string family, int count, string interval) => programs.Ping is { } ping
        ? [ping, family, "-n", "-c", count.ToString(CultureInfo.InvariantCulture), "-i", interval, "-W", "2", to]
        : [.. programs.Mesh, "ping", family, "-c", count.ToString(CultureInfo.InvariantCulture), "-i", $"{interval}s", "--timeout", "2s", "--socket", Socket(from), to];

    async Task WaitForPingAsync(string from, string to, string family, CancellationToken cancellation)
    {
        var last = new DemoResult();
        try
        {
            await WaitForAsync("", async () =>
            {
                last = await lab.RunAsync(from, PingCommand(from, to, family, 1, "1"), cancellation);
                return last.ExitCode == 0;
            }, cancellation);
        }
        catch (MeshFailureException)
        {
            throw Failure($"{from} cannot ping {to} over IPv{family[1..]}: {last.LastLine}");
        }
    }

    async Task<double> MeasurePingAsync(string from, string to, string family, CancellationToken cancellation)
    {
        var result = await MustAsync(from, PingCommand(from, to, family, 3, "0.2"), cancellation);
        var times = ReplyTime().Matches(result.Output).Select(match => double.Parse(match.Groups["ms"].ValueSpan, CultureInfo.InvariantCulture)).ToList();
        if (family == "-4")
            _addresses[to] = Address().Match(result.Output).Value;
        return times.Count == 3 ? times.Average() : throw Failure($"only {times.Count} of 3 pings from {from} to {to} came back");
    }

    DemoProcess StartPing(string from, string to) => lab.Start(from, PingCommand(from, to, "-4", 1000, "0.2"));

    static async Task<(int Sent, int Received)> EndPingAsync(DemoProcess ping, CancellationToken cancellation)
    {
        ping.Interrupt();
        var result = await ping.WaitAsync(cancellation);
        var received = ReplyTime().Count(result.Output);
        // Without a summary the highest number seen is the number sent.
        var sent = Transmitted().Match(result.Output) is { Success: true } summary
            ? int.Parse(summary.Groups["sent"].ValueSpan, CultureInfo.InvariantCulture) : received;
        return (sent, received);
    }

    async Task<bool> AnswersAsync(string from, string address, CancellationToken cancellation) =>
        (await lab.RunAsync(from, PingCommand(from, address, "-4", 1, "1"), cancellation)).ExitCode == 0;

    [GeneratedRegex(@"(time=|in )(?<ms>[0-9.]+) ?ms")]
    private static partial Regex ReplyTime();

    [GeneratedRegex(@"\b100\.[0-9]+\.[0-9]+\.[0-9]+\b")]
    private static partial Regex Address();

    [GeneratedRegex(@"(?<sent>[0-9]+) packets transmitted")]
    private static partial Regex Transmitted();
}
