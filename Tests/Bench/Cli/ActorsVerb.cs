using System.CommandLine;
using System.Runtime;
using System.Text.Encodings.Web;
using System.Text.Json;
using Mesh.Bench.Actors;
using Mesh.Bench.Measure;

namespace Mesh.Bench.Cli;

/// <summary><c>actors</c>: the actor engine, next to bare channels and to what Akka.NET does.</summary>
static class ActorsVerb
{
    static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Command Create()
    {
        var repetitions = BenchOptions.Number("--repetitions", "How often everything is measured, in alternating order", 5, 1, 100);
        var quick = new Option<bool>("--quick") { Description = "One repetition of less of everything, in less than 20 seconds" };
        var rows = new Option<string?>("--rows")
        {
            Description = "Which rows, by name or by its beginning, separated by commas "
                + $"(default all: {string.Join(',', Scenario.All.Select(s => s.Name))})",
            HelpName = "LIST",
        };
        var folder = new Option<string>("--folder")
        {
            Description = "Where journals on disk are written", HelpName = "FOLDER", DefaultValueFactory = _ => Path.GetTempPath(),
        };
        var mustHold = new Option<bool>("--must-hold") { Description = "Exit with 1 when a verdict is 'does not hold'" };
        var json = new Option<string?>("--json") { Description = "Write every single figure to a file as well", HelpName = "FILE" };
        var verb = new Verb(
            "actors",
            $"Measure the actor engine next to bare channels, and to what {AkkaNet.Name} does on two processors. Needs no root.",
            "actors",
            "actors --quick",
            "actors --rows tell,pingpong,ask --must-hold",
            "actors --rows persist --folder /dev/shm --json figures.json")
        {
            repetitions, quick, rows, folder, mustHold, json,
        };
        verb.SetAction(async (parsed, cancel) =>
        {
            var isQuick = parsed.GetValue(quick);
            var where = parsed.GetValue(folder)!;
            if (!Directory.Exists(where))
                throw new BenchFailureException(ExitCodes.Usage, $"--folder: there is no folder '{where}'");
            var times = isQuick && parsed.GetResult(repetitions)!.Implicit ? 1 : parsed.GetValue(repetitions);
            var effort = isQuick ? Effort.Quick(where) : Effort.Full(where);
            ActorComparison comparison = new(Choose(parsed.GetValue(rows)), effort, times);
            (string Name, string Value)[] description =
            [
                .. Machine.Describe(),
                ("engine", $"{typeof(ActorSystem).Assembly.GetName().Name}, "
                    + $"{(GCSettings.IsServerGC ? "server" : "workstation")} collector"),
                ("setting", $"slices of {effort.Slice.TotalMilliseconds:0} ms, {effort.Actors} actors at once, "
                    + $"{effort.Entities} recovering, {effort.Timers} timers within {effort.Spread.TotalMilliseconds:0} ms, "
                    + $"journals in {where}; median of {times} (least..greatest)"),
                ("ratio", "actors to channel; of what is counted per second more is better, of the rest less"),
            ];
            await comparison.RunAsync(cancel);

            foreach (var (name, value) in description)
                Console.WriteLine($"{name,-12} {value}");
            Console.WriteLine();
            Console.Write(comparison.Table(out var missed));
            if (parsed.GetValue(json) is { } file)
            {
                var document = new { machine = description.ToDictionary(d => d.Name, d => d.Value), figures = comparison.ToDocument() };
                await File.WriteAllTextAsync(file, JsonSerializer.Serialize(document, Indented) + "\n", cancel);
            }

            return missed > 0 && parsed.GetValue(mustHold) ? ExitCodes.Failed : ExitCodes.Done;
        });
        return verb;
    }

    static IReadOnlyList<Scenario> Choose(string? list)
    {
        var names = (list ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (Array.Find(names, name => !Scenario.All.Any(s => IsMeant(s, name))) is { } unknown)
        {
            throw new BenchFailureException(
                ExitCodes.Usage, $"--rows: there is no row '{unknown}'; there are {string.Join(", ", Scenario.All.Select(s => s.Name))}");
        }

        return names.Length == 0 ? Scenario.All : [.. Scenario.All.Where(s => names.Any(name => IsMeant(s, name)))];
    }

    static bool IsMeant(Scenario scenario, string name) => scenario.Name.StartsWith(name, StringComparison.Ordinal);
}
