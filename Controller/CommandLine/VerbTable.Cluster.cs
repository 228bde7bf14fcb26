using System.CommandLine;
using System.Globalization;
using Mesh.Actors.Ports;
using Mesh.Controller.Admin;
using Mesh.Controller.Configuration;
using Mesh.Controller.Hosting;
using Mesh.Controller.Journal;
using Mesh.Controller.Keys;
using Mesh.Protocol;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Controller.CommandLine;

static partial class VerbTable
{
    static Command Cluster(Terminal terminal, CommonFlags common) =>
        Group("cluster", "Shows the controllers of the network, adds, renews and removes them.", "mesh-controller cluster status",
            ClusterStatus(terminal, common), ClusterJoin(terminal, common), ClusterSign(terminal, common), ClusterRenew(terminal, common),
            ClusterRemove(terminal, common));

    static Command ClusterJoin(Terminal terminal, CommonFlags common)
    {
        var stateDirectory = new Option<string?>("--state-dir") { Description = "Directory of this controller's keys; empty or new", HelpName = "DIR" };
        var database = new Option<string?>("--database") { Description = "PostgreSQL database of the network's journal, postgresql://USER@HOST/DATABASE", HelpName = "URI" };
        var root = new RootFlags();
        var verb = Verb("join", "Makes this machine another controller of the network whose journal is in a database.",
            "mesh-controller cluster join --database postgresql://mesh@db.example.com/mesh --root-key /media/key/root.key");
        Add(verb, stateDirectory, database);
        root.AddTo(verb);
        verb.SetAction((parsed, _) => ExplainedAsync(async () =>
        {
            root.Check(parsed);
            var settings = ControllerSettings.Resolve(
                common.Flags(parsed) with
                {
                    StateDirectory = parsed.GetValue(stateDirectory), Database = parsed.GetValue(database), RootPassphraseFile = root.Passphrase(parsed),
                },
                terminal.Environment);
            var place = settings.Database ?? throw new CommandException(
                ExitCode.Usage, "several controllers share a PostgreSQL database: name the network's with --database");
            using var state = StateDirectory.Open(settings.StateDirectory);
            JoinedNetwork network;
            using (var journal = PostgresJournal.Open(place, SchemaRights.None))
                network = await JournaledNetwork.ReadAsync(journal);
            var now = new MachineClock().Now;
            var output = new Output(terminal, common.Json(parsed));
            if (ControllerJoin.Begin(state, network, now, SystemEntropy.Instance) is not { } join)
            {
                terminal.Error.WriteLine($"{state.Path} holds a controller of network {network.Network} already: start it with 'mesh-controller serve'");
                return ExitCode.Done;
            }
            if (root.Obtain(parsed, settings, join.Request, now) is not { } delegation)
            {
                Request(output, join.Request, root.RequestPath(parsed) ?? join.RequestPath, "join", Words(parsed, "--state-dir", "--database"));
                return ExitCode.Done;
            }
            join.Complete(delegation.Envelope, now, delegation.Name);
            output.Show(Report(join.Request, join.Request.Check(delegation.Envelope, now, delegation.Name)), AdminJson.Default.DelegationReport, (report, to) =>
                to.Out.WriteLine($"controller {report.Controller} belongs to network {report.Network} until {Show(report.Until)}: start it with 'mesh-controller serve{Words(parsed, "--state-dir", "--database")}'"));
            return ExitCode.Done;
        }));
        return verb;
    }

    static Command ClusterSign(Terminal terminal, CommonFlags common)
    {
        var request = new Argument<string>("REQUEST") { Description = "What 'cluster join' or 'cluster renew' wrote; - reads standard input" };
        var key = new Option<string>("--root-key") { Description = "The network's root key", HelpName = "FILE", Required = true };
        var passphrase = new Option<string?>("--root-passphrase-file") { Description = "File whose first line opens the root key", HelpName = "FILE" };
        var verb = Verb("sign", "Lets a controller speak for the network, where the root key is; needs no network and no controller.",
            "mesh-controller cluster sign join.request --root-key root.key > delegation");
        Add(verb, request, key, passphrase);
        verb.SetAction(async (parsed, cancellationToken) =>
        {
            var name = parsed.GetValue(request)!;
            var asked = DelegationRequest.Parse(await ReadFileAsync(name, terminal, cancellationToken), name);
            var settings = ControllerSettings.Resolve(common.Flags(parsed) with { RootPassphraseFile = parsed.GetValue(passphrase) }, terminal.Environment);
            var path = parsed.GetValue(key)!;
            using var root = RootKeyFile.Read(path, ControllerDaemon.ReadPassphrase(settings.RootPassphraseFile));
            var (statement, envelope) = asked.Sign(root, new MachineClock().Now, path);
            // What was signed is for the person, the delegation for the file.
            WriteSigned(Report(asked, statement), terminal.Error);
            terminal.Out.Write(DelegationRequest.Print(envelope));
            return ExitCode.Done;
        });
        return verb;
    }

    static Command ClusterRenew(Terminal terminal, CommonFlags common)
    {
        var id = new Argument<string?>("CONTROLLER") { Description = "Its id; without one the controller that is asked", Arity = ArgumentArity.ZeroOrOne };
        var root = new RootFlags();
        var verb = Verb("renew", "Lets a controller speak for the network for another year; any controller takes it.",
            "mesh-controller cluster renew --root-key /media/key/root.key");
        Add(verb, id);
        root.AddTo(verb);
        verb.SetAction((parsed, cancellationToken) => AskAsync(parsed, terminal, common, async (client, output) =>
        {
            root.Check(parsed);
            var settings = ControllerSettings.Resolve(common.Flags(parsed) with { RootPassphraseFile = root.Passphrase(parsed) }, terminal.Environment);
            var path = $"/v1/cluster/controllers/{Uri.EscapeDataString(parsed.GetValue(id) ?? "self")}";
            var record = await client.GetAsync(path, AdminJson.Default.ControllerRecord, cancellationToken);
            if (record.Withdrawn)
                throw new CommandException(ExitCode.Refused, $"controller {record.Controller} was withdrawn for ever: it cannot be renewed");
            // The keys are those that the root has signed before: whoever answers cannot bring others in.
            if (!record.Delegation.Verify(PayloadTypes.Delegation, record.RootKey)
                || !ProtocolJson.TryDecode(record.Delegation.Payload, ProtocolJson.Default.Delegation, out var former)
                || former.Controller != record.Controller)
                throw new CommandException(ExitCode.Refused, $"the present delegation of controller {record.Controller} is not by the root of its network");
            var request = DelegationRequest.Of(former, record.RootKey);
            var now = new MachineClock().Now;
            if (root.Obtain(parsed, settings, request, now) is not { } delegation)
            {
                Request(output, request, root.RequestPath(parsed) ?? $"{record.Controller}.request", $"renew {record.Controller}", Words(parsed, "--socket"));
                return;
            }
            var statement = request.Check(delegation.Envelope, now, delegation.Name);
            await client.PostAsync(
                $"/v1/cluster/controllers/{record.Controller}/renew", new NewDelegation(delegation.Envelope), AdminJson.Default.NewDelegation,
                AdminJson.Default.ControllerRecord, cancellationToken);
            output.Show(Report(request, statement), AdminJson.Default.DelegationReport, (report, to) =>
                to.Out.WriteLine($"controller {report.Controller} speaks for the network until {Show(report.Until)}"));
        }));
        return verb;
    }

    static Command ClusterRemove(Terminal terminal, CommonFlags common)
    {
        var id = new Argument<string>("CONTROLLER") { Description = "Its id, as 'cluster status' shows it" };
        var yes = new Option<bool>("--yes") { Description = "Do it: there is no way back" };
        var verb = Verb("remove", "Withdraws a controller for ever: nobody believes what it signs or certifies, nor what it has.",
            "mesh-controller cluster remove i2ku7yqkqfxl3w3c --yes");
        Add(verb, id, yes);
        verb.SetAction((parsed, cancellationToken) =>
        {
            var name = parsed.GetValue(id)!;
            if (!parsed.GetValue(yes))
                throw new CommandException(
                    ExitCode.Usage, $"this withdraws controller {name} for ever, and there is no way back: say --yes where that is meant");
            return AskAsync(parsed, terminal, common, async (client, output) =>
                output.Show(
                    await client.PostAsync<NewUser, RemovalReport>(
                        $"/v1/cluster/controllers/{Uri.EscapeDataString(name)}/remove", null, null, AdminJson.Default.RemovalReport, cancellationToken),
                    AdminJson.Default.RemovalReport, (report, to) => to.Out.WriteLine(string.Create(
                        CultureInfo.InvariantCulture,
                        $"withdrew {report.Controller}: {report.Told} of {report.Nodes} attached nodes know in {report.ElapsedSeconds:0.0} s"))));
        });
        return verb;
    }

    // The root is somewhere else: writes what is to be signed there, and says what to type.
    static void Request(Output output, DelegationRequest request, string path, string verb, string flags)
    {
        PrivateFile.Write(Path.GetFullPath(path), request.Print());
        output.Show(Report(request, null) with { Request = path }, AdminJson.Default.DelegationReport, (report, to) =>
        {
            WriteSigned(report, to.Out);
            to.Out.WriteLine();
            to.Out.WriteLine($"Where the root key is, with {path} copied there:");
            to.Out.WriteLine($"  mesh-controller cluster sign {path} --root-key FILE > DELEGATION");
            to.Out.WriteLine("Then here, with DELEGATION copied here:");
            to.Out.WriteLine($"  mesh-controller cluster {verb}{flags} --delegation DELEGATION");
        });
    }

    static DelegationReport Report(DelegationRequest request, Delegation? signed) =>
        new(request.Network, request.Epoch, request.Controller, request.KeyHash, DelegationRequest.Rights, signed?.NotAfter);

    static void WriteSigned(DelegationReport report, TextWriter to)
    {
        foreach (var (name, value) in new (string, string?)[]
        {
            ("network", $"{report.Network}, epoch {report.Epoch}"),
            ("controller", report.Controller.ToString()),
            ("keys", report.KeyHash.ToString()),
            ("rights", string.Join(", ", report.Rights)),
            ("until", report.Until is { } until ? Show(until) : null),
        })
        {
            if (value is not null)
                to.WriteLine($"{name,-12}{value}");
        }
    }

    // The flags as they were given, so that the next line can be typed as it is printed.
    static string Words(ParseResult parsed, params string[] names) => string.Concat(
        names.Select(name => (Name: name, Value: parsed.GetValue<string?>(name))).Where(flag => flag.Value is not null)
            .Select(flag => $" {flag.Name} {flag.Value}"));

    /// <summary>Is the flags that say where the root's word comes from.</summary>
    sealed class RootFlags
    {
        readonly Option<string?> _key = new("--root-key") { Description = "The network's root key, at hand for this one command", HelpName = "FILE" };
        readonly Option<string?> _passphrase = new("--root-passphrase-file") { Description = "File whose first line opens the root key", HelpName = "FILE" };
        readonly Option<string?> _delegation = new("--delegation") { Description = "What 'cluster sign' printed where the root key is", HelpName = "FILE" };
        readonly Option<string?> _request = new("--request") { Description = "Where to write what is to be signed, where no root key is at hand", HelpName = "FILE" };

        public void AddTo(Command verb) => Add(verb, _key, _passphrase, _delegation, _request);

        public string? Passphrase(ParseResult parsed) => parsed.GetValue(_passphrase);

        public string? RequestPath(ParseResult parsed) => parsed.GetValue(_request);

        public void Check(ParseResult parsed)
        {
            if (new[] { _key, _delegation, _request }.Count(flag => parsed.GetValue(flag) is not null) > 1)
                throw new CommandException(ExitCode.Usage, "--root-key, --delegation and --request exclude each other: give one");
        }

        /// <summary>Has the root sign, or reads what it signed; null where neither is at hand.</summary>
        public (DsseEnvelope Envelope, string Name)? Obtain(ParseResult parsed, ControllerSettings settings, DelegationRequest request, WallTime now)
        {
            if (parsed.GetValue(_key) is { } key)
            {
                using var root = RootKeyFile.Read(key, ControllerDaemon.ReadPassphrase(settings.RootPassphraseFile));
                return (request.Sign(root, now, key).Envelope, key);
            }
            if (parsed.GetValue(_delegation) is not { } path)
                return null;
            try
            {
                return (DelegationRequest.ParseDelegation(File.ReadAllText(path), path), path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw CannotRead(path, e);
            }
        }
    }
}
