using System.Globalization;
using Mesh.Controller.Admin;
using Mesh.Controller.CommandLine;

namespace Mesh.Controller.Shell;

/// <summary>
/// Runs verbs line by line over one connection: at a terminal until <c>exit</c> or the end of input, whatever fails; from a script until
/// the first that fails.
/// </summary>
sealed class ShellSession(AdminLink link, Terminal terminal)
{
    // What a verb would read is the shell's own input.
    readonly Terminal _inside = terminal with { In = new NoInput() };

    /// <summary>Serves somebody at a terminal. Ctrl-C ends the running verb, or gives up the line.</summary>
    public async Task<int> InteractAsync(ILineTerminal keyboard, CancellationToken cancellationToken)
    {
        var name = await NameAsync(cancellationToken);
        terminal.Out.WriteLine($"network {name} at {link.Place}; 'help' lists the verbs, Tab completes, 'exit' ends");
        var table = VerbTable.CreateForShell(_inside, link);
        var reader = new LineReader(
            keyboard, new ShellHistory(HistoryPath), new VerbCompleter(table, new LiveNames(link).Of).Complete);
        CancellationTokenSource? running = null;
        using var interrupts = keyboard.OnInterrupt(() => Volatile.Read(ref running)?.Cancel());
        while (reader.Read(name + "> ") is { } line)
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            Volatile.Write(ref running, stop);
            var exit = await RunAsync(line, "", typed: true, stop.Token);
            Volatile.Write(ref running, null);
            if (exit is null)
                break;
            if (stop.IsCancellationRequested)
                terminal.Error.WriteLine("interrupted");
            cancellationToken.ThrowIfCancellationRequested();
        }
        return ExitCode.Done;
    }

    /// <summary>Runs a script; every error says in which line.</summary>
    /// <returns>The exit code of the first line that failed.</returns>
    public async Task<int> RunScriptAsync(bool keepsGoing, CancellationToken cancellationToken)
    {
        var first = ExitCode.Done;
        for (var number = 1; await terminal.In.ReadLineAsync(cancellationToken) is { } line; number++)
        {
            var exit = await RunAsync(line, string.Create(CultureInfo.InvariantCulture, $"line {number}: "), typed: false, cancellationToken);
            if (exit is null)
                break;
            if (exit != ExitCode.Done && first == ExitCode.Done)
                first = exit.Value;
            if (first != ExitCode.Done && !keepsGoing)
                break;
        }
        return first;
    }

    // Null where the line ends the shell.
    async Task<int?> RunAsync(string line, string place, bool typed, CancellationToken cancellationToken)
    {
        if (ShellWords.Split(line, out var problem) is not { } words)
        {
            terminal.Error.WriteLine($"mesh-controller: {place}{problem}");
            return ExitCode.Usage;
        }
        // Lines that were copied from elsewhere begin with the program's name.
        if (words is ["mesh-controller", ..])
            words = [.. words.Skip(1)];
        var table = VerbTable.CreateForShell(_inside, link);
        switch (words)
        {
            case []:
                return ExitCode.Done;
            case ["exit" or "quit"]:
                return null;
            case ["help", ..] when VerbTable.FindGroup(table, words.Skip(1)) is { } group:
                VerbTable.WriteVerbs(group, terminal);
                return ExitCode.Done;
            case ["help", ..]:
                words = [.. words.Skip(1), "--help"];
                break;
        }
        return await ControllerProgram.RunAsync(table, [.. words], _inside, place, typed, cancellationToken);
    }

    // The zone is what people call a network by; a token need not be allowed to ask for it.
    async Task<string> NameAsync(CancellationToken cancellationToken)
    {
        try
        {
            return (await new AdminClient(link).GetAsync("/v1/status", AdminJson.Default.StatusReport, cancellationToken)).Zone;
        }
        catch (CommandException e) when (e.Code == TokenCodes.Scope)
        {
            return "mesh";
        }
    }

    string? HistoryPath => terminal.Environment("HOME") is { Length: > 0 } home ? Path.Combine(home, ".mesh-controller_history") : null;

    sealed class NoInput : TextReader
    {
        public override int Peek() => throw Refused;

        public override int Read() => throw Refused;

        public override int Read(char[] buffer, int index, int count) => throw Refused;

        public override string ReadToEnd() => throw Refused;

        public override Task<string> ReadToEndAsync(CancellationToken cancellationToken) => throw Refused;

        static CommandException Refused => new(ExitCode.Usage, "standard input is the shell's own here: name a file instead of -");
    }
}
