using System.CommandLine;
using System.Globalization;
using System.Text;
using Mesh.Controller.Admin;
using Mesh.Controller.Backup;
using Mesh.Controller.Hosting;
using Mesh.Controller.Keys;
using Mesh.Protocol.Time;

namespace Mesh.Controller.CommandLine;

static partial class VerbTable
{
    static Command Backup(Terminal terminal, CommonFlags common)
    {
        var file = new Option<string>("--output", "-o") { Description = "Where to", HelpName = "FILE", Required = true };
        var verb = Verb(
            "backup",
            "Writes a backup of the running controller: the whole journal as of one moment, signed. It holds no private key; restoring it takes the network's root key.",
            "mesh-controller backup -o /backup/mesh-$(date +%F).backup");
        Add(verb, file);
        verb.SetAction((parsed, cancellationToken) => AskAsync(parsed, terminal, common, async (client, output) =>
        {
            var target = parsed.GetValue(file)!;
            BackupReport? report = null;
            await WriteWholeAsync(
                target,
                async to =>
                {
                    var lines = 0;
                    await foreach (var line in client.GetLinesAsync("/v1/backup", cancellationToken))
                    {
                        await to.WriteAsync((line + "\n").AsMemory(), cancellationToken);
                        lines++;
                    }
                    return lines;
                },
                written => report = Describe(BackupFile.Open(written, target), target));
            output.Show(report!, AdminJson.Default.BackupReport, (done, to) => to.Out.WriteLine(Line(done)));
        }));
        return verb;
    }

    static Command Restore(Terminal terminal, CommonFlags common)
    {
        var file = new Argument<string>("FILE") { Description = "What 'mesh-controller backup' wrote" };
        var check = new Option<bool>("--check") { Description = "Only say whether the backup is whole and whose it is; changes nothing" };
        var epoch = new Option<int?>("--new-epoch")
        {
            Description = "Go on under a new epoch, which makes nodes take an older state [default: the one after the backup's; "
                + "name a higher one where this network was restored before and the backup does not know of it]",
            HelpName = "N",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var root = new Option<string?>("--root-key") { Description = "The network's root key", HelpName = "FILE" };
        var passphrase = new Option<string?>("--root-passphrase-file") { Description = "File whose first line opens the root key", HelpName = "FILE" };
        var verb = Verb(
            "restore",
            "Makes a controller from a backup on a machine that has none. Nodes come back to it by themselves where they find it at the old address.",
            "mesh-controller restore mesh.backup --new-epoch --root-key root.key");
        Add(verb, file, check, epoch, root, passphrase);
        var place = new PlaceFlags(verb);
        verb.SetAction((parsed, _) => ExplainedAsync(async () =>
        {
            var output = new Output(terminal, common.Json(parsed));
            var source = parsed.GetValue(file)!;
            if (parsed.GetValue(check))
            {
                output.Show(Describe(BackupFile.Open(source, source), source), AdminJson.Default.BackupReport, (report, to) => to.Out.WriteLine(Line(report)));
                return ExitCode.Done;
            }
            if (parsed.GetResult(epoch) is null)
                throw new CommandException(
                    ExitCode.Usage, "say --new-epoch: nodes have seen newer revisions than the backup's and go back to older ones only under a new epoch");
            if (parsed.GetValue(root) is not { } rootFile)
                throw new CommandException(ExitCode.Usage, "name the network's root key with --root-key: only it can begin a new epoch");
            var settings = place.Resolve(parsed, terminal, common);
            using var rootKey = RootKeyFile.Parse(
                Encoding.UTF8.GetString(PrivateFile.Read(rootFile)), ControllerDaemon.ReadPassphrase(parsed.GetValue(passphrase) ?? settings.RootPassphraseFile),
                rootFile);
            var backup = BackupFile.Open(source, source);
            var restored = await Restoration.RunAsync(
                backup, rootKey,
                new RestoreRequest(settings.StateDirectory, settings.Database, parsed.GetValue(epoch), "admin:" + Environment.UserName),
                WallTime.From(DateTimeOffset.UtcNow), SystemEntropy.Instance);
            var before = backup.Inventory.View.Controllers.Values.Where(one => !one.Withdrawn)
                .OrderBy(one => one.Id.ToString(), StringComparer.Ordinal).ToList();
            output.Show(
                new RestoreReport(
                    Describe(backup, source), restored.Epoch, restored.Controller, restored.Journal, [.. before.Select(one => one.Id)],
                    backup.Inventory.OpenCredentials, backup.Inventory.OpenTokens, [.. before.SelectMany(one => one.Addresses).Distinct(StringComparer.Ordinal)]),
                AdminJson.Default.RestoreReport,
                (report, to) => WriteRestored(report, settings.StateDirectory, to));
            return ExitCode.Done;
        }));
        return verb;
    }

    static BackupReport Describe(BackupFile backup, string path)
    {
        var statement = backup.Statement;
        return new BackupReport(
            path, statement.Network, statement.Controller, statement.Epoch, statement.TakenAt, statement.Rows, statement.Revision,
            backup.Inventory.View.Present.Count, backup.Digest);
    }

    static string Line(BackupReport report) => string.Create(
        CultureInfo.InvariantCulture,
        $"{report.File}: network {report.Network} with {Count(report.Nodes, "node")}, {Count(report.Events, "event")} up to revision {report.Revision} in epoch {report.Epoch}, "
        + $"taken {Show(report.TakenAt)} by controller {report.Controller}, sha256 {report.Digest}");

    static void WriteRestored(RestoreReport report, string stateDirectory, Terminal to)
    {
        var taken = Show(report.Backup.TakenAt);
        to.Out.WriteLine($"restored {Line(report.Backup)}");
        to.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"epoch {report.Epoch} begins, with controller {report.Controller} and the journal {report.Journal}"));
        to.Out.WriteLine($"withdrawn: {string.Join(", ", report.Withdrawn)}; a machine that was another controller joins the cluster again as a new one");
        to.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"revoked: {Count(report.CredentialsRevoked, "credential")} and {Count(report.TokensRevoked, "token")}, since nobody knows whether they were used or revoked after the backup"));
        to.Out.WriteLine($"lost: whatever was decided after {taken}. Machines that joined since then must join again, and what was revoked or forbidden");
        to.Out.WriteLine("  since then is back: look at 'node list' and 'policy get' once the controller runs");
        to.Out.WriteLine($"next: mesh-controller serve --state-dir {stateDirectory} {string.Join(' ', report.Addresses.Select(address => "--advertise " + address))}");
        to.Out.WriteLine("  where nodes look for a controller: at the addresses of the old ones, or at names that lead to this one");
    }
}
