using System.Globalization;
using System.Text.RegularExpressions;
using Mesh.Bench.Lab;
using Mesh.Protocol.Crypto;

namespace Mesh.Bench.Report;

/// <summary>What a figure must be: its ratio to the peer's, or for memory the figure itself in MB.</summary>
sealed partial record Threshold(string Figure, bool AtLeast, double Value)
{
    /// <summary>Memory is judged by itself, everything else by the ratio.</summary>
    public bool IsAbsolute => Figure.StartsWith("rss.", StringComparison.Ordinal);

    /// <summary>Whether a number is within it.</summary>
    public bool Holds(double value) => AtLeast ? value >= Value : value <= Value;

    /// <inheritdoc/>
    public override string ToString() =>
        $"{(AtLeast ? ">=" : "<=")} {Value.ToString("0.##", CultureInfo.InvariantCulture)}{(IsAbsolute ? " MB" : "x")}";

    /// <summary>Reads <c>tcp1.gbit>=2.0</c>; null for what is not one.</summary>
    public static Threshold? Parse(string text) =>
        Pattern().Match(text) is { Success: true } match && Report.Figure.All.Any(f => f.Id == match.Groups["figure"].Value)
            ? new Threshold(match.Groups["figure"].Value, match.Groups["sign"].Value == ">=",
                double.Parse(match.Groups["value"].Value, CultureInfo.InvariantCulture))
            : null;

    /// <summary>What Mesh sets itself for a setting; asked for by nobody where the list is silent.</summary>
    public static IEnumerable<Threshold> Goals(bool offload, bool bbr, CipherSuite suite)
    {
        var (one, four) = (offload, bbr, suite) switch
        {
            (false, _, _) => ((1.2, 0.80), (1.2, 0.80)),
            (true, true, _) => ((1.5, 0.70), (1.5, 0.70)),
            (true, false, CipherSuite.Aes256Gcm) => ((2.6, 0.38), (2.6, 0.38)),
            _ => ((2.0, 0.50), (1.9, 0.52)),
        };
        foreach (var (test, (throughput, cpu)) in new[] { ("tcp1", one), ("tcp1r", one), ("tcp4", four) })
        {
            yield return new Threshold($"{test}.gbit", true, throughput);
            yield return new Threshold($"{test}.cpu", false, cpu);
        }

        if (offload)
        {
            foreach (var test in new[] { "udp64", "udp1200" })
            {
                yield return new Threshold($"{test}.received", true, 2.2);
                yield return new Threshold($"{test}.cpu", false, 0.45);
            }

            yield return new Threshold("ping.avg", false, 0.6);
        }

        foreach (var moment in new[] { "idle", "tcp", "udp" })
            yield return new Threshold($"rss.{moment}", false, 120);
    }

    [GeneratedRegex(@"^(?<figure>\w+\.\w+)(?<sign>>=|<=)(?<value>\d+(\.\d+)?)$")]
    private static partial Regex Pattern();
}
