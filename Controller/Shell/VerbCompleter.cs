using System.CommandLine;

namespace Mesh.Controller.Shell;

/// <summary>Says what a value on the command line names.</summary>
enum NameKind
{
    /// <summary>Nothing that is known.</summary>
    None,

    /// <summary>A node.</summary>
    Node,

    /// <summary>A node that waits for approval.</summary>
    WaitingNode,

    /// <summary>A user.</summary>
    User,

    /// <summary>A tag.</summary>
    Tag,

    /// <summary>A credential that can still be used.</summary>
    Credential,

    /// <summary>A token that can still be used.</summary>
    Token,

    /// <summary>A revision of the policy.</summary>
    Revision,

    /// <summary>A controller.</summary>
    Controller,

    /// <summary>A scope of a token.</summary>
    Scope,

    /// <summary>A file on this machine.</summary>
    File,
}

/// <summary>
/// Completes the last word of a line by the table of verbs: verbs and flags as they stand there, values by what they name. Words with
/// quotes are left alone.
/// </summary>
/// <param name="root">The table.</param>
/// <param name="names">Gives the names of a kind that begin with a text; called only where one can stand.</param>
sealed class VerbCompleter(Command root, Func<NameKind, string, IEnumerable<string>> names)
{
    static readonly string[] BuiltIn = ["exit", "help"];

    /// <summary>Completes the end of a line.</summary>
    public Completion Complete(string line)
    {
        var start = line.LastIndexOfAny([' ', '\t']) + 1;
        var word = line[start..];
        if (word.AsSpan().ContainsAny('\'', '"', '\\') || ShellWords.Split(line[..start], out _) is not { } before)
            return Completion.None;
        var isHelp = before is ["help", ..];
        var place = Place.After(root, isHelp ? before.Skip(1) : before);
        if (place is null)
            return Completion.None;
        var found = place.Option is { } option ? names(KindOf(option), word)
            : word.StartsWith('-') ? place.Options
            : isHelp ? place.Verbs
            : place.Verbs.Concat(place is { Position: 0 } && place.Command == root ? BuiltIn : []).Concat(place.Argument is { } argument ? names(KindOf(place.Command, argument), word) : []);
        var words = found.Where(one => one.StartsWith(word, StringComparison.Ordinal)).Distinct().Order(StringComparer.Ordinal).ToArray();
        return new Completion(start, words, words is not [var only] || !only.EndsWith('/'));
    }

    static NameKind KindOf(Option option) => option.Name switch
    {
        "--user" => NameKind.User,
        "--tag" => NameKind.Tag,
        "--scope" => NameKind.Scope,
        _ => option.HelpName switch
        {
            "FILE" => NameKind.File,
            "TAGS" => NameKind.Tag,
            _ => NameKind.None,
        },
    };

    static NameKind KindOf(Command verb, Argument argument) => (verb.Parents.OfType<Command>().FirstOrDefault()?.Name, argument.Name) switch
    {
        ("node", "NAME") when verb.Name == "approve" => NameKind.WaitingNode,
        ("node", "NAME" or "NODE") or (_, "NODE") => NameKind.Node,
        ("user", "NAME") when verb.Name != "create" => NameKind.User,
        ("credential", "ID") => NameKind.Credential,
        ("token", "TOKEN") => NameKind.Token,
        ("policy", "REV" or "REV1" or "REV2") => NameKind.Revision,
        (_, "CONTROLLER") => NameKind.Controller,
        (_, "TAG" or "TAGS") => NameKind.Tag,
        (_, "FILE") => NameKind.File,
        _ => NameKind.None,
    };

    // Where the next word stands: after a flag that wants a value, or as a verb, flag or argument of a verb.
    sealed record Place(Command Command, Option? Option, int Position)
    {
        public static Place? After(Command root, IEnumerable<string> words)
        {
            var place = new Place(root, null, 0);
            foreach (var word in words)
                place = place.Next(word);
            return place.Command.Hidden ? null : place;
        }

        // A verb comes after the arguments of what it belongs to.
        public IEnumerable<string> Verbs => Position == Command.Arguments.Sum(argument => argument.Arity.MinimumNumberOfValues)
            ? Command.Subcommands.Where(verb => !verb.Hidden).Select(verb => verb.Name)
            : [];

        public IEnumerable<string> Options => Known.Where(option => !option.Hidden).SelectMany(option => option.Aliases.Prepend(option.Name))
            .Where(name => name.StartsWith("--", StringComparison.Ordinal));

        public Argument? Argument
        {
            get
            {
                var rest = Position;
                foreach (var argument in Command.Arguments)
                {
                    if (rest < argument.Arity.MaximumNumberOfValues)
                        return argument;
                    rest -= argument.Arity.MaximumNumberOfValues;
                }
                return null;
            }
        }

        IEnumerable<Option> Known => Command.Options.Concat(Parents(Command).SelectMany(parent => parent.Options.Where(option => option.Recursive)));

        Place Next(string word)
        {
            if (word.StartsWith('-') && Known.FirstOrDefault(one => one.Name == word || one.Aliases.Contains(word)) is { } option)
                return this with { Option = option.ValueType != typeof(bool) ? option : null };
            if (Option is not null)
                return this with { Option = Option.AllowMultipleArgumentsPerToken ? Option : null };
            return Command.Subcommands.FirstOrDefault(verb => verb.Name == word) is { } verb
                ? new Place(verb, null, 0)
                : this with { Position = Position + 1 };
        }

        static IEnumerable<Command> Parents(Symbol symbol)
        {
            foreach (var parent in symbol.Parents.OfType<Command>())
            {
                yield return parent;
                foreach (var above in Parents(parent))
                    yield return above;
            }
        }
    }
}
