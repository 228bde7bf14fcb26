using System.CommandLine;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Mesh.Bench.Lab;

namespace Mesh.Bench.Cli;

/// <summary><c>micro</c>: the parts of the data path by themselves, with BenchmarkDotNet.</summary>
static class MicroVerb
{
    public static Command Create()
    {
        var filter = new Option<string>("--filter") { Description = "Which benchmarks, as a pattern", HelpName = "GLOB", DefaultValueFactory = _ => "*" };
        var quick = new Option<bool>("--short", "--quick") { Description = "Three short iterations of each" };
        var verb = new Verb("micro", "Benchmark the parts of the data path: ciphers, routes, filter, replay window, handshakes, gate, segmentation. Needs no root.",
            "micro --short", "micro --filter \"*PacketCipher*\"") { filter, quick };
        verb.SetAction(parsed =>
        {
            // In this process: a generated project per benchmark takes longer than the measurement, and the runtime settings are the node's here.
            var job = (parsed.GetValue(quick) ? Job.ShortRun : Job.Default).WithToolchain(InProcessEmitToolchain.Instance);
            var config = ManualConfig.CreateEmpty().AddJob(job).AddLogger(ConsoleLogger.Default).AddDiagnoser(MemoryDiagnoser.Default)
                .AddColumnProvider(DefaultColumnProviders.Instance)
                .WithArtifactsPath(Path.Combine(MeshProgram.RepositoryRoot(), "artifacts/bench/micro"));
            var summaries = BenchmarkSwitcher.FromAssembly(typeof(MicroVerb).Assembly).Run(["--filter", parsed.GetValue(filter)!], config).ToArray();
            if (summaries.Length == 0)
                throw new BenchFailureException(ExitCodes.Usage, $"--filter: no benchmark is called like '{parsed.GetValue(filter)}'");
            return summaries.All(s => s.Reports.Length > 0 && s.Reports.All(r => r.Success)) ? ExitCodes.Done : ExitCodes.Failed;
        });
        return verb;
    }
}
