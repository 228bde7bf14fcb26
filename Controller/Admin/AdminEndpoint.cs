using System.Net;
using Mesh.Actors.Ports;
using Mesh.Actors.Projection;
using Mesh.Actors.Registry;
using Mesh.Actors.Tokens;
using Mesh.Controller.Api;
using Mesh.Controller.Enrollment;
using Mesh.Controller.Hosting;
using Mesh.Controller.Keys;
using Mesh.Protocol.Admin;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Mesh.Controller.Admin;

/// <summary>
/// Serves the admin verbs under <c>/admin/v1/</c> of the API to whoever brings a token (RFC 6750). The token is looked up for every
/// request, so that a revoked one is refused from the next request on; nothing of a request is read before. Safe for concurrent use.
/// </summary>
sealed class AdminEndpoint(ControllerSystem system, AdminVerbs verbs, IClock clock, ILogger<AdminEndpoint> log)
{
    /// <summary>What the paths begin with.</summary>
    public const string Root = "/admin";

    // As many as the admin socket serves at once.
    const int Concurrent = 64;
    const string Scheme = "Bearer ";

    readonly AttemptLimiter _limiter = new();
    int _running;

    /// <summary>Answers one request whose path begins with <see cref="Root"/>.</summary>
    public async Task ServeAsync(HttpContext context)
    {
        if (Authenticate(context, out var problem) is not { } token)
        {
            if (problem!.Status == StatusCodes.Status401Unauthorized)
                context.Response.Headers.WWWAuthenticate = "Bearer";
            await context.SendAsync(problem);
            return;
        }
        context.Request.Path = context.Request.Path.Value![Root.Length..];
        if (AdminRoutes.Find(context.Request.Method, AdminRoutes.Segments(context.Request.Path)) is { } route
            && !TokenScopes.Allow(token.Scopes, route.Scope))
        {
            await context.SendAsync(new Problem(
                $"this token may not do that: it needs {route.Scope}, and has {string.Join(", ", token.Scopes)}",
                StatusCodes.Status403Forbidden, TokenCodes.Scope));
            return;
        }
        try
        {
            if (Interlocked.Increment(ref _running) > Concurrent)
            {
                await context.SendAsync(new Problem(
                    "the controller is busy: try again", StatusCodes.Status503ServiceUnavailable, RefusalCodes.Unavailable, 2));
                return;
            }
            var by = "token:" + token.Name;
            if (!HttpMethods.IsGet(context.Request.Method))
                log.AdminRequest(by, context.Request.Method, context.Request.Path);
            context.Features.Set(new TokenHolder(token.Id, token.Scopes, token.ExpiresAt));
            await verbs.ServeAsync(context, Cause.Of(by, SystemEntropy.Instance));
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }

    TokenView? Authenticate(HttpContext context, out Problem? problem)
    {
        if (context.Request.Headers.Authorization is not [{ } header] || !header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            problem = Refused("a token is needed here: 'mesh-controller token create' makes one on the controller's machine", TokenCodes.Needed);
            return null;
        }
        var address = context.Connection.RemoteIpAddress ?? IPAddress.None;
        _ = TokenString.TryParse(header[Scheme.Length..], out var text);
        var id = text?.Id.Value ?? default;
        var wait = _limiter.Check(address, id, MonotonicClock.Now);
        if (wait > TimeSpan.Zero)
        {
            var seconds = (int)Math.Ceiling(wait.TotalSeconds);
            problem = new Problem(
                $"too many attempts with a wrong token from this address: try again in {seconds} seconds",
                StatusCodes.Status429TooManyRequests, RefusalCodes.Limited, seconds);
            return null;
        }
        var all = system.Queries.View.Tokens;
        var token = text is null ? null : all.GetValueOrDefault(text.Id);
        if (!TokenView.IsSecretOf(token, text is null ? [] : text.Secret))
        {
            _limiter.CountFailure(address, id, MonotonicClock.Now);
            log.TokenRefused(new TokenId(id), RemotePlace.Of(address), TokenCodes.Unknown);
            problem = Refused("this token is not known: check that it was copied whole", TokenCodes.Unknown);
            return null;
        }
        // Only who has the secret hears more.
        problem = token!.StatusAt(clock.Now, all) switch
        {
            TokenStatus.Open => null,
            TokenStatus.Expired => Refused($"the time of token {token.Name} is over: ask for a new one", TokenCodes.Expired),
            _ => Refused($"token {token.Name} was revoked: ask for a new one", TokenCodes.Revoked),
        };
        if (problem is null)
            return token;
        log.TokenRefused(token.Id, RemotePlace.Of(address), problem.Code);
        return null;
    }

    static Problem Refused(string title, string code) => new(title, StatusCodes.Status401Unauthorized, code);
}

/// <summary>Names what can be wrong with a token.</summary>
static class TokenCodes
{
    /// <summary>The request came without one.</summary>
    public const string Needed = "token-needed";

    /// <summary>There is none like it, or its secret is wrong: the answer does not tell which.</summary>
    public const string Unknown = "token-unknown";

    /// <summary>Its time is over.</summary>
    public const string Expired = "token-expired";

    /// <summary>It was revoked.</summary>
    public const string Revoked = "token-revoked";

    /// <summary>It is not for that.</summary>
    public const string Scope = "scope";
}
