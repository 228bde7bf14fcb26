using System.CommandLine;
using System.Globalization;
using System.Text.Json.Serialization.Metadata;
using Mesh.Controller.Admin;
using Mesh.Protocol.Time;

namespace Mesh.Controller.CommandLine;

static partial class VerbTable
{
    static Argument<string> NodeName() => new("NAME") { Description = "The node's name or id" };

    static Command Approve(Terminal terminal, CommonFlags common)
    {
        var name = NodeName();
        var verb = Verb("approve", "Lets a node in that waits for approval.", "mesh-controller node approve laptop");
        Add(verb, name);
        verb.SetAction((parsed, cancellationToken) => AskAsync(parsed, terminal, common, async (client, output) =>
            output.Show(
                await ChangeAsync<NewUser>(client, parsed.GetValue(name)!, "approve", null, null, cancellationToken),
                AdminJson.Default.NodeEntry, (node, to) => to.Out.WriteLine($"{node.Name} is in the network"))));
        return verb;
    }

    static Command Rename(Terminal terminal, CommonFlags common)
    {
        var (name, wanted) = (NodeName(), new Argument<string>("NEW") { Description = "Its new name: lower-case letters, digits and '-'" });
        var verb = Verb("rename", "Gives a node another name, which it keeps also when it joins again.", "mesh-controller node rename laptop alices-laptop");
        Add(verb, name, wanted);
        verb.SetAction((parsed, cancellationToken) => AskAsync(parsed, terminal, common, async (client, output) =>
            output.Show(
                await ChangeAsync(
                    client, parsed.GetValue(name)!, "rename", new NewName(parsed.GetValue(wanted)!), AdminJson.Default.NewName, cancellationToken),
                AdminJson.Default.NodeEntry, (node, to) => to.Out.WriteLine($"{parsed.GetValue(name)} is {node.Name} now"))));
        return verb;
    }

    static Command Tag(Terminal terminal, CommonFlags common)
    {
        var name = NodeName();
        var set = new Option<string?>("--set") { Description = "The tags that own the node, separated by commas", HelpName = "TAGS" };
        var add = new Option<string?>("--add") { Description = "Tags beside those that it has", HelpName = "TAGS" };
        var remove = new Option<string?>("--remove") { Description = "Tags that it has no longer", HelpName = "TAGS" };
        var user = new Option<string?>("--user") { Description = "Gives the node to a user, without tags", HelpName = "NAME" };
        var verb = Verb("tag", "Makes tags own a node, or a user; tags given so stay when the machine joins again.",
            "mesh-controller node tag laptop --set server,ci");
        Add(verb, name, set, add, remove, user);
        verb.SetAction((parsed, cancellationToken) => AskAsync(parsed, terminal, common, async (client, output) =>
        {
            var request = new NewOwner(Tags(set), Tags(add), Tags(remove), parsed.GetValue(user));
            if (request is { Set: null, Add: null, Remove: null, User: null }
                || request.User is not null && request is not { Set: null, Add: null, Remove: null }
                || request.Set is not null && request is not { Add: null, Remove: null })
                throw new CommandException(ExitCode.Usage, "say one of --set TAGS, --add TAGS with or without --remove TAGS, or --user NAME");
            output.Show(
                await ChangeAsync(client, parsed.GetValue(name)!, "tag", request, AdminJson.Default.NewOwner, cancellationToken),
                AdminJson.Default.NodeEntry, (node, to) => to.Out.WriteLine($"{node.Name} belongs to {Owner(node.User, node.Tags)}"));

            IReadOnlyList<string>? Tags(Option<string?> option) => parsed.GetValue(option) is { } text
                ? [.. text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                    .Select(tag => tag.StartsWith("tag:", StringComparison.Ordinal) ? tag[4..] : tag)]
                : null;
        }));
        return verb;
    }

    static Command Expire(Terminal terminal, CommonFlags common)
    {
        var name = NodeName();
        var after = new Option<string?>("--in") { Description = "Not now, but after a time: 12h, 30d", HelpName = "TIME" };
        var at = new Option<string?>("--at") { Description = "Not now, but at a moment: 2030-01-31T12:00:00Z", HelpName = "TIME" };
        var never = new Option<bool>("--never") { Description = "Never; where it has expired, it is let in again" };
        var verb = Verb("expire", "Says when a user's node must join again, by a new credential; without a time: now.",
            "mesh-controller node expire laptop --in 30d");
        Add(verb, name, after, at, never);
        verb.SetAction((parsed, cancellationToken) => AskAsync(parsed, terminal, common, async (client, output) =>
        {
            var (wait, moment) = (parsed.GetValue(after), parsed.GetValue(at));
            if ((wait is null ? 0 : 1) + (moment is null ? 0 : 1) + (parsed.GetValue(never) ? 1 : 0) > 1)
                throw new CommandException(ExitCode.Usage, "say one of --in, --at and --never");
            var request = new NewExpiry(
                parsed.GetValue(never), wait is null ? null : ParseSpan("--in", wait), moment is null ? null : ParseMoment("--at", moment));
            output.Show(
                await ChangeAsync(client, parsed.GetValue(name)!, "expire", request, AdminJson.Default.NewExpiry, cancellationToken),
                AdminJson.Default.NodeEntry,
                (node, to) => to.Out.WriteLine(node switch
                {
                    { State: "expired" } => $"{node.Name} has expired: it must join again",
                    { ExpiresAt: { } end } => $"{node.Name} expires at {Show(end)}",
                    _ => $"{node.Name} does not expire",
                }));
        }));
        return verb;
    }

    static Command Delete(Terminal terminal, CommonFlags common)
    {
        var name = NodeName();
        var force = new Option<bool>("--force") { Description = "Revoke it first where it is in the network" };
        var verb = Verb("delete", "Takes a revoked or logged-out node off the list; the audit list keeps what it did.",
            "mesh-controller node delete abcdefghij234567");
        Add(verb, name, force);
        verb.SetAction((parsed, cancellationToken) => AskAsync(parsed, terminal, common, async (client, output) =>
            output.Show(
                await client.PostAsync(
                    $"/v1/nodes/{Uri.EscapeDataString(parsed.GetValue(name)!)}/delete", new NodeDeletion(parsed.GetValue(force)),
                    AdminJson.Default.NodeDeletion, AdminJson.Default.DeletedNode, cancellationToken),
                AdminJson.Default.DeletedNode,
                (deleted, to) =>
                {
                    if (deleted.Revocation is { } revocation)
                        WriteRevocation(revocation, to);
                    to.Out.WriteLine($"deleted {deleted.Name}");
                })));
        return verb;
    }

    static Task<NodeEntry> ChangeAsync<T>(
        AdminClient client, string node, string what, T? request, JsonTypeInfo<T>? type, CancellationToken cancellationToken) where T : class =>
        client.PostAsync($"/v1/nodes/{Uri.EscapeDataString(node)}/{what}", request, type, AdminJson.Default.NodeEntry, cancellationToken);

    static WallTime ParseMoment(string option, string text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var moment)
            ? WallTime.From(moment)
            : throw new CommandException(ExitCode.Usage, $"{option} '{text}': a moment such as 2030-01-31T12:00:00Z is expected");
}
