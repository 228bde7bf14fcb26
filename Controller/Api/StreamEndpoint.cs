using System.Buffers;
using System.Net;
using Mesh.Actors.Registry;
using Mesh.Actors.Sessions;
using Mesh.Protocol;
using Mesh.Protocol.Control;
using Mesh.Protocol.Identity;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Logging;

namespace Mesh.Controller.Api;

/// <summary>
/// Serves <c>POST /v1/stream</c>: one HTTP/2 exchange that stays open, newline-delimited JSON both ways. The session actor behind
/// <see cref="ControllerSystem.OpenStream"/> decides everything; here are only bytes, bounds and ends.
/// </summary>
sealed class StreamEndpoint(ControllerSystem system, ILogger<StreamEndpoint> log)
{
    /// <summary>The greatest length of a line up, in bytes, without line feed.</summary>
    public const int MaximumLine = 64 << 10;

    const int MaximumInstance = 64;

    static readonly TimeSpan Farewell = TimeSpan.FromSeconds(1);

    /// <summary>Serves one stream until either side ends it.</summary>
    /// <param name="context">The request.</param>
    /// <param name="node">The node.</param>
    /// <param name="issuer">The controller that issued the node's certificate.</param>
    public async Task ServeAsync(HttpContext context, NodeId node, ControllerId issuer)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = null;
        if (context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
            rate.MinDataRate = null;
        context.Response.ContentType = "application/x-ndjson";
        using var over = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        var stream = new ControlStream();
        // A node that gave this attempt up while it waited to be served may have its next stream already: this one must not replace it.
        context.RequestAborted.ThrowIfCancellationRequested();
        // Before the node knows that it was let in: from then on nobody may be told that it is away.
        var handle = system.OpenStream(node, stream, issuer, Origin(context));
        log.StreamOpened(node);
        try
        {
            await context.Response.StartAsync(over.Token);
            // The head waits for the first byte of the body otherwise.
            await context.Response.BodyWriter.FlushAsync(over.Token);
            var writing = stream.WriteAsync(context.Response.BodyWriter, handle.Drained, over.Token);
            var reading = ReadAsync();
            await Task.WhenAny(writing, reading);
            // The node has ended its side, or broke a rule: what was queued for it, and the reason, still go out.
            if (!writing.IsCompleted)
                stream.Close("ended");
            over.CancelAfter(TimeSpan.FromSeconds(5));
            await writing;
            // The node ends its side once it has read why. An exchange that ends under it may take that line with it.
            over.CancelAfter(Farewell);
            await reading;
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or BadHttpRequestException)
        {
            // The connection is gone: the node comes back by itself.
        }
        finally
        {
            await over.CancelAsync();
            handle.Closed();
            log.StreamClosed(node);
        }

        async Task ReadAsync()
        {
            try
            {
                var whole = await new LineReader(context.Request.BodyReader, MaximumLine).ReadAsync(Take, over.Token);
                if (!whole)
                    stream.Close("malformed");
            }
            catch (Exception e) when (e is OperationCanceledException or IOException or BadHttpRequestException)
            {
                stream.Close("ended");
            }
        }

        bool Take(ReadOnlySequence<byte> line)
        {
            if (!ProtocolJson.TryDecode(
                line.IsSingleSegment ? line.FirstSpan : line.ToArray(), ProtocolJson.Default.UpFrame, out var frame))
            {
                stream.Close("malformed");
                return false;
            }
            if (handle.Post(frame))
                return true;
            stream.Close("overrun");
            return false;
        }
    }

    // A program of an earlier release says nothing of itself.
    static StreamOrigin? Origin(HttpContext context) =>
        context.Request.Headers[ControlHeaders.Instance].ToString() is { Length: > 0 and <= MaximumInstance } instance
            ? new StreamOrigin(instance, RemotePlace.Of(context.Connection.RemoteIpAddress ?? IPAddress.None).ToString())
            : null;
}
