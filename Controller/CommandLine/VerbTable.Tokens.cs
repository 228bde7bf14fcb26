using System.CommandLine;
using Mesh.Actors.Tokens;
using Mesh.Controller.Admin;

namespace Mesh.Controller.CommandLine;

static partial class VerbTable
{
    static Command Token(Terminal terminal, CommonFlags common)
    {
        var name = new Option<string>("--name")
        {
            Description = "What it is called; the audit list names it so", HelpName = "NAME", Required = true,
        };
        var scopes = new Option<string[]>("--scope")
        {
            Description = $"What may be done with it, several in one or several flags: {string.Join(", ", TokenScopes.All)}; "
                + "write includes read, admin is everything",
            HelpName = "SCOPE", Arity = ArgumentArity.OneOrMore, AllowMultipleArgumentsPerToken = true, Required = true,
        };
        var ttl = new Option<string?>("--ttl")
        {
            Description = $"How long it can be used: 30m, 12h, 7d, at most {TokenState.LongestLifetime.TotalDays:0}d "
                + $"[default: {TokenState.DefaultLifetime.TotalHours:0}h]",
            HelpName = "TIME",
        };
        var create = Verb("create", "Creates a token with which a controller can be asked from elsewhere, and prints it; it is shown only now.",
            "mesh-controller token create --name ci --scope credentials:write nodes:read --ttl 7d");
        Add(create, name, scopes, ttl);
        create.SetAction((parsed, cancellationToken) => AskAsync(parsed, terminal, common, async (client, output) =>
        {
            var request = new NewToken(
                parsed.GetValue(name)!, [.. parsed.GetValue(scopes)!.SelectMany(text => text.Split(',', StringSplitOptions.RemoveEmptyEntries))],
                parsed.GetValue(ttl) is { } text ? ParseTtl(text) : null);
            output.Show(
                await client.PostAsync("/v1/tokens", request, AdminJson.Default.NewToken, AdminJson.Default.CreatedToken, cancellationToken),
                AdminJson.Default.CreatedToken,
                (created, to) =>
                {
                    to.Out.WriteLine(created.Key);
                    to.Error.WriteLine(
                        $"token {created.Token.Name} can be used until {Show(created.Token.ExpiresAt)}; "
                        + "elsewhere: mesh-controller --server https://HOST:8443 --token-file FILE VERB");
                });
        }));

        var list = Verb("list", "Lists tokens; their secrets are kept nowhere.", "mesh-controller token list");
        list.SetAction((parsed, cancellationToken) => AskAsync(parsed, terminal, common, async (client, output) =>
            output.Show(
                await client.GetAsync("/v1/tokens", AdminJson.Default.TokenList, cancellationToken), AdminJson.Default.TokenList, WriteTokens)));

        var id = new Argument<string>("TOKEN") { Description = "The token's name or id" };
        var revoke = Verb("revoke", "Revokes a token, and every token that was created with it: nothing can be done with them any more.",
            "mesh-controller token revoke ci");
        Add(revoke, id);
        revoke.SetAction((parsed, cancellationToken) => AskAsync(parsed, terminal, common, async (client, output) =>
            output.Show(
                await client.PostAsync<NewToken, TokenEntry>(
                    $"/v1/tokens/{Uri.EscapeDataString(parsed.GetValue(id)!)}/revoke", null, null, AdminJson.Default.TokenEntry,
                    cancellationToken),
                AdminJson.Default.TokenEntry,
                (token, to) => to.Out.WriteLine($"revoked token {token.Name}"))));
        return Group("token", "Creates, lists and revokes the tokens of admins who work from elsewhere.", "mesh-controller token list", create, list, revoke);
    }

    static void WriteTokens(TokenList answer, Terminal to)
    {
        var table = new TextTable("NAME", "STATE", "SCOPES", "CREATED", "EXPIRES", "REVOKED", "BY", "ID");
        foreach (var one in answer.Tokens)
        {
            table.Add(
                (one.Name, CellStyle.Plain), (one.State, one.State == "open" ? CellStyle.Good : CellStyle.Faint),
                (string.Join(' ', one.Scopes), CellStyle.Plain), (Show(one.CreatedAt), CellStyle.Plain), (Show(one.ExpiresAt), CellStyle.Plain),
                (Show(one.RevokedAt), CellStyle.Plain), (one.CreatedBy, CellStyle.Plain), (one.Id.ToString(), CellStyle.Plain));
        }
        table.WriteTo(to);
    }
}
