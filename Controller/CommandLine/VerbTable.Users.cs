using System.CommandLine;
using System.Globalization;
using Mesh.Controller.Admin;

namespace Mesh.Controller.CommandLine;

static partial class VerbTable
{
    static Command User(Terminal terminal, CommonFlags common)
    {
        var name = new Argument<string>("NAME") { Description = "The user's name: lower-case letters, digits, '.', '_' and '-'" };
        var create = Verb("create", "Creates a user, who can then own machines.", "mesh-controller user create alice");
        Add(create, name);
        create.SetAction((parsed, cancellationToken) => AskAsync(parsed, terminal, common, async (client, output) =>
            output.Show(
                await client.PostAsync(
                    "/v1/users", new NewUser(parsed.GetValue(name)!), AdminJson.Default.NewUser, AdminJson.Default.UserEntry,
                    cancellationToken),
                AdminJson.Default.UserEntry,
                (user, to) =>
                {
                    to.Out.WriteLine($"created user {user.Name}");
                    to.Error.WriteLine($"next: mesh-controller credential create --user {user.Name}");
                })));

        var list = Verb("list", "Lists users.", "mesh-controller user list");
        list.SetAction((parsed, cancellationToken) => AskAsync(parsed, terminal, common, async (client, output) =>
            output.Show(
                await client.GetAsync("/v1/users", AdminJson.Default.UserList, cancellationToken), AdminJson.Default.UserList,
                (answer, to) =>
                {
                    var table = new TextTable("NAME", "CREATED", "BY");
                    foreach (var user in answer.Users)
                        table.Add(user.Name, Show(user.CreatedAt), user.CreatedBy);
                    table.WriteTo(to);
                })));
        return Group("user", "Creates and lists users.", "mesh-controller user list", create, list);
    }

    // As many as the controller allows.
    const int ReusableUses = 25;

    static Command Credential(Terminal terminal, CommonFlags common)
    {
        var user = new Option<string?>("--user") { Description = "The user who owns the machine that joins", HelpName = "NAME" };
        var tags = Many("--tag", "TAG", "A tag that owns the machine instead of a user; may be given several times");
        var ttl = new Option<string?>("--ttl") { Description = "How long it can be used: 30m, 12h, 7d [default: 1h]", HelpName = "TIME" };
        var controllers = Many(
            "--controller", "HOST:PORT", "Where the machine finds a controller [default: what the controllers advertise]");
        var reusable = new Option<bool>("--reusable")
        {
            Description = "For several machines; it lasts at most 24 hours",
        };
        var uses = new Option<int?>("--uses") { Description = "With --reusable: for how many machines, at most 25 [default: 25]", HelpName = "N" };
        var ephemeral = new Option<bool>("--ephemeral") { Description = "Its machines are deleted when they have been away for some minutes" };
        var approved = new Option<bool>("--approved") { Description = "Its machines wait for no approval" };
        var create = Verb("create", "Creates a credential and prints the string that joins one machine, or several; it is shown only now.",
            "mesh-controller credential create --user alice --ttl 1h | ssh laptop mesh up --auth-key -");
        Add(create, user, tags, ttl, controllers, reusable, uses, ephemeral, approved);
        create.SetAction((parsed, cancellationToken) => AskAsync(parsed, terminal, common, async (client, output) =>
        {
            var wanted = parsed.GetValue(tags) ?? [];
            var request = new NewCredential(
                [.. wanted.Select(tag => tag.StartsWith("tag:", StringComparison.Ordinal) ? tag[4..] : tag)], parsed.GetValue(user),
                parsed.GetValue(ttl) is { } text ? ParseTtl(text) : null,
                parsed.GetValue(controllers) is { Length: > 0 } given ? given : null,
                parsed.GetValue(reusable) ? parsed.GetValue(uses) ?? ReusableUses : null, parsed.GetValue(ephemeral), parsed.GetValue(approved));
            if (parsed.GetValue(uses) is not null && !parsed.GetValue(reusable))
                throw new CommandException(ExitCode.Usage, "--uses: a credential for several machines is made with --reusable");
            if (request.User is null == (request.Tags.Count == 0))
                throw new CommandException(
                    ExitCode.Usage, "name the owner of the machine: either --user NAME, or --tag TAG (several times for several tags)");
            output.Show(
                await client.PostAsync(
                    "/v1/credentials", request, AdminJson.Default.NewCredential, AdminJson.Default.CreatedCredential, cancellationToken),
                AdminJson.Default.CreatedCredential,
                (created, to) =>
                {
                    to.Out.WriteLine(created.Key);
                    to.Error.WriteLine(
                        $"credential {created.Credential.Id} joins {(created.Credential.Uses == 1 ? "one machine" : $"{created.Credential.Uses} machines")} "
                        + $"until {Show(created.Credential.ExpiresAt)}; "
                        + "there: mesh up --auth-key -");
                });
        }));

        var list = Verb("list", "Lists credentials; their secrets are kept nowhere.", "mesh-controller credential list");
        list.SetAction((parsed, cancellationToken) => AskAsync(parsed, terminal, common, async (client, output) =>
            output.Show(
                await client.GetAsync("/v1/credentials", AdminJson.Default.CredentialList, cancellationToken),
                AdminJson.Default.CredentialList,
                WriteCredentials)));

        var id = new Argument<string>("ID") { Description = "The credential's id, as 'credential list' shows it" };
        var revoke = Verb("revoke", "Revokes a credential that can still be used; machines that joined with it stay.", "mesh-controller credential revoke abcdefghij234567");
        Add(revoke, id);
        revoke.SetAction((parsed, cancellationToken) => AskAsync(parsed, terminal, common, async (client, output) =>
            output.Show(
                await client.PostAsync<NewUser, CredentialEntry>(
                    $"/v1/credentials/{Uri.EscapeDataString(parsed.GetValue(id)!)}/revoke", null, null, AdminJson.Default.CredentialEntry,
                    cancellationToken),
                AdminJson.Default.CredentialEntry,
                (credential, to) => to.Out.WriteLine($"revoked credential {credential.Id}"))));
        return Group("credential", "Creates, lists and revokes the credentials that join machines.",
            "mesh-controller credential create --user alice", create, list, revoke);
    }

    /// <summary>Reads a credential's time such as 90s, 30m, 12h or 7d into seconds.</summary>
    internal static long ParseTtl(string text) => ParseSpan("--ttl", text);

    static long ParseSpan(string option, string text)
    {
        if (text.Length > 1
            && long.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && number is > 0 and < 1_000_000_000)
        {
            switch (text[^1])
            {
                case 's': return number;
                case 'm': return number * 60;
                case 'h': return number * 3600;
                case 'd': return number * 86400;
            }
        }
        throw new CommandException(ExitCode.Usage, $"{option} '{text}': a time such as 30m, 12h or 7d is expected");
    }

    static void WriteCredentials(CredentialList answer, Terminal to)
    {
        var table = new TextTable("ID", "STATE", "FOR", "USED", "CREATED", "EXPIRES", "ENDED", "NODE", "BY");
        foreach (var one in answer.Credentials)
        {
            var style = one.State == "created" ? CellStyle.Good : CellStyle.Faint;
            table.Add(
                (one.Id.ToString(), CellStyle.Plain), (one.State, style), (Owner(one.User, one.Tags) + (one.Ephemeral ? " ephemeral" : "") + (one.Approved ? " approved" : ""), CellStyle.Plain),
                ($"{one.Used} of {one.Uses}", CellStyle.Plain),
                (Show(one.CreatedAt), CellStyle.Plain), (Show(one.ExpiresAt), CellStyle.Plain), (Show(one.EndedAt), CellStyle.Plain),
                (one.Node?.ToString(), CellStyle.Plain), (one.CreatedBy, CellStyle.Plain));
        }
        table.WriteTo(to);
    }

    static string Owner(string? user, IReadOnlyList<string> tags) => user ?? string.Join(',', tags.Select(tag => "tag:" + tag));

    static Command Group(string name, string description, string example, params Command[] verbs)
    {
        var group = Verb(name, description, example);
        foreach (var verb in verbs)
            group.Subcommands.Add(verb);
        return group;
    }
}
