using System.CommandLine;
using Mesh.Controller.Admin;
using Mesh.Controller.Shell;

namespace Mesh.Controller.CommandLine;

static partial class VerbTable
{
    // These are about files or processes of the machine that they run on, not about what a controller answers.
    static readonly string[] OutsideOnly = ["serve", "db", "restore", "shell", "cluster join", "cluster sign"];

    /// <summary>Builds the table for a shell: every verb asks over its connection, and what makes no sense there says so.</summary>
    public static RootCommand CreateForShell(Terminal terminal, AdminLink link)
    {
        var root = Create(terminal, new CommonFlags(link));
        foreach (var path in OutsideOnly)
        {
            Command? group = root;
            var words = path.Split(' ');
            foreach (var word in words[..^1])
                group = group?.Subcommands.FirstOrDefault(verb => verb.Name == word);
            if (group?.Subcommands.FirstOrDefault(verb => verb.Name == words[^1]) is not { } verb)
                continue;
            group.Subcommands.Remove(verb);
            group.Subcommands.Add(Outside(path, verb));
        }
        return root;
    }

    /// <summary>Finds a group of verbs by its words; the table itself by none. Null where they name a verb, or nothing.</summary>
    public static Command? FindGroup(Command table, IEnumerable<string> words)
    {
        foreach (var word in words)
        {
            if (table.Subcommands.FirstOrDefault(verb => verb.Name == word && !verb.Hidden) is not { } next)
                return null;
            table = next;
        }
        return table.Subcommands.Count > 0 ? table : null;
    }

    /// <summary>Writes a line for each verb of a group.</summary>
    public static void WriteVerbs(Command group, Terminal to)
    {
        var path = string.Concat(PathOf(group).Select(word => word + ' '));
        var lines = new TextTable("VERB", "WHAT IT DOES");
        foreach (var verb in group.Subcommands.Where(verb => !verb.Hidden))
            lines.Add(
                string.Join(' ', [path + verb.Name, .. verb.Arguments.Select(ArgumentText), .. verb.Subcommands.Count > 0 ? ["..."] : (string[])[]]),
                verb.Description!.Split('\n')[0]);
        if (group is RootCommand)
        {
            lines.Add("help VERB", "Explains a verb, or lists those of a group.");
            lines.Add("exit", "Ends the shell, as Ctrl-D does.");
        }
        lines.WriteTo(to);

        static string ArgumentText(Argument argument) =>
            (argument.Arity.MinimumNumberOfValues, argument.Arity.MaximumNumberOfValues) switch
            {
                (0, _) => $"[{argument.Name}]",
                (_, > 1) => argument.Name + "...",
                _ => argument.Name,
            };

        static IEnumerable<string> PathOf(Command group) =>
            group is RootCommand ? [] : [.. PathOf(group.Parents.OfType<Command>().First()), group.Name, .. group.Arguments.Select(ArgumentText)];
    }

    static Command Shell(Terminal terminal, CommonFlags common)
    {
        var keepGoing = new Option<bool>("--keep-going", "-k") { Description = "Go on after a line that failed; for scripts" };
        var verb = Verb(
            "shell",
            "Takes verbs line by line, at a terminal or from standard input; a script ends at the first line that fails, with its exit code.",
            "mesh-controller shell --server https://vpn.example.org:8443 --token-file ~/mesh.token");
        Add(verb, keepGoing);
        verb.SetAction(async (parsed, cancellationToken) =>
        {
            using var link = common.Open(parsed, terminal);
            var session = new ShellSession(link, terminal);
            return terminal.Keyboard is { } keyboard
                ? await session.InteractAsync(keyboard, cancellationToken)
                : await session.RunScriptAsync(parsed.GetValue(keepGoing), cancellationToken);
        });
        return verb;
    }

    static Command Outside(string path, Command verb)
    {
        var stub = new Command(verb.Name, verb.Description) { Hidden = true, TreatUnmatchedTokensAsErrors = false };
        stub.SetAction(Refuse);
        return stub;

        int Refuse(ParseResult parsed) => throw new CommandException(
            ExitCode.Usage, $"'{path}' makes no sense in the shell: leave it with 'exit' and type mesh-controller {path}");
    }
}
