using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using Mesh.Node.Demo;

namespace Mesh.Node.Cli;

/// <summary>Is the entry point of <c>mesh</c>: every verb, one-line errors and the exit codes of <see cref="ExitCodes"/>.</summary>
static class MeshCli
{
    /// <summary>Runs one command line and gives its exit code.</summary>
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments, CliConsole console)
    {
        // A credential that begins with @ must not be taken for the name of a file with more arguments.
        var parsed = Create(console).Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Action is ParseErrorAction && parsed.Errors.Count > 0)
        {
            var name = parsed.CommandResult.Command is RootCommand ? "mesh" : $"mesh {parsed.CommandResult.Command.Name}";
            var error = parsed.UnmatchedTokens is [var unknown, ..] ? $"unknown command or argument '{unknown}'" : parsed.Errors[0].Message.TrimEnd('.');
            await console.Error.WriteLineAsync($"{name}: {OneLine(error)} (see {name} --help)");
            return ExitCodes.Usage;
        }
        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration
            {
                Output = console.Out,
                Error = console.Error,
                EnableDefaultExceptionHandler = false,
                // The daemon reverts what it set before it goes; nothing may cut that short.
                ProcessTerminationTimeout = null,
            });
        }
        catch (MeshFailureException failure)
        {
            await console.Error.WriteLineAsync($"mesh: {OneLine(failure.Message)}");
            return failure.ExitCode;
        }
        catch (OperationCanceledException)
        {
            await console.Error.WriteLineAsync("mesh: interrupted");
            return ExitCodes.Failed;
        }
    }

    static RootCommand Create(CliConsole console)
    {
        var root = new RootCommand("Joins this machine to a private network and carries its traffic, end-to-end encrypted.")
        {
            DaemonVerb.Create(console),
            UpVerb.Create(console),
            DownVerb.Create(console),
            LogoutVerb.Create(console),
            RotateKeysVerb.Create(console),
            StatusVerb.Create(console),
            PingVerb.Create(console),
            DebugVerb.Create(console),
            WireGuardVerb.Create(console),
            DemoVerb.Create(console),
            BenchCryptoVerb.Create(console),
            VersionVerb.Create(console),
        };
        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithExample((HelpAction)help.Action!);
        return root;
    }

    static string OneLine(string text) => string.Join(' ', text.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
}
