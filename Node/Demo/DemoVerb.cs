using System.CommandLine;
using System.Runtime.InteropServices;
using Mesh.Node.Cli;

namespace Mesh.Node.Demo;

/// <summary><c>mesh demo</c>: shows the whole on this machine and leaves nothing behind.</summary>
static class DemoVerb
{
    public static Command Create(CliConsole console)
    {
        var verb = new Verb("demo",
            "Build a network of one controller and three nodes in network namespaces of this machine, show it at work, remove it again. Needs root.",
            "sudo mesh demo");
        verb.SetAction((_, cancellation) => RunAsync(console, cancellation));
        verb.Subcommands.Add(DemoThroughput.CreateVerb(console));
        return verb;
    }

    static async Task<int> RunAsync(CliConsole console, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        // The signals are taken here, so that whatever has been made is removed before the program ends.
        void Stop(PosixSignalContext context)
        {
            context.Cancel = true;
            stop.Cancel();
        }
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Stop);

        var colours = ReferenceEquals(console.Out, Console.Out) && !Console.IsOutputRedirected && console.Environment("NO_COLOR") is null or "";
        var report = new DemoReport(console.Out, colours, DemoScenario.Steps);
        var programs = DemoPrograms.Find(console.Environment);
        try
        {
            await using var lab = await DemoLab.CreateAsync(console.Environment, stop.Token);
            await new DemoScenario(lab, programs, report).RunAsync(stop.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            report.Fail("interrupted");
            throw new MeshFailureException(ExitCodes.Failed, "demo: interrupted; everything it made has been removed");
        }
        report.Table();
        await console.Out.WriteLineAsync("Everything worked, and everything the demonstration made has been removed.");
        return ExitCodes.Done;
    }
}
