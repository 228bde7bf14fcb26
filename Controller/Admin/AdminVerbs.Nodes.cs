using Mesh.Actors.Projection;
using Mesh.Actors.Registry;
using Mesh.Controller.Api;
using Mesh.Controller.Keys;
using Mesh.Protocol.Time;
using Microsoft.AspNetCore.Http;

namespace Mesh.Controller.Admin;

// What becomes of a node after it joined.
sealed partial class AdminVerbs
{
    Task ApproveNodeAsync(HttpContext context, string name, Cause cause) =>
        ChangeAsync(context, name, node => system.ApproveNodeAsync(node.Id, cause));

    async Task RenameNodeAsync(HttpContext context, string name, Cause cause)
    {
        if (await context.ReadAsync(AdminJson.Default.NewName, MaximumRequest) is { } request)
            await ChangeAsync(context, name, node => system.RenameNodeAsync(node.Id, request.Name, cause));
    }

    async Task TagNodeAsync(HttpContext context, string name, Cause cause)
    {
        if (await context.ReadAsync(AdminJson.Default.NewOwner, MaximumRequest) is not { } request)
            return;
        await ChangeAsync(context, name, node => system.TagNodeAsync(
            node.Id, request.User,
            request.User is not null ? [] : [.. (request.Set ?? node.Node.Tags).Except(request.Remove ?? []).Concat(request.Add ?? [])], cause));
    }

    async Task ExpireNodeAsync(HttpContext context, string name, Cause cause)
    {
        if (await context.ReadAsync(AdminJson.Default.NewExpiry, MaximumRequest) is not { } request)
            return;
        var now = clock.Now;
        WallTime? at = request switch
        {
            { Never: true } => null,
            { InSeconds: { } seconds } => now + TimeSpan.FromSeconds(Math.Clamp(seconds, 0, 100L * 365 * 86400)),
            { At: { } moment } => moment,
            _ => now,
        };
        await ChangeAsync(context, name, node => system.SetNodeExpiryAsync(node.Id, at, cause));
    }

    async Task DeleteNodeAsync(HttpContext context, string name, Cause cause)
    {
        if (await context.ReadAsync(AdminJson.Default.NodeDeletion, MaximumRequest) is not { } request)
            return;
        if (system.Queries.FindNode(name) is not { } node)
        {
            await context.SendAsync(NoSuchNode(name));
            return;
        }
        RevocationReport? revocation = null;
        if (request.Force && node.IsPresent)
        {
            // A command of its own: the node would take the deletion for this one, come again.
            var revoked = await system.RevokeNodeAsync(node.Id, RevocationPatience, Cause.Of(cause.By, SystemEntropy.Instance));
            if (!revoked.IsDone)
            {
                await RefuseAsync(context, revoked.Refusal);
                return;
            }
            revocation = Show(revoked.Value);
        }
        var outcome = await system.DeleteNodeAsync(node.Id, cause);
        if (outcome.IsDone)
            await context.SendAsync(new DeletedNode(node.Id, node.Name, revocation), AdminJson.Default.DeletedNode);
        else
            await RefuseAsync(context, outcome.Refusal);
    }

    async Task ChangeAsync(HttpContext context, string name, Func<NodeView, Task<Outcome<NodeView>>> change)
    {
        if (system.Queries.FindNode(name) is not { } node)
        {
            await context.SendAsync(NoSuchNode(name));
            return;
        }
        var outcome = await change(node);
        if (outcome.IsDone)
            await context.SendAsync(Show(new NodeListing(outcome.Value, system.Queries.Presence(node.Id)), null), AdminJson.Default.NodeEntry);
        else
            await RefuseAsync(context, outcome.Refusal);
    }
}
