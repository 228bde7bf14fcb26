using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Mesh.Controller.Admin;
using Mesh.Controller.Audit;
using Mesh.Controller.Verification;
using Mesh.Protocol.Audit;
using Mesh.Protocol.Identity;

namespace Mesh.Controller.CommandLine;

static partial class VerbTable
{
    static Command Audit(Terminal terminal, CommonFlags common)
    {
        return Group(
            "audit", "Shows what happened, by whom and when; proves that nothing of it was changed.", "mesh-controller audit list",
            List(), Export(), Verify(), Prune(terminal, common));

        Command List()
        {
            var type = new Option<string?>("--type") { Description = "Only this kind: credential, or credential.used", HelpName = "KIND" };
            var limit = new Option<int>("--limit")
            {
                Description = "At most so many, the newest", HelpName = "N", DefaultValueFactory = _ => 100,
            };
            var since = new Option<string?>("--since")
            {
                Description = "Only what was decided since: 2h, 7d, 2026-03-01T14:00:00Z, or @REVISION", HelpName = "TIME",
            };
            var by = new Option<string?>("--by") { Description = "Only what this one did: admin:root, root, node:ID, system", HelpName = "WHO" };
            var subject = new Option<string?>("--subject")
            {
                Description = "Only what happened to this one: a node's name or id, a user, a credential's id, policy, network", HelpName = "NAME",
            };
            var follow = new Option<bool>("--follow", "-f") { Description = "Go on with what happens from now, until interrupted" };
            var list = Verb("list", "Lists what happened, the newest last.", "mesh-controller audit list --type credential --since 7d --by root");
            Add(list, type, since, by, subject, limit, follow);
            list.SetAction((parsed, cancellationToken) => AskAsync(parsed, terminal, common, async (client, output) =>
            {
                if (parsed.GetValue(limit) < 1)
                    throw new CommandException(ExitCode.Usage, "--limit: a number from 1 is expected");
                var query = string.Create(CultureInfo.InvariantCulture, $"/v1/audit?limit={parsed.GetValue(limit)}");
                // How long ago, with or without the sign.
                var moment = parsed.GetValue(since) is [>= '0' and <= '9', .., 's' or 'm' or 'h' or 'd'] ago ? "-" + ago : parsed.GetValue(since);
                foreach (var (name, value) in new[]
                    { ("type", parsed.GetValue(type)), ("since", moment), ("by", parsed.GetValue(by)), ("subject", parsed.GetValue(subject)) })
                {
                    if (value is not null)
                        query += $"&{name}={Uri.EscapeDataString(value)}";
                }
                var answer = await client.GetAsync(query, AdminJson.Default.AuditList, cancellationToken);
                if (!parsed.GetValue(follow))
                {
                    output.Show(answer, AdminJson.Default.AuditList, WriteEntries);
                    return;
                }
                while (true)
                {
                    foreach (var entry in answer.Entries)
                        terminal.Out.WriteLine(output.IsJson ? JsonSerializer.Serialize(entry, AdminJson.Default.AuditLine) : Line(entry));
                    await terminal.Out.FlushAsync(cancellationToken);
                    await Task.Delay(FollowInterval, cancellationToken);
                    answer = await client.GetAsync(
                        query + string.Create(CultureInfo.InvariantCulture, $"&after={answer.Upto}"), AdminJson.Default.AuditList, cancellationToken);
                }
            }));
            return list;
        }

        Command Export()
        {
            var from = new Option<long?>("--from") { Description = "The first event by its ordering [default: the first of all]", HelpName = "N" };
            var to = new Option<long?>("--to") { Description = "The last event by its ordering [default: the newest]", HelpName = "N" };
            var continues = new Option<string?>("--continue")
            {
                Description = "Begin where this export ended; refused where the journal does not hold what it ended with", HelpName = "FILE",
            };
            var withheld = new Option<bool>("--no-payloads") { Description = "Only hashes of the events' content: what is left can be verified as well" };
            var file = new Option<string>("--output", "-o")
            {
                Description = "Where to, a new file with mode 0600; - writes to standard output", HelpName = "FILE", DefaultValueFactory = _ => "-",
            };
            var verb = Verb(
                "export",
                "Writes the journal, or a stretch of it, as lines of JSON that 'audit verify' can check without a controller: every event with the "
                + "value of the hash chain after it, at the end the controller's signature. It holds hashes of secrets and no secret. An event's "
                + "content is base64: jq -r 'select(.payload).payload|@base64d'.\n\nThe journal itself keeps every event, since it is what the "
                + "network is computed from, and the content of those that it still needs; see 'audit prune'. What is to be kept elsewhere is exported "
                + "in stretches that follow each other; each can be verified by itself, and all of them together.",
                "mesh-controller audit export --continue 2026-10.jsonl -o 2026-11.jsonl");
            Add(verb, from, to, continues, withheld, file);
            verb.SetAction((parsed, cancellationToken) => AskAsync(parsed, terminal, common, async (client, output) =>
            {
                var query = "/v1/audit/export?payloads=" + (parsed.GetValue(withheld) ? "no" : "yes");
                if (parsed.GetValue(continues) is { } earlier)
                {
                    if (parsed.GetValue(from) is not null)
                        throw new CommandException(ExitCode.Usage, "--continue says where to begin: leave --from away");
                    query += $"&continues={Uri.EscapeDataString(EndOf(earlier).ToString())}";
                }
                if (parsed.GetValue(from) is { } first)
                    query += string.Create(CultureInfo.InvariantCulture, $"&from={first}");
                if (parsed.GetValue(to) is { } last)
                    query += string.Create(CultureInfo.InvariantCulture, $"&to={last}");
                var target = parsed.GetValue(file)!;
                var written = target == "-" ? await CopyAsync(terminal.Out) : await WriteWholeAsync(target, CopyAsync);
                terminal.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{written} events exported"));

                async Task<long> CopyAsync(TextWriter writer)
                {
                    var lines = 0L;
                    await foreach (var line in client.GetLinesAsync(query, cancellationToken))
                    {
                        if (line.StartsWith(ExportProblem.Prefix, StringComparison.Ordinal))
                            throw new CommandException(ExitCode.Failed, JsonSerializer.Deserialize(line, ExportJson.Default.ExportProblem)!.Problem);
                        await writer.WriteAsync((line + "\n").AsMemory(), cancellationToken);
                        lines++;
                    }
                    return lines - 2;
                }
            }));
            return verb;
        }

        Command Verify()
        {
            var files = new Argument<string[]>("FILE") { Description = "What 'audit export' wrote; several that follow each other", Arity = ArgumentArity.OneOrMore };
            var root = new Option<string?>("--root-key-hash")
            {
                Description = "The hash of the network's root key, as 'status --json' shows it; without it anybody may have made the file", HelpName = "HASH",
            };
            var heads = Many("--head", "HEAD", "What a node holds, AuditHead of 'mesh status --json'; may be given several times");
            var verb = Verb(
                "verify",
                "Checks exports of the journal, without a controller: names the first line that is wrong, and ends with 65. Compare with heads of "
                + "nodes to see that the whole history was not replaced.",
                "mesh-controller audit verify journal.jsonl --root-key-hash HASH --head HEAD");
            Add(verb, files, root, heads);
            verb.SetAction(parsed =>
            {
                var expected = new Expectations(
                    parsed.GetValue(root) is { } hash ? ParseHash(hash) : null,
                    [.. (parsed.GetValue(heads) ?? []).Select(ParseHead)]);
                var opened = new List<(string Name, Stream Content)>();
                try
                {
                    foreach (var name in parsed.GetValue(files)!)
                        opened.Add((name, OpenExport(name)));
                    if (new ExportVerifier(expected).Verify(opened, out var verified) is { } fault)
                        throw new CommandException(ExitCode.BadInput, fault.ToString());
                    new Output(terminal, common.Json(parsed)).Show(
                        Report(verified, expected), AdminJson.Default.AuditVerification, WriteVerification);
                    return ExitCode.Done;
                }
                finally
                {
                    foreach (var (_, content) in opened)
                        content.Dispose();
                }
            });
            return verb;
        }
    }

    static Command Prune(Terminal terminal, CommonFlags common)
    {
        var olderThan = new Option<string>("--older-than") { Description = "How long ago it ended at least: 400d; 30 days is the least", HelpName = "TIME", Required = true };
        var dryRun = new Option<bool>("--dry-run", "-n") { Description = "Only say how much it is" };
        var verb = Verb(
            "prune",
            "Forgets for good what ended long ago: of credentials, machines and tokens of which nothing happened since, the journal keeps that "
            + "something happened and its hash, and no longer what. The audit chain holds as before: every head that a node or an export has stays "
            + "provable. Export first what is to be kept. The setting audit-retention does the same once a day. Backups and archives keep what they hold.",
            "mesh-controller audit prune --older-than 400d --dry-run");
        Add(verb, olderThan, dryRun);
        verb.SetAction((parsed, cancellationToken) => AskAsync(parsed, terminal, common, async (client, output) => output.Show(
            await client.PostAsync(
                "/v1/audit/prune", new PruneRequest(ParseSpan("--older-than", parsed.GetValue(olderThan)!), parsed.GetValue(dryRun)),
                AdminJson.Default.PruneRequest, AdminJson.Default.PruneAnswer, cancellationToken),
            AdminJson.Default.PruneAnswer,
            (answer, to) => to.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{(answer.DryRun ? "would prune" : "pruned")} {answer.Events} events of {answer.Entities} credentials, machines and tokens that ended before {Show(answer.Before)}")))));
        return verb;
    }

    // A question a second costs the controller a look at the journal's end.
    static readonly TimeSpan FollowInterval = TimeSpan.FromSeconds(1);

    static void WriteEntries(AuditList answer, Terminal to)
    {
        var table = new TextTable("TIME", "WHAT", "SUBJECT", "BY", "DETAIL");
        foreach (var entry in answer.Entries)
            table.Add(Show(entry.At), entry.Kind, entry.Subject, entry.By, entry.Detail);
        table.WriteTo(to);
    }

    // What comes one by one cannot line up with what is not known yet.
    static string Line(AuditLine entry) => string.Concat(
        $"{Show(entry.At)}  {entry.Kind}  {entry.Subject}  {entry.By}  {entry.Detail}".TrimEnd().Select(c => char.IsControl(c) ? '?' : c));

    static AuditHead EndOf(string path)
    {
        using var content = OpenExport(path);
        using var file = new ExportFile(path, content);
        return file.ReadLastLine()?.To
            ?? throw new CommandException(ExitCode.BadInput, $"{path} is no export: its signed last line is missing");
    }

    static FileStream OpenExport(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CannotRead(path, e);
        }
    }

    static Digest256 ParseHash(string text) => Octets32.TryParse(text.Trim(), out var hash)
        ? new Digest256(hash)
        : throw new CommandException(ExitCode.Usage, "--root-key-hash: 44 characters of base64 are expected, as 'status --json' shows them");

    static AuditHead ParseHead(string text) => AuditHead.TryParse(text.Trim(), out var head)
        ? head
        : throw new CommandException(ExitCode.Usage, $"--head '{text}': ORDERING:COUNT:DIGEST is expected, AuditHead of 'mesh status --json'");

    static AuditVerification Report(IReadOnlyList<VerifiedExport> verified, Expectations expected) => new(
        [.. verified.Select(one => new VerifiedStretch(
            one.File, one.To.Count - one.From.Count, one.From.ToString(), one.To.ToString(), one.Controller, one.Epoch, one.Issued, one.Payloads,
            one.Pruned))],
        verified[0].Network, verified[0].RootHash, expected.RootHash is not null, verified[^1].To.ToString(), expected.Heads.Count);

    static void WriteVerification(AuditVerification report, Terminal to)
    {
        foreach (var one in report.Files)
        {
            to.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{one.File}: {one.Entries} events{(one.Payloads ? "" : " without their content")}, signed by controller {one.Controller} on {Show(one.Issued)} in epoch {one.Epoch}"));
            if (one.Pruned > 0)
                to.Out.WriteLine(string.Create(
                    CultureInfo.InvariantCulture, $"            {one.Pruned} of them were pruned: their place and hash are proven, what they said is gone"));
        }
        to.Out.WriteLine($"network     {report.Network}");
        to.Out.WriteLine($"head        {report.Head}");
        to.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"nodes       {report.HeadsFound} heads are part of this history"));
        if (!report.RootKnown)
            to.Out.WriteLine(TextTable.Paint(
                $"warning: verified against the root key in the file, whose hash is {report.RootHash}: compare it with one that you know, or give --root-key-hash",
                CellStyle.Bad, to.Colours));
    }
}
