using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Mesh.Actors.Diagnostics;
using Mesh.Controller.Admin;
using Mesh.Controller.Configuration;

namespace Mesh.Controller.CommandLine;

/// <summary>Is every verb of the program with its flags, help and action.</summary>
static partial class VerbTable
{
    /// <summary>Builds the table for one run in a terminal.</summary>
    public static RootCommand Create(Terminal terminal) => Create(terminal, new CommonFlags());

    static RootCommand Create(Terminal terminal, CommonFlags common)
    {
        var root = new RootCommand("Runs and administers the controller of a mesh network.\n\nExample:\n  mesh-controller serve")
        {
            Serve(terminal, common),
            User(terminal, common),
            Credential(terminal, common),
            Node(terminal, common),
            Policy(terminal, common),
            Token(terminal, common),
            Audit(terminal, common),
            Map(terminal, common),
            At(terminal, common),
            Status(terminal, common),
            Cluster(terminal, common),
            Backup(terminal, common),
            Restore(terminal, common),
            Database(terminal, common),
            Shell(terminal, common),
            Debug(terminal, common),
            Version(terminal, common),
        };
        // The root command prints the version itself only as 'version' does.
        foreach (var option in root.Options.OfType<VersionOption>().ToList())
            root.Options.Remove(option);
        common.AddTo(root);
        return root;
    }

    static Command Serve(Terminal terminal, CommonFlags common)
    {
        var stateDirectory = new Option<string?>("--state-dir") { Description = "Directory of keys and journal", HelpName = "DIR" };
        var database = new Option<string?>("--database")
        {
            Description = "PostgreSQL database of the journal, postgresql://USER@HOST/DATABASE; without it a file in the state directory", HelpName = "URI",
        };
        var listen = Many("--listen", "ADDR:PORT", "Where the API listens; may be given several times");
        var advertise = Many("--advertise", "HOST:PORT", "Where nodes find this controller; may be given up to three times");
        var passphrase = new Option<string?>("--root-passphrase-file")
        {
            Description = "File whose first line encrypts the network's root key", HelpName = "FILE",
        };
        var logLevel = new Option<string?>("--log-level")
        {
            Description = "trace, debug, information, warning or error", HelpName = "LEVEL",
        };
        var verb = Verb("serve", "Runs the controller until SIGTERM; the first start makes the network.",
            "mesh-controller serve --listen 0.0.0.0:8443 --advertise vpn.example.com:8443");
        Add(verb, stateDirectory, database, listen, advertise, passphrase, logLevel);
        verb.SetAction((parsed, cancellationToken) => ServeVerb.RunAsync(
            ControllerSettings.Resolve(
                common.Flags(parsed) with
                {
                    StateDirectory = parsed.GetValue(stateDirectory),
                    Database = parsed.GetValue(database),
                    Listen = parsed.GetValue(listen) ?? [],
                    Advertise = parsed.GetValue(advertise) ?? [],
                    RootPassphraseFile = parsed.GetValue(passphrase),
                    LogLevel = parsed.GetValue(logLevel),
                },
                terminal.Environment),
            terminal, cancellationToken));
        return verb;
    }

    static Command Status(Terminal terminal, CommonFlags common)
    {
        var verb = Verb("status", "Shows how the controller is doing, and what needs a look.", "mesh-controller status");
        verb.SetAction((parsed, cancellationToken) => AskAsync(parsed, terminal, common, async (client, output) =>
            output.Show(await client.GetAsync("/v1/status", AdminJson.Default.StatusReport, cancellationToken),
                AdminJson.Default.StatusReport, WriteStatus)));
        return verb;
    }

    static Command Debug(Terminal terminal, CommonFlags common)
    {
        var actors = Verb("actors", "Shows the living tree of actors, and what each class of them has done.", "mesh-controller debug actors");
        actors.SetAction((parsed, cancellationToken) => AskAsync(parsed, terminal, common, async (client, output) =>
            output.Show(await client.GetAsync("/v1/debug/actors", AdminJson.Default.ActorReport, cancellationToken),
                AdminJson.Default.ActorReport, (report, to) => to.Out.Write(ActorTreeText.Print(report)))));
        var debug = Verb("debug", "Shows the controller's works: for finding out what is stuck.", "mesh-controller debug actors");
        debug.Subcommands.Add(actors);
        return debug;
    }

    static Command Version(Terminal terminal, CommonFlags common)
    {
        var verb = Verb("version", "Shows the version of this program.", "mesh-controller version");
        verb.SetAction(parsed =>
        {
            new Output(terminal, common.Json(parsed)).Show(
                new VersionReport(ProgramVersion.Text), AdminJson.Default.VersionReport,
                (report, to) => to.Out.WriteLine($"mesh-controller {report.Version}"));
            return ExitCode.Done;
        });
        return verb;
    }

    static void WriteStatus(StatusReport report, Terminal to)
    {
        foreach (var (name, value) in new (string, string)[]
        {
            ("network", report.Network.ToString()),
            ("zone", report.Zone),
            ("addresses", $"{report.Ipv4}, {report.Ipv6}"),
            ("controller", $"{report.Controller}, version {report.Version}, up since {Show(report.StartedAt)}"),
            ("listening", string.Join(", ", report.Listen)),
            ("advertised", string.Join(", ", report.Advertise)),
            ("state", report.StateDirectory),
            ("journal", report.Journal),
            ("revision", $"{report.Revision} in epoch {report.Epoch}"),
            ("audit head", report.AuditHead ?? "-"),
            ("nodes", $"{report.Nodes}, {report.Attached} attached"),
            ("users", $"{report.Users}"),
            ("credentials", $"{report.CredentialsOpen} open"),
            ("delegation", $"until {Show(report.DelegationEnds)}"),
        })
            to.Out.WriteLine($"{name,-12}{value}");
        foreach (var warning in report.Warnings)
            to.Out.WriteLine(TextTable.Paint("warning: " + warning, CellStyle.Bad, to.Colours));
    }

    static Command Verb(string name, string description, string example) => new(name, $"{description}\n\nExample:\n  {example}");

    static void Add(Command verb, params Symbol[] symbols)
    {
        foreach (var symbol in symbols)
        {
            if (symbol is Option option)
                verb.Options.Add(option);
            else
                verb.Arguments.Add((Argument)symbol);
        }
    }

    static Option<string[]> Many(string name, string helpName, string description) =>
        new(name) { Description = description, HelpName = helpName, Arity = ArgumentArity.OneOrMore };

    static async Task<int> AskAsync(ParseResult parsed, Terminal terminal, CommonFlags common, Func<AdminClient, Output, Task> ask)
    {
        var link = common.Open(parsed, terminal);
        using var owned = common.IsShared ? null : link;
        var client = new AdminClient(link, common.Moment(parsed));
        var output = new Output(terminal, common.Json(parsed));
        await ask(client, output);
        WriteAsOf(client, terminal);
        return output.ExitCode;
    }

    static string Show(Protocol.Time.WallTime? time) =>
        time?.ToDateTimeOffset().ToString("yyyy-MM-dd HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture) ?? "-";

    /// <summary>Is where an answer goes and in which form.</summary>
    sealed class Output(Terminal terminal, bool json)
    {
        /// <summary>Gets or sets what the program ends with.</summary>
        public int ExitCode { get; set; } = Mesh.Controller.ExitCode.Done;

        /// <summary>Gets whether programs read the answer.</summary>
        public bool IsJson => json;

        /// <summary>Gets the terminal.</summary>
        public Terminal Terminal => terminal;

        /// <summary>Writes a document as indented JSON, or as people like it.</summary>
        public void Show<T>(T document, JsonTypeInfo<T> type, Action<T, Terminal> forPeople)
        {
            if (!json)
            {
                forPeople(document, terminal);
                return;
            }
            using var buffer = new MemoryStream();
            using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions
            {
                Indented = true,
                Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            }))
                JsonSerializer.Serialize(writer, document, type);
            terminal.Out.WriteLine(System.Text.Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length));
        }
    }

    /// <summary>Is the flags that every verb takes.</summary>
    /// <param name="shared">The connection of the shell that the verbs are typed in, which none of these flags changes.</param>
    sealed class CommonFlags(AdminLink? shared = null)
    {
        readonly Option<string?> _config = new("--config")
        {
            Description = $"Configuration file [default: {ControllerSettings.DefaultConfigPath}]", HelpName = "FILE", Recursive = true,
        };

        readonly Option<string?> _socket = new("--socket")
        {
            Description = $"Admin socket [default: {new ControllerSettings().Socket}]", HelpName = "PATH", Recursive = true,
        };

        readonly Option<string[]> _server = new("--server")
        {
            Description = $"A controller elsewhere, https://HOST:PORT; of several the next is asked where one cannot be reached [{AdminPlace.ServerVariable}]",
            HelpName = "URL", Recursive = true, Arity = ArgumentArity.OneOrMore,
        };

        readonly Option<string?> _tokenFile = new("--token-file")
        {
            Description = $"File with the token for --server; - reads the first line of standard input [{AdminPlace.TokenFileVariable}]",
            HelpName = "FILE", Recursive = true,
        };

        readonly Option<bool> _json = new("--json") { Description = "Print JSON for programs", Recursive = true };

        /// <summary>Is the moment that <c>at</c> takes.</summary>
        public Argument<string> MomentArgument { get; } = new("TIME")
        {
            Description = "2026-03-01T14:00:00Z, -90s, -30m, -2h, -7d, or @REVISION",
        };

        public string? Moment(ParseResult parsed) => parsed.GetResult(MomentArgument) is null ? null : parsed.GetValue(MomentArgument);

        /// <summary>Gets whether <see cref="Open"/> gives what others use too.</summary>
        public bool IsShared => shared is not null;

        public void AddTo(RootCommand root)
        {
            if (!IsShared)
                Add(root, _config, _socket, _server, _tokenFile);
            Add(root, _json);
        }

        public bool Json(ParseResult parsed) => parsed.GetValue(_json);

        /// <summary>Prepares to ask the controller that the flags and the environment name, or the shell's.</summary>
        public AdminLink Open(ParseResult parsed, Terminal terminal) => shared
            ?? AdminPlace.Open(parsed.GetValue(_server) ?? [], parsed.GetValue(_tokenFile), Flags(parsed), terminal);

        public SettingFlags Flags(ParseResult parsed) => new() { Config = parsed.GetValue(_config), Socket = parsed.GetValue(_socket) };
    }
}
