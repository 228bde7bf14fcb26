using System.CommandLine;
using System.Globalization;
using System.Text;
using Mesh.Controller.Admin;
using Mesh.Protocol;
using Mesh.Protocol.Map;

namespace Mesh.Controller.CommandLine;

static partial class VerbTable
{
    // The verbs of the present, those that the past can answer; they ask the same and print the same.
    static Command At(Terminal terminal, CommonFlags common)
    {
        var at = Verb(
            "at",
            "Shows what was true at a moment: everything that was decided until then, as the journal has it. Whether nodes were online is not in it.",
            "mesh-controller at -2h node list");
        at.Arguments.Add(common.MomentArgument);
        at.Subcommands.Add(Only(Node(terminal, common), "list", "show"));
        at.Subcommands.Add(Only(Policy(terminal, common), "get"));
        at.Subcommands.Add(Only(User(terminal, common), "list"));
        at.Subcommands.Add(Only(Credential(terminal, common), "list"));
        at.Subcommands.Add(Only(Audit(terminal, common), "list"));
        at.Subcommands.Add(Map(terminal, common));
        return at;
    }

    static Command Map(Terminal terminal, CommonFlags common)
    {
        var name = new Argument<string>("NODE") { Description = "The node's name or id" };
        var verb = Verb("map", "Shows what a node is told of the network; with --json the very bytes that its controller signs.",
            "mesh-controller map laptop");
        Add(verb, name);
        verb.SetAction((parsed, cancellationToken) => AskAsync(parsed, terminal, common, async (client, output) =>
        {
            var report = await client.GetAsync(
                $"/v1/nodes/{Uri.EscapeDataString(parsed.GetValue(name)!)}/map", AdminJson.Default.MapReport, cancellationToken);
            if (output.IsJson)
                output.Terminal.Out.WriteLine(report.Body);
            else
                WriteMap(report, output.Terminal);
        }));
        return verb;
    }

    static Command Only(Command group, params string[] verbs)
    {
        foreach (var verb in group.Subcommands.Where(verb => !verbs.Contains(verb.Name, StringComparer.Ordinal)).ToList())
            group.Subcommands.Remove(verb);
        return group;
    }

    static void WriteAsOf(AdminClient client, Terminal terminal)
    {
        if (client.AsOf?.Split(' ') is [var revision, var time])
            terminal.Error.WriteLine($"as of revision {revision}, {time}");
        if (client.Pruned is { } events)
            terminal.Error.WriteLine($"{events} events until then were pruned: of the machines, credentials and tokens they were about nothing is shown");
    }

    static void WriteMap(MapReport report, Terminal to)
    {
        if (!ProtocolJson.TryDecode(Encoding.UTF8.GetBytes(report.Body), ProtocolJson.Default.MapBody, out var body))
            throw new CommandException(ExitCode.Failed, "the controller speaks another version of this program: --json shows its answer");
        foreach (var (name, value) in new (string, string)[]
        {
            ("node", $"{report.Name} {report.Node}"),
            ("addresses", string.Join(", ", body.Self.Addresses)),
            ("owner", Owner(body.Self.Owner, body.Self.Tags)),
            ("revision", report.Revision.ToString(CultureInfo.InvariantCulture)),
            ("body", $"sha256 {report.BodyHash}"),
            ("controllers", string.Join(", ", body.Controllers.SelectMany(one => one.Addresses))),
            ("withdrawn", body.Withdrawn.Count == 0 ? "none" : string.Join(", ", body.Withdrawn)),
        })
            to.Out.WriteLine($"{name,-13}{value}");
        var table = new TextTable("PEER", "IPV4", "IPV6", "OWNER", "MAY REACH IT", "IT MAY REACH", "SUITES");
        foreach (var peer in body.Peers)
        {
            table.Add(
                peer.Name, peer.Addresses[0], peer.Addresses[1], Owner(peer.Owner, peer.Tags), Grants(peer.Send), Grants(peer.Accept),
                peer.Suites is { } suites ? string.Join(',', suites) : null);
        }
        table.WriteTo(to);

        static string Grants(IReadOnlyList<Grant> grants) =>
            grants.Count == 0 ? "no" : grants.All(grant => grant == Grant.Everything) ? "yes" : "in part";
    }
}
