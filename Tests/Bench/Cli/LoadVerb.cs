using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Mesh.Bench.Load;
using Mesh.Bench.Measure;
using Mesh.Bench.Report;
using Mesh.Tests.Kit.Persistence;

namespace Mesh.Bench.Cli;

/// <summary><c>load</c>: what a controller costs with thousands of nodes, and how soon they act on a change.</summary>
static class LoadVerb
{
    static readonly JsonSerializerOptions _indented = new() { WriteIndented = true };

    public static Command Create()
    {
        var nodes = new Option<int[]>("--nodes")
        {
            Description = "How many simulated nodes; several sizes one after the other", HelpName = "N,N,...", DefaultValueFactory = _ => [1000, 3000, 10_000],
            CustomParser = result =>
            {
                var sizes = result.Tokens.SelectMany(token => token.Value.Split(',')).ToList();
                if (sizes.All(size => int.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count is >= 100 and <= 50_000))
                    return [.. sizes.Select(size => int.Parse(size, CultureInfo.InvariantCulture))];
                result.AddError($"--nodes: '{string.Join(',', sizes)}' is not a list of numbers from 100 to 50000");
                return [];
            },
        };
        var database = new Option<string?>("--database")
        {
            Description = "PostgreSQL database of the journal, empty; 'own': a server started for this run, which waits for the disk (default: SQLite)", HelpName = "URI|own",
        };
        var verify = BenchOptions.Number("--verify-one-in", "One node in so many verifies its maps in full, as a node does", 100, 1, 50_000);
        var changes = BenchOptions.Number("--changes", "How many changes of each small kind", 100, 10, 10_000);
        var reconnects = BenchOptions.Number("--reconnects", "How often everyone is cut off at once", 1, 1, 1000);
        var profile = new Option<bool>("--profile") { Description = "Sample the controller with perf in every phase: what its processor time goes into" };
        var json = new Option<string?>("--json") { Description = "Write all figures to a file too", HelpName = "FILE" };
        var verb = new Verb("load", "Run a controller under thousands of simulated nodes in this process: real enrollment, TLS and streams, no tunnels.",
            "load --nodes 1000", "load --nodes 1000,3000,10000 --json load.json", "load --nodes 3000 --database own --profile")
        {
            nodes, database, verify, changes, reconnects, profile, json,
        };
        verb.SetAction(async (parsed, cancel) =>
        {
            var sizes = parsed.GetValue(nodes)!;
            var place = parsed.GetValue(database);
            if (place is not null and not "own" && sizes.Length > 1)
                throw new BenchFailureException(ExitCodes.Usage, "--database URI is one empty database: name one size with --nodes, or use --database own");
            if (parsed.GetValue(profile) && Requirements.Find("perf") is null)
                throw new BenchFailureException(ExitCodes.Unreachable, "the program perf is missing: install linux-perf");
            if (place == "own" && PostgresServer.Missing is { } missing)
                throw new BenchFailureException(ExitCodes.Unreachable, missing);
            foreach (var (name, value) in Machine.Describe())
                Console.WriteLine($"{name}: {value}");
            var server = place == "own" ? new PostgresServer(isDurable: true) : null;
            var figures = new List<PhaseFigures>();
            foreach (var size in sizes)
            {
                var folder = Directory.CreateTempSubdirectory("mbn-load-").FullName;
                try
                {
                    var options = new LoadOptions(
                        size, server?.CreateDatabase() ?? place, parsed.GetValue(verify), parsed.GetValue(changes),
                        parsed.GetValue(reconnects), parsed.GetValue(profile));
                    figures.AddRange(await new LoadRun(options, folder).RunAsync(cancel));
                }
                finally
                {
                    Directory.Delete(folder, recursive: true);
                }
            }
            Console.WriteLine(Table(figures));
            if (parsed.GetValue(json) is { } file)
                await File.WriteAllTextAsync(file, Document(figures), cancel);
            return ExitCodes.Done;
        });
        return verb;
    }

    static string Table(List<PhaseFigures> figures)
    {
        TextTable table = new(1, "phase", "nodes", "changes", "affected", "p50 ms", "p99 ms", "bytes each", "bytes to others", "cpu ms/change", "generator ms", "rest ms/s", "seconds");
        TextTable more = new(2, "phase", "figure", "nodes", "value", "unit");
        // The same phase at each size, side by side.
        foreach (var phase in figures.GroupBy(one => one.Phase))
        {
            foreach (var one in phase)
            {
                table.Add(
                    one.Phase, $"{one.Nodes}", $"{one.Changes}", Number(one.Affected, 0), Number(one.P50, 1), Number(one.P99, 1), Number(one.AffectedBytes, 0),
                    one.OtherBytes is { } other ? $"{other}" : "-", Number(one.CpuPerChange, 2), Number(one.GeneratorPerChange, 2), Number(one.RestPerSecond, 0), Number(one.Seconds, 1));
            }
            foreach (var name in phase.SelectMany(one => one.More.Select(figure => figure.Name)).Distinct())
            {
                foreach (var one in phase)
                {
                    foreach (var figure in one.More.Where(figure => figure.Name == name))
                        more.Add(one.Phase, name, $"{one.Nodes}", Number(figure.Value, 1), figure.Unit);
                }
            }
        }
        return $"{table}\n{more}{Shares(figures)}";

        static string Number(double? value, int decimals) => value is { } number ? Series.Number(number, decimals) : "-";
    }

    // Of the controller's processor time, and what the generator uses of both together.
    static string Shares(List<PhaseFigures> figures)
    {
        var sampled = figures.Where(one => one.Shares is not null).ToList();
        if (sampled.Count == 0)
            return "";
        var names = ControllerShares.Names.Where(name => sampled.Any(one => one.Shares!.ContainsKey(name))).ToArray();
        TextTable table = new(1, ["controller, % of its processor time", "nodes", .. names, "generator, % of both"]);
        foreach (var one in sampled.GroupBy(one => one.Phase).SelectMany(phase => phase))
        {
            var (used, generated) = (one.CpuPerChange + one.RestPerSecond * one.Seconds / Math.Max(1, one.Changes) ?? one.RestPerSecond, one.GeneratorPerChange ?? one.GeneratorPerSecond);
            table.Add(
                [one.Phase, $"{one.Nodes}", .. names.Select(name => Series.Number(one.Shares!.GetValueOrDefault(name), 1)),
                    generated is { } own && used is { } its ? Series.Number(100 * own / (own + its), 0) : "-"]);
        }
        return $"\n{table}";
    }

    static string Document(List<PhaseFigures> figures) => JsonSerializer.Serialize(
        figures.Select(one => new
        {
            phase = one.Phase, nodes = one.Nodes, changes = one.Changes, affected = one.Affected, p50_ms = one.P50, p99_ms = one.P99,
            bytes_to_affected = one.AffectedBytes, bytes_to_others = one.OtherBytes, cpu_ms = one.CpuPerChange, generator_ms = one.GeneratorPerChange,
            rest_ms_per_second = one.RestPerSecond, shares = one.Shares,
            seconds = one.Seconds, more = one.More.ToDictionary(figure => figure.Name, figure => figure.Value),
        }),
        _indented);
}
