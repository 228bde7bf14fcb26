using Mesh.Actors.Registry;
using Mesh.Controller.Api;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Microsoft.AspNetCore.Http;

namespace Mesh.Controller.Admin;

sealed partial class AdminVerbs
{
    async Task ShowControllerAsync(HttpContext context, string id)
    {
        var view = system.Queries.View;
        if (!TryFind(id, out var found))
            await context.SendAsync(NoSuchController(id));
        else
            await context.SendAsync(
                new ControllerRecord(found, view.Network!.RootKey, view.Controllers[found].Delegation, view.Controllers[found].Withdrawn),
                AdminJson.Default.ControllerRecord);
    }

    async Task RenewControllerAsync(HttpContext context, string id, Cause cause)
    {
        if (await context.ReadAsync(AdminJson.Default.NewDelegation, MaximumRequest) is not { } request)
            return;
        if (!TryFind(id, out var found))
        {
            await context.SendAsync(NoSuchController(id));
            return;
        }
        var known = system.Queries.View.Controllers[found];
        if (known.Authority is not { } authority)
        {
            await context.SendAsync(new Problem(
                $"controller {id} was last started by an older version: start it once with this one, then renew", StatusCodes.Status409Conflict, "conflict"));
            return;
        }
        var outcome = await system.DelegateAsync(found, request.Delegation, authority, known.Addresses, cause);
        if (!outcome.IsDone)
        {
            await RefuseAsync(context, outcome.Refusal);
            return;
        }
        await ShowControllerAsync(context, id);
    }

    // What cannot be undone is refused where it would leave nobody to go on with.
    async Task RemoveControllerAsync(HttpContext context, string id, Cause cause)
    {
        if (!TryFind(id, out var found))
        {
            await context.SendAsync(NoSuchController(id));
            return;
        }
        if (found == controller)
        {
            var alone = system.Queries.Controllers.Count(one => !one.Withdrawn) == 1;
            await context.SendAsync(new Problem(
                alone
                    ? $"controller {id} is the only one of this network: make another first with 'mesh-controller cluster join'"
                    : $"controller {id} is the one that was asked: ask another controller to remove it",
                StatusCodes.Status409Conflict, "conflict"));
            return;
        }
        var outcome = await system.RemoveControllerAsync(found, RevocationPatience, cause);
        if (!outcome.IsDone)
        {
            await RefuseAsync(context, outcome.Refusal);
            return;
        }
        var told = outcome.Value;
        await context.SendAsync(
            new RemovalReport(found, told.Nodes, told.Told, told.Elapsed.TotalSeconds), AdminJson.Default.RemovalReport);
    }

    // "self" is the controller that was asked.
    bool TryFind(string id, out ControllerId found)
    {
        if (id != "self")
            return TypedId.TryParse(id, out found) && system.Queries.View.Controllers.ContainsKey(found);
        found = controller;
        return true;
    }

    static Problem NoSuchController(string id) =>
        new($"there is no controller '{id}': 'mesh-controller cluster status' shows them", StatusCodes.Status404NotFound, "not-found");
}
