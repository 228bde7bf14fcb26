using System.CommandLine;
using System.CommandLine.Parsing;

namespace Mesh.Controller.CommandLine;

/// <summary>Is the program: parses the command line, runs the verb, and turns every failure into one line on stderr and an exit
/// code.</summary>
static class ControllerProgram
{
    /// <summary>Runs the program.</summary>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    public static Task<int> RunAsync(string[] arguments, Terminal terminal, CancellationToken cancellationToken = default) =>
        RunAsync(VerbTable.Create(terminal), arguments, terminal, "", cancellationToken);

    /// <summary>Runs one line of a table of verbs.</summary>
    /// <param name="table">The table.</param>
    /// <param name="arguments">The words of the line.</param>
    /// <param name="terminal">The terminal that the table was built for.</param>
    /// <param name="place">What every error begins with: where the line stands.</param>
    /// <param name="cancellationToken">Ends the verb.</param>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    public static async Task<int> RunAsync(
        RootCommand table, string[] arguments, Terminal terminal, string place, CancellationToken cancellationToken)
    {
        // A word that begins with @ is a revision, not a file of more words.
        var parsed = table.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        // Asking for help is never an error, whatever else is missing on the line.
        if (parsed.Errors.Count > 0 && !arguments.Any(argument => argument is "-h" or "--help" or "-?"))
        {
            terminal.Error.WriteLine($"mesh-controller: {place}{Word(parsed)}: see '{Path(parsed)} --help'");
            return ExitCode.Usage;
        }
        try
        {
            return await parsed.InvokeAsync(
                new InvocationConfiguration
                {
                    Output = terminal.Out,
                    Error = terminal.Error,
                    EnableDefaultExceptionHandler = false,
                    ProcessTerminationTimeout = null,
                },
                cancellationToken);
        }
        catch (CommandException e)
        {
            terminal.Error.WriteLine($"mesh-controller: {place}{e.Message}");
            return e.ExitCode;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return ExitCode.Failed;
        }
#pragma warning disable CA1031 // The last line of defence: one line instead of a stack trace; MESH_DEBUG=1 shows the trace.
        catch (Exception e) when (string.IsNullOrEmpty(terminal.Environment("MESH_DEBUG")))
#pragma warning restore CA1031
        {
            terminal.Error.WriteLine(
                $"mesh-controller: {place}failed unexpectedly: {e.GetType().Name}: {e.Message.Split('\n')[0]} (MESH_DEBUG=1 shows where)");
            return ExitCode.Failed;
        }
    }

    static string Word(ParseResult parsed)
    {
        if (parsed.UnmatchedTokens is [var token, ..])
            return token.StartsWith('-') ? $"unknown flag '{token}'" : $"unknown word '{token}'";
        return parsed.Errors[0].Message.Split('\n')[0].TrimEnd('.');
    }

    static string Path(ParseResult parsed)
    {
        var names = new Stack<string>();
        for (SymbolResult? result = parsed.CommandResult; result is CommandResult command; result = result.Parent)
            names.Push(command.Command.Name);
        return string.Join(' ', names);
    }
}
