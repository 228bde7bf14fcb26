using System.Globalization;
using Mesh.Actors.Registry;
using Mesh.Controller.Api;
using Mesh.Controller.Audit;
using Mesh.Protocol.Audit;
using Microsoft.AspNetCore.Http;

namespace Mesh.Controller.Admin;

sealed partial class AdminVerbs
{
    /// <summary>Gets what exports the journal.</summary>
    public required AuditExporter Exporter { get; init; }

    async Task AuditAsync(HttpContext context, NetworkQueries queries)
    {
        var query = context.Request.Query;
        if (AuditFilter.Read(query, queries, clock.Now, out var problem) is not { } filter)
        {
            await context.SendAsync(Invalid(problem!));
            return;
        }
        var limit = int.TryParse(query["limit"], out var wanted) ? Math.Clamp(wanted, 1, 100_000) : 1000;
        var last = queries.Past?.View.Revision ?? long.MaxValue;
        var entries = new Queue<AuditLine>();
        long? next = filter.After;
        var seen = filter.After;
        // The newest that match: the journal is read in its order, and only so many are kept.
        while (next is { } from)
        {
            var page = await queries.AuditAsync(from, 1000, context.RequestAborted);
            foreach (var entry in page.Entries)
            {
                if (entry.Ordering > last)
                    break;
                seen = entry.Ordering;
                if (!filter.Matches(entry))
                    continue;
                entries.Enqueue(new AuditLine(entry.Ordering, entry.At, entry.By, entry.Kind, entry.Subject, entry.Detail));
                if (entries.Count > limit)
                    entries.Dequeue();
            }
            next = page.Next < last ? page.Next : null;
        }
        await context.SendAsync(new AuditList([.. entries], seen), AdminJson.Default.AuditList);
    }

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

    async Task PruneAsync(HttpContext context, Cause cause)
    {
        if (await context.ReadAsync(AdminJson.Default.PruneRequest, MaximumRequest) is not { } request)
            return;
        var before = clock.Now - TimeSpan.FromSeconds(Math.Clamp(request.OlderThan, 0, 1_000_000_000));
        var pruned = await system.PruneAsync(before, request.DryRun, cause, context.RequestAborted);
        await (pruned.IsDone
            ? context.SendAsync(new PruneAnswer(before, pruned.Value.Entities, pruned.Value.Events, request.DryRun), AdminJson.Default.PruneAnswer)
            : RefuseAsync(context, pruned.Refusal));
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
