using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using Mesh.Bench.Compare;
using Mesh.Bench.Lab;
using Mesh.Protocol.Crypto;
using Mesh.Bench.Measure;
using Mesh.Bench.Report;

namespace Mesh.Bench.Cli;

/// <summary><c>compare</c>: Mesh and wireguard-go between two namespaces, side by side.</summary>
static class CompareVerb
{
    static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Command Create()
    {
        var peer = BenchOptions.Peer();
        var allowOld = BenchOptions.AllowOldPeer();
        var mesh = BenchOptions.Mesh();
        var native = BenchOptions.Native();
        var only = BenchOptions.Only();
        var repetitions = BenchOptions.Number("--repetitions", "How often everything is measured, in alternating order", 3, 1, 100);
        var seconds = BenchOptions.Number("--seconds", "Seconds of the one-stream test; the others take six tenths", 10, 2, 3600);
        var quick = new Option<bool>("--quick") { Description = "One short repetition of ping, tcp1 and udp64, in less than a minute" };
        var offload = BenchOptions.Choice("--offload", "Segmentation and receive offload of the link", "on", "on", "off", "both");
        var congestion = BenchOptions.Choice("--congestion", "TCP's congestion control, set per connection", "cubic", "cubic", "bbr", "reno");
        var family = BenchOptions.Choice("--family", "IP version inside the tunnel", "4", "4", "6");
        var outer = BenchOptions.Choice("--outer", "IP version outside the tunnel", "4", "4", "6");
        var suite = BenchOptions.Choice("--suite", "Mesh's cipher suite between two nodes", "plain", "plain", "aes", "both");
        var tests = new Option<string?>("--tests") { Description = $"Which tests, separated by commas (default all: {string.Join(',', Figure.Tests)})", HelpName = "LIST" };
        var want = new Option<string[]>("--want")
        {
            Description = "What a ratio must be instead of the built-in goal: tcp1.gbit>=2.0, udp64.cpu<=0.45; of memory, MB: rss.udp<=120", HelpName = "RULE",
        };
        var mustHold = new Option<bool>("--must-hold") { Description = "Exit with 1 when a verdict is 'does not hold'" };
        var json = new Option<string?>("--json") { Description = "Write every single figure to a file as well", HelpName = "FILE" };
        var verb = new Verb("compare", "Measure throughput, latency, processor time and memory of Mesh and wireguard-go, side by side.",
            "compare",
            "compare --offload both --suite both --json figures.json",
            "compare --only mesh --mesh ./mesh --tests tcp1,udp64 --repetitions 1 --seconds 4",
            "compare --quick --must-hold --want \"tcp1.gbit>=1.5\"")
        {
            peer, allowOld, mesh, native, only, repetitions, seconds, quick, offload, congestion, family, outer, suite, tests, want, mustHold, json,
        };
        verb.SetAction(async (parsed, cancel) =>
        {
            BenchOptions.Require("iperf3", "ping");
            var isQuick = parsed.GetValue(quick);
            var chosen = (parsed.GetValue(tests) ?? (isQuick ? "ping,tcp1,udp64" : string.Join(',', Figure.Tests))).Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            if (chosen.Except(Figure.Tests).FirstOrDefault() is { } unknown)
                throw new BenchFailureException(ExitCodes.Usage, $"--tests: there is no test '{unknown}'; there are {string.Join(", ", Figure.Tests)}");
            var wanted = parsed.GetValue(want)?.Select(text => Threshold.Parse(text)
                ?? throw new BenchFailureException(ExitCodes.Usage, $"--want: '{text}' is not a rule such as tcp1.gbit>=2.0")).ToArray() ?? [];

            var other = parsed.GetValue(only) == "mesh" ? null : WireGuardGo.Find(parsed.GetValue(peer)!, parsed.GetValue(allowOld));
            var program = parsed.GetValue(only) == "peer" ? null : await BenchOptions.FindMeshAsync(parsed.GetValue(mesh), parsed.GetValue(native), cancel);
            List<MeshProgram> ours = program is null ? [] : parsed.GetValue(suite) switch
            {
                "plain" => [program],
                "aes" => [program.With(CipherSuite.Aes256Gcm)],
                _ => [program, program.With(CipherSuite.Aes256Gcm)],
            };
            IContender[] contenders = [.. ours, .. other is null ? Array.Empty<IContender>() : [other]];
            ComparisonOptions options = new()
            {
                Contenders = contenders,
                Tests = chosen,
                Repetitions = isQuick && parsed.GetResult(repetitions)!.Implicit ? 1 : parsed.GetValue(repetitions),
                Seconds = isQuick && parsed.GetResult(seconds)!.Implicit ? 3 : parsed.GetValue(seconds),
                WarmUp = isQuick ? 1 : 2,
                Pings = isQuick ? 500 : 1000,
                Congestion = parsed.GetValue(congestion)!,
                InnerV6 = parsed.GetValue(family) == "6",
                OuterV6 = parsed.GetValue(outer) == "6",
            };
            var description = Describe(options);
            Dictionary<string, Results> settings = [];
            foreach (var on in parsed.GetValue(offload) switch { "on" => [true], "off" => [false], _ => new[] { true, false } })
                settings[on ? "offload on" : "offload off"] = await new Comparison(options, on).RunAsync(cancel);

            foreach (var (name, value) in description)
                Console.WriteLine($"{name,-12} {value}");
            var missed = 0;
            foreach (var (setting, results) in settings)
            {
                foreach (var contender in contenders.Where(c => c != other || ours.Count == 0))
                {
                    Console.WriteLine($"\nlink {setting}, {options.Congestion}, IPv{parsed.GetValue(family)} inside IPv{parsed.GetValue(outer)}, "
                        + $"median of {options.Repetitions} (least..greatest)\n");
                    var goals = contender is MeshProgram m ? Threshold.Goals(setting == "offload on", options.Congestion == "bbr", m.Suite).Concat(wanted) : [];
                    Console.Write(results.Table(contender.Name, contender == other ? null : other?.Name, [.. goals], out var more));
                    missed += more;
                }
            }

            if (parsed.GetValue(json) is { } file)
            {
                await File.WriteAllTextAsync(file, JsonSerializer.Serialize(new
                {
                    machine = description.ToDictionary(d => d.Name, d => d.Value),
                    settings = settings.ToDictionary(s => s.Key, s => s.Value.ToDocument()),
                }, Indented) + "\n", cancel);
            }

            return missed > 0 && parsed.GetValue(mustHold) ? ExitCodes.Failed : ExitCodes.Done;
        });
        return verb;
    }

    static List<(string Name, string Value)> Describe(ComparisonOptions options) =>
    [
        .. Machine.Describe(),
        .. options.Contenders.Select(c => (c.Name, c.Description)),
        ("GB", "10^9 bytes of TCP payload; CPU is user and system time of all threads, warm-up included on both sides of the division"),
    ];
}
