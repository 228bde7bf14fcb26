using System.CommandLine;
using System.Globalization;
using Mesh.Controller.Admin;

namespace Mesh.Controller.CommandLine;

static partial class VerbTable
{
    static Command Node(Terminal terminal, CommonFlags common)
    {
        var list = Verb("list", "Lists nodes.", "mesh-controller node list");
        list.SetAction((parsed, cancellationToken) => AskAsync(parsed, terminal, common, async (client, output) =>
            output.Show(await client.GetAsync("/v1/nodes", AdminJson.Default.NodeList, cancellationToken), AdminJson.Default.NodeList,
                WriteNodes)));

        var shown = new Argument<string>("NAME") { Description = "The node's name or id" };
        var show = Verb("show", "Shows everything that is known of a node.", "mesh-controller node show laptop");
        Add(show, shown);
        show.SetAction((parsed, cancellationToken) => AskAsync(parsed, terminal, common, async (client, output) =>
            output.Show(
                await client.GetAsync(
                    $"/v1/nodes/{Uri.EscapeDataString(parsed.GetValue(shown)!)}", AdminJson.Default.NodeEntry, cancellationToken),
                AdminJson.Default.NodeEntry, WriteNode)));

        var revoked = new Argument<string>("NAME") { Description = "The node's name or id" };
        var revoke = Verb("revoke", "Takes a node out of the network for good, and says which peers know already.",
            "mesh-controller node revoke laptop");
        Add(revoke, revoked);
        revoke.SetAction((parsed, cancellationToken) => AskAsync(parsed, terminal, common, async (client, output) =>
            output.Show(
                await client.PostAsync<NewUser, RevocationReport>(
                    $"/v1/nodes/{Uri.EscapeDataString(parsed.GetValue(revoked)!)}/revoke", null, null, AdminJson.Default.RevocationReport,
                    cancellationToken),
                AdminJson.Default.RevocationReport, WriteRevocation)));
        return Group("node", "Lists, shows and changes nodes.", "mesh-controller node list", list, show, revoke,
            Approve(terminal, common), Rename(terminal, common), Tag(terminal, common), Expire(terminal, common), Delete(terminal, common));
    }

    static Command Policy(Terminal terminal, CommonFlags common)
    {
        var get = Verb("get", "Prints the policy in force, as it was written.", "mesh-controller policy get > policy.yaml");
        get.Aliases.Add("show");
        get.SetAction((parsed, cancellationToken) => AskAsync(parsed, terminal, common, async (client, output) =>
            output.Show(
                await client.GetAsync("/v1/policy", AdminJson.Default.PolicyText, cancellationToken), AdminJson.Default.PolicyText,
                (policy, to) =>
                {
                    if (policy.Text.Length == 0)
                        to.Error.WriteLine("no policy is set: no node may talk to another");
                    else
                        to.Out.Write(policy.Text.EndsWith('\n') ? policy.Text : policy.Text + "\n");
                })));

        return Group("policy", "Shows, sets and checks who may talk to whom.", "mesh-controller policy set -f policy.yaml",
            get,
            WithFile("set", "Replaces the policy; nothing changes where it has an error.", "mesh-controller policy set -f policy.yaml",
                "/v1/policy"),
            WithFile("check", "Says what is wrong with a policy without setting it.", "mesh-controller policy check -f policy.yaml",
                "/v1/policy/check"),
            PolicyHistory(terminal, common), PolicyDiff(terminal, common), PolicyRollback(terminal, common));

        Command WithFile(string name, string description, string example, string path)
        {
            var file = new Option<string>("--file", "-f")
            {
                Description = "The policy in YAML or JSON; - reads standard input", HelpName = "FILE", Required = true,
            };
            var verb = Verb(name, description, example);
            Add(verb, file);
            verb.SetAction((parsed, cancellationToken) => AskAsync(parsed, terminal, common, async (client, output) =>
            {
                var source = parsed.GetValue(file)!;
                var text = await ReadFileAsync(source, terminal, cancellationToken);
                var report = await client.PostAsync(
                    path, new PolicyText(text), AdminJson.Default.PolicyText, AdminJson.Default.PolicyReport, cancellationToken);
                ShowPolicyReport(report, source, report.Taken ? "the policy is in force" : "the policy can be set", output);
            }));
            return verb;
        }
    }

    static void WriteNodes(NodeList answer, Terminal to)
    {
        var table = new TextTable("NAME", "STATE", "IPV4", "IPV6", "OWNER", "OS", "VERSION", "LAST SEEN", "ID");
        foreach (var node in answer.Nodes)
        {
            table.Add(
                (node.Name, CellStyle.Plain), (node.CopiedFrom is null ? node.State : node.State + ", copied", StyleOf(node.CopiedFrom is null ? node.State : "revoked")), (node.Ipv4, CellStyle.Plain), (node.Ipv6, CellStyle.Plain),
                (Owner(node.User, node.Tags), CellStyle.Plain), (node.Os, CellStyle.Plain), (node.Version, CellStyle.Plain),
                (Show(node.LastSeen), CellStyle.Plain), (node.Id.ToString(), CellStyle.Plain));
        }
        table.WriteTo(to);
    }

    static void WriteNode(NodeEntry node, Terminal to)
    {
        foreach (var (name, value) in new (string, string?)[]
        {
            ("name", node.Name),
            ("id", node.Id.ToString()),
            ("state", node.State),
            ("ipv4", node.Ipv4),
            ("ipv6", node.Ipv6),
            ("owner", Owner(node.User, node.Tags)),
            ("hostname", node.Hostname),
            ("os", node.Os),
            ("version", node.Version),
            ("signing key", node.SigningKey.ToString()),
            ("tunnel key", node.TunnelKey.ToString()),
            ("credential", node.Credential.ToString()),
            ("joined", Show(node.JoinedAt)),
            ("expires", node.ExpiresAt is { } expires ? Show(expires) : null),
            ("ephemeral", node.Ephemeral ? "yes" : null),
            ("copied", node.CopiedFrom is { } places ? $"two machines have this identity, at {places}: remove the state directory on the copy" : null),
            ("last seen", Show(node.LastSeen)),
            ("revision", node.Revision.ToString(CultureInfo.InvariantCulture)),
            ("removed", node.RemovedAt is { } at ? Show(at) : null),
        })
        {
            if (value is not null)
                to.Out.WriteLine($"{name,-13}{string.Concat(value.Select(c => char.IsControl(c) ? '?' : c))}");
        }
    }

    static void WriteRevocation(RevocationReport report, Terminal to)
    {
        to.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"revoked {report.Name}: {report.Acknowledged} of {report.Peers} peers acknowledged in {report.ElapsedSeconds:0.0} s"));
        foreach (var peer in report.NotReached)
            to.Out.WriteLine(
                $"not reached: {peer.Name} ({(peer.Attached ? "attached, silent" : "not attached")}) "
                + $"may talk to it until {Show(peer.ValidUntil)}");
    }

    static CellStyle StyleOf(string state) => state switch
    {
        "online" => CellStyle.Good,
        "revoked" or "expired" or "waiting" => CellStyle.Bad,
        _ => CellStyle.Faint,
    };

    static async Task<string> ReadFileAsync(string path, Terminal terminal, CancellationToken cancellationToken)
    {
        try
        {
            return path == "-" ? await terminal.In.ReadToEndAsync(cancellationToken) : await File.ReadAllTextAsync(path, cancellationToken);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CannotRead(path, e);
        }
    }
}
