using System.CommandLine;
using System.CommandLine.Parsing;

namespace Mesh.Controller.CommandLine;

/// <summary>Is the program: parses the command line, runs the verb, and turns every failure into one line on stderr and an exit
/// code.</summary>
static class ControllerProgram
{
    const string Program = "mesh-controller";

    /// <summary>Runs the program.</summary>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    public static Task<int> RunAsync(string[] arguments, Terminal terminal, CancellationToken cancellationToken = default) =>
        RunAsync(VerbTable.Create(terminal), arguments, terminal, "", typed: false, cancellationToken);

    /// <summary>Runs one line of a table of verbs.</summary>
    /// <param name="table">The table.</param>
    /// <param name="arguments">The words of the line.</param>
    /// <param name="terminal">The terminal that the table was built for.</param>
    /// <param name="place">What every error begins with: where the line stands.</param>
    /// <param name="typed">Whether somebody types line by line, and asks for help as one does there.</param>
    /// <param name="cancellationToken">Ends the verb.</param>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    public static async Task<int> RunAsync(
        RootCommand table, string[] arguments, Terminal terminal, string place, bool typed, CancellationToken cancellationToken)
    {
        // A word that begins with @ is a revision, not a file of more words.
        var parsed = table.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        // Asking for help is never an error, whatever else is missing on the line.
        if (parsed.Errors.Count > 0 && !arguments.Any(argument => argument is "-h" or "--help" or "-?"))
        {
            var help = typed ? string.Join(' ', Path(parsed).Prepend("help")) : string.Join(' ', [Program, .. Path(parsed), "--help"]);
            terminal.Error.WriteLine($"{Program}: {place}{Word(parsed)}: see '{help}'");
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
            terminal.Error.WriteLine($"{Program}: {place}{e.Message}");
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
                $"{Program}: {place}failed unexpectedly: {e.GetType().Name}: {e.Message.Split('\n')[0]} (MESH_DEBUG=1 shows where)");
            return ExitCode.Failed;
        }
    }

    static string Word(ParseResult parsed)
    {
        if (parsed.UnmatchedTokens is [var token, ..])
            return token.StartsWith('-') ? $"unknown flag '{token}'" : $"unknown word '{token}'";
        var verb = parsed.CommandResult.Command;
        // The parser's own words for what is missing are about its classes.
        if (verb.Arguments.FirstOrDefault(argument => argument.Arity.MinimumNumberOfValues > (parsed.GetResult(argument)?.Tokens.Count ?? 0)) is { } argument)
            return $"'{string.Join(' ', Path(parsed))}' wants {argument.Name}";
        if (verb.Action is null && verb.Subcommands.Any(one => !one.Hidden))
            return $"'{string.Join(' ', Path(parsed).DefaultIfEmpty(Program))}' wants a verb: {string.Join(", ", verb.Subcommands.Where(one => !one.Hidden).Select(one => one.Name))}";
        if (parsed.Errors[0].SymbolResult is OptionResult { Tokens.Count: 0 } missing)
            return $"{missing.Option.Name} wants {missing.Option.HelpName ?? "a value"}";
        return parsed.Errors[0].Message.Split('\n')[0].TrimEnd('.');
    }

    // The verb and what it belongs to, without the program.
    static IEnumerable<string> Path(ParseResult parsed)
    {
        var names = new Stack<string>();
        for (SymbolResult? result = parsed.CommandResult; result is CommandResult { Command: not RootCommand } command; result = result.Parent)
            names.Push(command.Command.Name);
        return names;
    }
}
