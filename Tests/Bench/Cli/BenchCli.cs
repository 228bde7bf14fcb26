using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Runtime.InteropServices;

namespace Mesh.Bench.Cli;

/// <summary>Is the entry point of the benchmarks: every verb, one-line errors, and nothing left behind however it ends.</summary>
static class BenchCli
{
    /// <summary>Runs one command line and gives its exit code.</summary>
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments)
    {
        var parsed = Create().Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Action is ParseErrorAction && parsed.Errors.Count > 0)
        {
            var error = parsed.UnmatchedTokens is [var unknown, ..] ? $"unknown verb or argument '{unknown}'" : parsed.Errors[0].Message.TrimEnd('.');
            await Console.Error.WriteLineAsync($"bench: {OneLine(error)} (see --help)");
            return ExitCodes.Usage;
        }

        using CancellationTokenSource stop = new();
        // Signals are taken here, so that whatever has been made is removed before the program ends.
        void Stop(PosixSignalContext context)
        {
            context.Cancel = true;
            stop.Cancel();
        }

        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Stop);
        try
        {
            return await parsed.InvokeAsync(
                new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, stop.Token);
        }
        catch (BenchFailureException failure)
        {
            await Console.Error.WriteLineAsync($"bench: {OneLine(failure.Message)}");
            return failure.ExitCode;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync("bench: interrupted; everything it made has been removed");
            return ExitCodes.Failed;
        }
        catch (Exception failure) when (stop.IsCancellationRequested && failure is IOException or InvalidOperationException or TimeoutException)
        {
            // The interruption reached the programs under test first, and their end came back as a failure.
            await Console.Error.WriteLineAsync("bench: interrupted; everything it made has been removed");
            return ExitCodes.Failed;
        }
        catch (Exception failure) when (failure is IOException or InvalidOperationException or TimeoutException)
        {
            await Console.Error.WriteLineAsync($"bench: {failure.Message}");
            return ExitCodes.Failed;
        }
    }

    static RootCommand Create()
    {
        var root = new RootCommand("Measures Mesh, next to wireguard-go where there is something to compare with. Needs root and Linux; leaves nothing behind.")
        {
            CompareVerb.Create(),
            PeersVerb.Create(),
            PrefixesVerb.Create(),
            HandshakesVerb.Create(),
            FloodVerb.Create(),
            FootprintVerb.Create(),
            ProfileVerb.Create(),
            ActorsVerb.Create(),
            LoadVerb.Create(),
            MicroVerb.Create(),
        };
        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithExamples((HelpAction)help.Action!);
        return root;
    }

    static string OneLine(string text) => string.Join(' ', text.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
}

/// <summary>Is a command whose help ends with examples.</summary>
sealed class Verb(string name, string description, params string[] examples) : Command(name, description)
{
    /// <summary>Gets command lines that work as they stand, after <c>dotnet run -c Release --project Tests/Bench --</c>.</summary>
    public IReadOnlyList<string> Examples { get; } = examples;
}

/// <summary>Prints the library's help and, below it, the verb's examples.</summary>
sealed class HelpWithExamples(HelpAction help) : SynchronousCommandLineAction
{
    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        var code = help.Invoke(parseResult);
        if (parseResult.CommandResult.Command is Verb verb)
        {
            parseResult.InvocationConfiguration.Output.WriteLine("Examples:");
            foreach (var example in verb.Examples)
                parseResult.InvocationConfiguration.Output.WriteLine($"  dotnet run -c Release --project Tests/Bench -- {example}");
        }
        return code;
    }
}
