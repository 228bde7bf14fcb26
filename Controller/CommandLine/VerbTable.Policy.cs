using System.CommandLine;
using System.Globalization;
using Mesh.Controller.Admin;

namespace Mesh.Controller.CommandLine;

static partial class VerbTable
{
    static Command PolicyHistory(Terminal terminal, CommonFlags common)
    {
        var verb = Verb("history", "Lists the policies that were set, the one in force last.", "mesh-controller policy history");
        verb.SetAction((parsed, cancellationToken) => AskAsync(parsed, terminal, common, async (client, output) =>
            output.Show(
                await client.GetAsync("/v1/policy/history", AdminJson.Default.PolicyVersionList, cancellationToken),
                AdminJson.Default.PolicyVersionList, WritePolicies)));
        return verb;
    }

    static Command PolicyDiff(Terminal terminal, CommonFlags common)
    {
        var from = new Argument<string?>("REV1")
        {
            Description = "The earlier revision [default: the one before REV2]", Arity = ArgumentArity.ZeroOrOne,
        };
        var to = new Argument<string?>("REV2")
        {
            Description = "The later revision [default: the one in force]", Arity = ArgumentArity.ZeroOrOne,
        };
        var file = new Option<string?>("--file", "-f")
        {
            Description = "What setting this policy would change; - reads standard input", HelpName = "FILE",
        };
        var verb = Verb("diff", "Compares two policies, their texts and who gets or loses access; without a revision: what the last change did.",
            "mesh-controller policy diff -f policy.yaml");
        Add(verb, from, to, file);
        verb.SetAction((parsed, cancellationToken) => AskAsync(parsed, terminal, common, async (client, output) =>
        {
            var source = parsed.GetValue(file);
            var (first, second) = (Revision(parsed.GetValue(from)), Revision(parsed.GetValue(to)));
            if (source is not null && first is not null)
                throw new CommandException(ExitCode.Usage, "a file is compared with the policy in force: leave the revision out");
            var query = string.Create(CultureInfo.InvariantCulture, $"/v1/policy/diff?from={first}&to={second}");
            var comparison = source is null
                ? await client.GetAsync(query, AdminJson.Default.PolicyComparison, cancellationToken)
                : await client.PostAsync(
                    "/v1/policy/diff", new PolicyText(await ReadFileAsync(source, terminal, cancellationToken)), AdminJson.Default.PolicyText,
                    AdminJson.Default.PolicyComparison, cancellationToken);
            output.Show(comparison, AdminJson.Default.PolicyComparison, (answer, to) =>
            {
                WriteFindings(answer.Problems, source ?? "", to);
                WriteComparison(answer, source ?? "", to);
            });
            output.ExitCode = comparison.Problems.Any(problem => problem.Severity == "error") ? ExitCode.BadInput : ExitCode.Done;
        }));
        return verb;
    }

    static Command PolicyRollback(Terminal terminal, CommonFlags common)
    {
        var revision = new Argument<string>("REV") { Description = "The revision whose policy is to be in force again" };
        var verb = Verb("rollback", "Sets an old policy again, as a new revision; refused where it could no longer be set.",
            "mesh-controller policy rollback 42");
        Add(verb, revision);
        verb.SetAction((parsed, cancellationToken) => AskAsync(parsed, terminal, common, async (client, output) =>
        {
            var wanted = Revision(parsed.GetValue(revision))!.Value;
            var report = await client.PostAsync(
                "/v1/policy/rollback", new PolicyRollback(wanted), AdminJson.Default.PolicyRollback, AdminJson.Default.PolicyReport, cancellationToken);
            var name = string.Create(CultureInfo.InvariantCulture, $"revision {wanted}");
            ShowPolicyReport(report, name, $"the policy of {name} is in force", output);
        }));
        return verb;
    }

    // As a number, and as 'at' takes it.
    static long? Revision(string? text) => text switch
    {
        null => null,
        _ when long.TryParse(text.AsSpan(text.StartsWith('@') ? 1 : 0), NumberStyles.None, CultureInfo.InvariantCulture, out var revision) => revision,
        _ => throw new CommandException(ExitCode.Usage, $"'{text}' is not a revision: 'mesh-controller policy history' shows them"),
    };

    static void ShowPolicyReport(PolicyReport report, string source, string done, Output output)
    {
        var bad = report.Problems.Any(problem => problem.Severity == "error");
        output.Show(report, AdminJson.Default.PolicyReport, (answer, to) =>
        {
            WriteFindings(answer.Problems, source, to);
            if (!bad)
                to.Out.WriteLine(done);
        });
        output.ExitCode = bad ? ExitCode.BadInput : ExitCode.Done;
    }

    static void WriteFindings(IReadOnlyList<PolicyFinding> problems, string source, Terminal to)
    {
        foreach (var problem in problems)
            to.Error.WriteLine(
                $"{source}:{problem.Line}: {problem.Severity}: {(problem.Path.Length > 0 ? problem.Path + ": " : "")}{problem.Message}");
    }

    static void WritePolicies(PolicyVersionList answer, Terminal to)
    {
        var table = new TextTable("REVISION", "TIME", "BY", "WHAT");
        foreach (var one in answer.Versions)
            table.Add(one.Revision.ToString(CultureInfo.InvariantCulture), Show(one.At), one.By, string.Create(
                CultureInfo.InvariantCulture,
                $"{Count(one.Rules, "rule")}, {Count(one.Groups, "group")}, {Count(one.Tags, "tag")}; lines +{one.Added} -{one.Removed}"));
        table.WriteTo(to);
    }

    static void WriteComparison(PolicyComparison answer, string source, Terminal to)
    {
        if (answer.Diff.Length == 0)
            to.Out.WriteLine("the texts are the same");
        else
        {
            WriteLine("--- " + Name(answer.From, "no policy"), CellStyle.Faint);
            WriteLine("+++ " + Name(answer.To, source), CellStyle.Faint);
            foreach (var line in answer.Diff.TrimEnd('\n').Split('\n'))
                WriteLine(line, line[0] switch { '+' => CellStyle.Good, '-' => CellStyle.Bad, '@' => CellStyle.Faint, _ => CellStyle.Plain });
            to.Out.WriteLine();
        }
        if (answer.Meaning is not { } meaning)
            return;
        var least = meaning.Complete ? "" : "at least ";
        Write(meaning.SelectorsGained, "rules allow anew", "pair", '+', CellStyle.Good);
        Write(meaning.SelectorsLost, "rules no longer allow", "pair", '-', CellStyle.Bad);
        Write(meaning.Gained, "nodes that get access", "pair", '+', CellStyle.Good);
        Write(meaning.Lost, "nodes that lose access", "pair", '-', CellStyle.Bad);

        void Write(AccessReport report, string what, string unit, char sign, CellStyle style)
        {
            to.Out.WriteLine($"{what}: {(report.Count == 0 ? "none" : least + Count(report.Count, unit))}");
            foreach (var pair in report.Named)
                WriteLine($"  {sign} {pair.From} -> {pair.To}", style);
            if (report.Count > report.Named.Count && report.Named.Count > 0)
                to.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"    and {report.Count - report.Named.Count} more"));
        }

        // Whoever wrote the policy may have put anything into a comment: control characters must not reach a terminal.
        void WriteLine(string line, CellStyle style) =>
            to.Out.WriteLine(TextTable.Paint(string.Concat(line.Select(c => char.IsControl(c) && c != '\t' ? '?' : c)), style, to.Colours));

        static string Name(PolicyVersion? version, string otherwise) => version is null
            ? otherwise
            : string.Create(CultureInfo.InvariantCulture, $"revision {version.Revision}, {Show(version.At)}, {version.By}");
    }

    static string Count(long count, string unit) => string.Create(CultureInfo.InvariantCulture, $"{count} {unit}{(count == 1 ? "" : "s")}");
}
