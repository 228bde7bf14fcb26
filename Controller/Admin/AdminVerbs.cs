using Mesh.Actors.Cluster;
using Mesh.Actors.Policy;
using Mesh.Actors.Ports;
using Mesh.Actors.Projection;
using Mesh.Actors.Registry;
using Mesh.Controller.Api;
using Mesh.Controller.Keys;
using Mesh.Controller.Policy;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Microsoft.AspNetCore.Http;

namespace Mesh.Controller.Admin;

/// <summary>Carries out what admins ask for, on the admin socket or with a token: reads the request, asks the network, words the answer.</summary>
sealed partial class AdminVerbs(
    ControllerSystem system, IClock clock, ControllerId controller, Func<ClusterView> cluster, Func<StatusReport> status, Func<string?> trouble)
{
    /// <summary>The greatest length of a request, in bytes: a policy in JSON.</summary>
    public const int MaximumRequest = 2 << 20;

    static readonly TimeSpan RevocationPatience = TimeSpan.FromSeconds(5);

    /// <summary>Answers one request.</summary>
    public async Task ServeAsync(HttpContext context, Cause cause)
    {
        var path = AdminRoutes.Segments(context.Request.Path);
        if (AdminRoutes.Find(context.Request.Method, path) is null)
        {
            await context.SendAsync(NoSuchRequest);
            return;
        }
        // How this controller itself is doing is told at once, also while the database is away.
        if (path is not ["v1", "status" or "cluster" or "debug", ..])
            await system.CatchUpAsync(context.RequestAborted);
        if (context.Request.Query.ContainsKey("at"))
        {
            await ServePastAsync(context, path);
            return;
        }
        await ((context.Request.Method, path) switch
        {
            ("GET", ["v1", "status"]) => context.SendAsync(status(), AdminJson.Default.StatusReport),
            ("GET", ["v1", "users"]) => SendUsersAsync(context, system.Queries),
            ("POST", ["v1", "users"]) => CreateUserAsync(context, cause),
            ("GET", ["v1", "credentials"]) => SendCredentialsAsync(context, system.Queries),
            ("POST", ["v1", "credentials"]) => CreateCredentialAsync(context, cause),
            ("POST", ["v1", "credentials", var id, "revoke"]) => RevokeCredentialAsync(context, id, cause),
            ("GET", ["v1", "nodes"]) => SendNodesAsync(context, system.Queries),
            ("GET", ["v1", "nodes", var name]) => ShowNodeAsync(context, system.Queries, name),
            ("GET", ["v1", "nodes", var name, "map"]) => ShowMapAsync(context, system.Queries, name),
            ("POST", ["v1", "nodes", var name, "revoke"]) => RevokeNodeAsync(context, name, cause),
            ("POST", ["v1", "nodes", var name, "approve"]) => ApproveNodeAsync(context, name, cause),
            ("POST", ["v1", "nodes", var name, "rename"]) => RenameNodeAsync(context, name, cause),
            ("POST", ["v1", "nodes", var name, "tag"]) => TagNodeAsync(context, name, cause),
            ("POST", ["v1", "nodes", var name, "expire"]) => ExpireNodeAsync(context, name, cause),
            ("POST", ["v1", "nodes", var name, "delete"]) => DeleteNodeAsync(context, name, cause),
            ("GET", ["v1", "policy"]) => SendPolicyAsync(context, system.Queries),
            ("POST", ["v1", "policy"]) => PolicyAsync(context, cause, set: true),
            ("POST", ["v1", "policy", "check"]) => PolicyAsync(context, cause, set: false),
            ("GET", ["v1", "policy", "history"]) => PolicyHistoryAsync(context),
            ("GET", ["v1", "policy", "diff"]) => PolicyDiffAsync(context),
            ("POST", ["v1", "policy", "diff"]) => PolicyDryRunAsync(context),
            ("POST", ["v1", "policy", "rollback"]) => PolicyRollbackAsync(context, cause),
            ("GET", ["v1", "audit"]) => AuditAsync(context, system.Queries),
            ("GET", ["v1", "audit", "export"]) => ExportAuditAsync(context),
            ("POST", ["v1", "audit", "prune"]) => PruneAsync(context, cause),
            ("GET", ["v1", "cluster", "controllers", var id]) => ShowControllerAsync(context, id),
            ("POST", ["v1", "cluster", "controllers", var id, "renew"]) => RenewControllerAsync(context, id, cause),
            ("POST", ["v1", "cluster", "controllers", var id, "remove"]) => RemoveControllerAsync(context, id, cause),
            ("GET", ["v1", "cluster"]) => context.SendAsync(
                Show(cluster(), system.Queries.View.Controllers, controller), AdminJson.Default.ClusterReport),
            ("GET", ["v1", "backup"]) => BackupAsync(context),
            ("GET", ["v1", "debug", "actors"]) => context.SendAsync(system.Actors(), AdminJson.Default.ActorReport),
            ("GET", ["v1", "tokens"]) => SendTokensAsync(context),
            ("POST", ["v1", "tokens"]) => CreateTokenAsync(context, cause),
            ("POST", ["v1", "tokens", var token, "revoke"]) => RevokeTokenAsync(context, token, cause),
            _ => context.SendAsync(NoSuchRequest),
        });
    }

    async Task CreateUserAsync(HttpContext context, Cause cause)
    {
        if (await context.ReadAsync(AdminJson.Default.NewUser, MaximumRequest) is not { } request)
            return;
        var outcome = await system.CreateUserAsync(request.Name, cause);
        if (outcome.IsDone)
            await context.SendAsync(Show(outcome.Value), AdminJson.Default.UserEntry);
        else
            await RefuseAsync(context, outcome.Refusal);
    }

    async Task CreateCredentialAsync(HttpContext context, Cause cause)
    {
        if (await context.ReadAsync(AdminJson.Default.NewCredential, MaximumRequest) is not { } request)
            return;
        if (request.Controllers?.FirstOrDefault(address => !CredentialString.IsControllerAddress(address)) is { } wrong)
        {
            await context.SendAsync(Invalid($"'{wrong}' is not a controller address: host:port is expected"));
            return;
        }
        if (request.Controllers?.Count > CredentialString.MaximumControllers)
        {
            await context.SendAsync(Invalid($"a credential carries at most {CredentialString.MaximumControllers} controller addresses"));
            return;
        }
        // TTLs beyond what a TimeSpan holds are beyond the limit too; the registry says what that is.
        TimeSpan? lifetime = request.TtlSeconds is { } seconds ? TimeSpan.FromSeconds(Math.Clamp(seconds, 0, 10L * 365 * 86400)) : null;
        var outcome = await system.CreateCredentialAsync(
            new CredentialRequest(request.User, request.Tags, lifetime, request.Uses ?? 1, request.Ephemeral, request.Approved), cause);
        if (!outcome.IsDone)
        {
            await RefuseAsync(context, outcome.Refusal);
            return;
        }
        var text = outcome.Value.Text;
        if (request.Controllers is { Count: > 0 } controllers)
        {
            try
            {
                text = CredentialString.Create(text.Id, text.Secret, text.RootHash, controllers);
            }
            catch (ArgumentException e)
            {
                // Nobody will see this one's secret.
                await system.RevokeCredentialAsync(text.Id, Cause.Of(cause.By, SystemEntropy.Instance));
                await context.SendAsync(Invalid(e.Message.Split(" (Parameter", 2)[0]));
                return;
            }
        }
        await context.SendAsync(new CreatedCredential(text.Export(), Show(outcome.Value.Credential, clock.Now)), AdminJson.Default.CreatedCredential);
    }

    async Task RevokeCredentialAsync(HttpContext context, string id, Cause cause)
    {
        if (!TypedId.TryParse<CredentialId>(id, out var credential))
        {
            await context.SendAsync(Invalid($"'{id}' is not a credential's id: 'mesh-controller credential list' shows them"));
            return;
        }
        var outcome = await system.RevokeCredentialAsync(credential, cause);
        if (outcome.IsDone)
            await context.SendAsync(Show(outcome.Value, clock.Now), AdminJson.Default.CredentialEntry);
        else
            await RefuseAsync(context, outcome.Refusal);
    }

    async Task RevokeNodeAsync(HttpContext context, string name, Cause cause)
    {
        if (system.Queries.FindNode(name) is not { } node)
        {
            await context.SendAsync(NoSuchNode(name));
            return;
        }
        var outcome = await system.RevokeNodeAsync(node.Id, RevocationPatience, cause);
        if (!outcome.IsDone)
        {
            await RefuseAsync(context, outcome.Refusal);
            return;
        }
        await context.SendAsync(Show(outcome.Value), AdminJson.Default.RevocationReport);
    }

    async Task PolicyAsync(HttpContext context, Cause cause, bool set)
    {
        if (await context.ReadAsync(AdminJson.Default.PolicyText, MaximumRequest) is not { } request)
            return;
        await TakePolicyAsync(context, request.Text, cause, set);
    }

    async Task TakePolicyAsync(HttpContext context, string text, Cause cause, bool set)
    {
        var source = YamlPolicy.Parse(text, out var problem);
        var reading = problem is null ? system.CheckPolicy(source) : new PolicyReading(null, [problem]);
        var taken = false;
        if (set && reading.Document is not null)
        {
            var outcome = await system.SetPolicyAsync(text, reading, cause);
            if (!outcome.IsDone)
            {
                await RefuseAsync(context, outcome.Refusal);
                return;
            }
            taken = true;
        }
        await context.SendAsync(new PolicyReport(taken, [.. reading.Problems.Select(Show)]), AdminJson.Default.PolicyReport);
    }

    // An entity that could not write does not answer; where the reason is plain, the admin is told it.
    Task RefuseAsync(HttpContext context, Refusal refusal) => context.SendAsync(
        refusal.Kind == RefusalKind.Unavailable && trouble() is { } reason
            ? refusal.ToProblem() with { Title = reason }
            : refusal.ToProblem());

    static Problem NoSuchRequest =>
        new("the controller does not know this request: is it of the same release?", StatusCodes.Status404NotFound, RefusalCodes.Malformed);

    static Problem Invalid(string message) => new(message, StatusCodes.Status400BadRequest, "invalid");

    static Problem NoSuchNode(string name) =>
        new($"there is no node '{name}': 'mesh-controller node list' shows them", StatusCodes.Status404NotFound, "not-found");
}
