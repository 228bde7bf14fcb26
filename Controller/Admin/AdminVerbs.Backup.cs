using Mesh.Controller.Api;
using Mesh.Controller.Backup;
using Mesh.Protocol.Enrollment;
using Microsoft.AspNetCore.Http;

namespace Mesh.Controller.Admin;

sealed partial class AdminVerbs
{
    /// <summary>Gets what takes backups.</summary>
    public required BackupWriter Backups { get; init; }

    // Sent as it is read. Where reading fails on the way the answer is cut, and without its signature it is no backup.
    async Task BackupAsync(HttpContext context)
    {
        using var turn = Backups.TryBegin();
        if (turn is null)
        {
            await context.SendAsync(new Problem(
                "another backup is being taken: try again", StatusCodes.Status503ServiceUnavailable, RefusalCodes.Unavailable, 5));
            return;
        }
        context.Response.ContentType = "application/octet-stream";
        await Backups.WriteAsync(context.Response.Body, context.RequestAborted);
    }
}
