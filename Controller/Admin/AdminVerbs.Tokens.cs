using Mesh.Actors.Projection;
using Mesh.Actors.Registry;
using Mesh.Actors.Tokens;
using Mesh.Controller.Api;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Microsoft.AspNetCore.Http;

namespace Mesh.Controller.Admin;

sealed partial class AdminVerbs
{
    Task SendTokensAsync(HttpContext context) =>
        context.SendAsync(new TokenList([.. system.Queries.Tokens.Select(Show)]), AdminJson.Default.TokenList);

    async Task CreateTokenAsync(HttpContext context, Cause cause)
    {
        if (await context.ReadAsync(AdminJson.Default.NewToken, MaximumRequest) is not { } request)
            return;
        // What is longer than a TimeSpan holds is beyond the limit too; the token says what that is.
        TimeSpan? lifetime = request.TtlSeconds is { } seconds ? TimeSpan.FromSeconds(Math.Clamp(seconds, 0, 10L * 365 * 86400)) : null;
        var outcome = await system.CreateTokenAsync(
            new TokenRequest(request.Name, request.Scopes, lifetime, context.Features.Get<TokenHolder>()), cause);
        if (outcome.IsDone)
            await context.SendAsync(new CreatedToken(outcome.Value.Text.Export(), Show(outcome.Value.Token)), AdminJson.Default.CreatedToken);
        else
            await RefuseAsync(context, outcome.Refusal);
    }

    async Task RevokeTokenAsync(HttpContext context, string nameOrId, Cause cause)
    {
        if (FindToken(nameOrId) is not { } token)
        {
            await context.SendAsync(new Problem(
                $"there is no token '{nameOrId}': 'mesh-controller token list' shows them", StatusCodes.Status404NotFound, "not-found"));
            return;
        }
        var outcome = await system.RevokeTokenAsync(token.Id, cause);
        if (outcome.IsDone)
            await context.SendAsync(Show(outcome.Value), AdminJson.Default.TokenEntry);
        else
            await RefuseAsync(context, outcome.Refusal);
    }

    // Names come back once their token is over: the one that can be used is meant, else the newest.
    TokenView? FindToken(string nameOrId)
    {
        var all = system.Queries.View.Tokens;
        if (TypedId.TryParse<TokenId>(nameOrId, out var id) && all.TryGetValue(id, out var known))
            return known;
        return system.Queries.Tokens.Where(one => one.Name == nameOrId)
            .MaxBy(one => (one.StatusAt(clock.Now, all) == TokenStatus.Open, one.CreatedAt.UnixMilliseconds));
    }

    TokenEntry Show(TokenView token)
    {
        var state = token.StatusAt(clock.Now, system.Queries.View.Tokens) switch
        {
            TokenStatus.Open => "open",
            TokenStatus.Expired => "expired",
            _ => "revoked",
        };
        return new TokenEntry(
            token.Id, token.Name, state, token.Scopes, token.Creator, token.CreatedAt, token.ExpiresAt, token.Parent, token.RevokedAt);
    }
}
