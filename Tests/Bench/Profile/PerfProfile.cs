using System.Globalization;
using Mesh.Bench.Report;

namespace Mesh.Bench.Profile;

/// <summary>Samples one process with perf and sums the samples up by where the processor was.</summary>
static class PerfProfile
{
    /// <summary>Samples a process 499 times a second and gives the report as text.</summary>
    /// <param name="process">Its id.</param>
    /// <param name="program">What its own binary is called, so that its code is told from libraries.</param>
    /// <param name="seconds">For how long.</param>
    /// <param name="top">How many symbols of each group.</param>
    /// <param name="folder">For perf's own file.</param>
    /// <param name="cancel">Ends the wait.</param>
    public static async Task<string> RunAsync(int process, string program, int seconds, int top, string folder, CancellationToken cancel) =>
        Summarize(await SampleAsync(process, seconds, folder, cancel), (part, _) => Group(part, program), top);

    static async Task<IReadOnlyList<(double Percent, string Object, string Symbol)>> SampleAsync(int process, int seconds, string folder, CancellationToken cancel)
    {
        var data = Path.Combine(folder, "perf.data");
        await using var record = RunningProcess.Start("perf",
            ["record", "-q", "-g", "-F", "499", "-p", $"{process}", "-o", data, "--", "sleep", $"{seconds}"]);
        if (await record.WaitForExitAsync(TimeSpan.FromSeconds(seconds + 30)).WaitAsync(cancel) != 0)
            throw new BenchFailureException(ExitCodes.Failed, $"perf record: {record.Output}");
        var report = await Task.Run(() => ProcessRun.Run("perf",
            ["report", "-q", "-i", data, "--stdio", "--no-children", "-g", "none", "-F", "overhead,dso,symbol", "-t", "|"], TimeSpan.FromMinutes(3)).MustExit(), cancel);
        return Parse(report.Output);
    }

    /// <summary>Reads lines of <c>12.34%|libcrypto.so.3|[.] name</c>.</summary>
    public static IReadOnlyList<(double Percent, string Object, string Symbol)> Parse(string report) =>
    [
        .. report.Split('\n').Select(line => line.Split('|', 3, StringSplitOptions.TrimEntries)).Where(parts => parts.Length == 3 && parts[0].EndsWith('%'))
            .Select(parts => (double.Parse(parts[0].TrimEnd('%'), CultureInfo.InvariantCulture), parts[1], parts[2][(parts[2].IndexOf(']') + 1)..].Trim())),
    ];

    /// <summary>Writes samples as two tables: the shares, and the symbols that make up each.</summary>
    public static string Summarize(IReadOnlyList<(double Percent, string Object, string Symbol)> lines, Func<string, string, string> shareOf, int top)
    {
        var total = lines.Sum(l => l.Percent);
        var groups = lines.GroupBy(l => shareOf(l.Object, l.Symbol)).OrderByDescending(g => g.Sum(l => l.Percent)).ToArray();
        TextTable shares = new(1, "where", "share %"), symbols = new(2, "where", "symbol", "share %");
        foreach (var group in groups)
        {
            shares.Add(group.Key, Share(group.Sum(l => l.Percent)));
            foreach (var (percent, _, symbol) in group.GroupBy(l => Readable(l.Symbol)).Select(g => (Percent: g.Sum(l => l.Percent), "", Symbol: g.Key))
                         .OrderByDescending(l => l.Percent).Take(top).Where(l => l.Percent / total >= 0.002))
                symbols.Add(group.Key, symbol.Length > 100 ? symbol[..100] : symbol, Share(percent));
        }

        return $"{shares}\n{symbols}";

        string Share(double percent) => Series.Number(100 * percent / total, 1);
    }

    static string Group(string part, string program) => part switch
    {
        _ when part.StartsWith("[kernel", StringComparison.Ordinal) || part.StartsWith("[guest", StringComparison.Ordinal) || part.EndsWith(".ko", StringComparison.Ordinal) => "kernel",
        _ when part.StartsWith("libcrypto", StringComparison.Ordinal) => "libcrypto",
        // What a JIT compiled has no file; perf names the map that the runtime wrote.
        _ when part == program || part.StartsWith("perf-", StringComparison.Ordinal) || part.StartsWith("[JIT]", StringComparison.Ordinal) => "own code",
        _ when part.StartsWith("libc.", StringComparison.Ordinal) || part.StartsWith("libc-", StringComparison.Ordinal) || part.Contains("vdso") => "libc",
        _ when part.Contains("coreclr") || part.Contains("clrjit") || part.StartsWith("System.", StringComparison.Ordinal) || part.StartsWith("libSystem", StringComparison.Ordinal) || part.StartsWith("Microsoft.", StringComparison.Ordinal) => ".NET runtime",
        _ => part,
    };

    // A perf map gives signatures with assemblies and tiers: what remains is type and method.
    static string Readable(string symbol)
    {
        if (symbol.StartsWith("0x", StringComparison.Ordinal))
            return "(no symbols)";
        var name = symbol;
        if (name.LastIndexOf('[') is > 0 and var tier)
            name = name[..tier];
        if (name.IndexOf('(') is > 0 and var arguments)
            name = name[..arguments];
        return name[(name.LastIndexOf("] ", StringComparison.Ordinal) + 1)..].Trim();
    }
}
