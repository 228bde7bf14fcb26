using System.Globalization;
using Mesh.Controller.Api;
using Mesh.Controller.Audit;
using Mesh.Protocol.Audit;
using Microsoft.AspNetCore.Http;

namespace Mesh.Controller.Admin;

sealed partial class AdminVerbs
{
    /// <summary>Gets what exports the journal.</summary>
    public required AuditExporter Exporter { get; init; }

    async Task ExportAuditAsync(HttpContext context)
    {
        if (Read(context.Request.Query) is not { } request)
        {
            await context.SendAsync(Invalid("from and to are orderings from 1 on"));
            return;
        }
        var prepared = await Exporter.PrepareAsync(request, context.RequestAborted);
        if (!prepared.IsDone)
        {
            await RefuseAsync(context, prepared.Refusal);
            return;
        }
        context.Response.ContentType = "application/x-ndjson";
        await Exporter.WriteAsync(prepared.Value, context.Response.Body, context.RequestAborted);
    }

    static ExportRequest? Read(IQueryCollection query)
    {
        var request = new ExportRequest(Payloads: query["payloads"] != "no");
        if (query["from"].ToString() is { Length: > 0 } from)
        {
            if (!TryReadOrdering(from, out var ordering))
                return null;
            request = request with { From = ordering };
        }
        if (query["to"].ToString() is { Length: > 0 } to)
        {
            if (!TryReadOrdering(to, out var ordering))
                return null;
            request = request with { To = ordering };
        }
        if (query["continues"].ToString() is { Length: > 0 } continues)
        {
            if (!AuditHead.TryParse(continues, out var head))
                return null;
            request = request with { Continues = head };
        }
        return request;
    }

    static bool TryReadOrdering(string text, out long ordering) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ordering) && ordering > 0;
}
