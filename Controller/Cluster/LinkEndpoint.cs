using Mesh.Actors.Registry;
using Mesh.Protocol.Identity;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Mesh.Controller.Cluster;

/// <summary>Serves <c>POST /internal/v1/link</c> to another controller that was proven to be one: one exchange that stays open.</summary>
sealed class LinkEndpoint(ControllerSystem system)
{
    /// <summary>Where all of it is.</summary>
    public const string Prefix = "/internal/";

    /// <summary>Where a link is opened.</summary>
    public const string Path = "/internal/v1/link";

    /// <summary>Serves one link until either side ends it.</summary>
    public async Task ServeAsync(HttpContext context, ControllerId member)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = null;
        if (context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
            rate.MinDataRate = null;
        context.Response.ContentType = "application/x-ndjson";
        await context.Response.StartAsync(context.RequestAborted);
        await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
        using var stream = new MemberStream(context.RequestAborted);
        await stream.RunAsync(system, member, context.Request.BodyReader, () => context.Response.BodyWriter);
        // The other end learns of it at once, whatever it is doing.
        context.Abort();
    }
}
