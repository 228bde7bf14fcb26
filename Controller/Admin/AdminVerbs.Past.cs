using System.Globalization;
using System.Text;
using Mesh.Actors.Projection;
using Mesh.Actors.Registry;
using Mesh.Controller.Api;
using Mesh.Protocol;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Enrollment;
using Microsoft.AspNetCore.Http;

namespace Mesh.Controller.Admin;

sealed partial class AdminVerbs
{
    /// <summary>Names the header that says which revision an answer about the past is of, and the time then.</summary>
    public const string AsOfHeader = "Mesh-As-Of";

    /// <summary>Names the header that says how many events up to then have lost their content by retention.</summary>
    public const string PrunedHeader = "Mesh-Pruned";

    // The same questions as of the present, with the answers of the moment that `at` names. What is not here has no past.
    async Task ServePastAsync(HttpContext context, string[] path)
    {
        if (MomentText.Parse(context.Request.Query["at"].ToString(), clock.Now, out var problem) is not { } moment)
        {
            await context.SendAsync(Invalid(problem!));
            return;
        }
        var past = await system.Queries.AtAsync(moment, context.RequestAborted);
        if (!past.IsDone)
        {
            await RefuseAsync(context, past.Refusal);
            return;
        }
        var then = past.Value.Past!;
        context.Response.Headers[AsOfHeader] = string.Create(CultureInfo.InvariantCulture, $"{then.View.Revision} {then.Time}");
        if (then.Pruned > 0)
            context.Response.Headers[PrunedHeader] = then.Pruned.ToString(CultureInfo.InvariantCulture);
        await ((context.Request.Method, path) switch
        {
            ("GET", ["v1", "users"]) => SendUsersAsync(context, past.Value),
            ("GET", ["v1", "credentials"]) => SendCredentialsAsync(context, past.Value),
            ("GET", ["v1", "nodes"]) => SendNodesAsync(context, past.Value),
            ("GET", ["v1", "nodes", var name]) => ShowNodeAsync(context, past.Value, name),
            ("GET", ["v1", "nodes", var name, "map"]) => ShowMapAsync(context, past.Value, name),
            ("GET", ["v1", "policy"]) => SendPolicyAsync(context, past.Value),
            ("GET", ["v1", "audit"]) => AuditAsync(context, past.Value),
            _ => context.SendAsync(Invalid("this question has no answer in the past")),
        });
    }

    static Task SendUsersAsync(HttpContext context, NetworkQueries queries) =>
        context.SendAsync(new UserList([.. queries.Users.Select(Show)]), AdminJson.Default.UserList);

    Task SendCredentialsAsync(HttpContext context, NetworkQueries queries)
    {
        var now = queries.Past?.Time ?? clock.Now;
        return context.SendAsync(new CredentialList([.. queries.Credentials.Select(one => Show(one, now))]), AdminJson.Default.CredentialList);
    }

    static Task SendNodesAsync(HttpContext context, NetworkQueries queries) =>
        context.SendAsync(new NodeList([.. queries.Nodes.Select(node => Show(node, queries.Past))]), AdminJson.Default.NodeList);

    static Task SendPolicyAsync(HttpContext context, NetworkQueries queries) =>
        context.SendAsync(new PolicyText(queries.PolicyText), AdminJson.Default.PolicyText);

    static Task ShowNodeAsync(HttpContext context, NetworkQueries queries, string name) => queries.FindNode(name) is { } node
        ? context.SendAsync(Show(new NodeListing(node, queries.Presence(node.Id)), queries.Past), AdminJson.Default.NodeEntry)
        : context.SendAsync(NoSuchNode(name));

    static Task ShowMapAsync(HttpContext context, NetworkQueries queries, string name)
    {
        var view = queries.View;
        if (view.FindNode(name) is not { } node)
            return context.SendAsync(NoSuchNode(name));
        if (view.BodyFor(node.Id) is not { } body)
            return context.SendAsync(new Problem($"{node.Name} is not in the network: it has no map", StatusCodes.Status409Conflict, "no-map"));
        var bytes = ProtocolJson.Encode(body, ProtocolJson.Default.MapBody);
        return context.SendAsync(
            new MapReport(node.Id, node.Name, view.Revision, Sha256.Hash(bytes), Encoding.UTF8.GetString(bytes)), AdminJson.Default.MapReport);
    }
}
