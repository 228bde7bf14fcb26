using System.Buffers;
using System.Globalization;
using System.Text.Json.Serialization.Metadata;
using Mesh.Actors.Registry;
using Mesh.Protocol;
using Mesh.Protocol.Enrollment;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Mesh.Controller.Api;

/// <summary>Reads bounded request bodies and writes answers, for the public API and the admin socket alike.</summary>
static class HttpAnswers
{
    const string ProblemType = "application/problem+json";

    /// <summary>Gives the HTTP status of a kind of refusal.</summary>
    public static int StatusOf(RefusalKind kind) => kind switch
    {
        RefusalKind.Invalid => StatusCodes.Status400BadRequest,
        RefusalKind.NotFound => StatusCodes.Status404NotFound,
        RefusalKind.Conflict => StatusCodes.Status409Conflict,
        RefusalKind.Denied => StatusCodes.Status403Forbidden,
        _ => StatusCodes.Status503ServiceUnavailable,
    };

    /// <summary>Turns a refusal into a problem document.</summary>
    public static Problem ToProblem(this Refusal refusal) =>
        new(refusal.Message, StatusOf(refusal.Kind), refusal.Code, refusal.Kind == RefusalKind.Unavailable ? 1 : null);

    /// <summary>Sends a problem document (RFC 9457), with Retry-After where it says when.</summary>
    public static async Task SendAsync(this HttpContext context, Problem problem)
    {
        context.Response.StatusCode = problem.Status;
        if (problem.RetryAfterSeconds is { } seconds)
            context.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        await WriteAsync(context, ProblemType, ProtocolJson.Encode(problem, ProtocolJson.Default.Problem));
    }

    /// <summary>Sends a JSON document.</summary>
    public static Task SendAsync<T>(this HttpContext context, T document, JsonTypeInfo<T> type) =>
        WriteAsync(context, "application/json", ProtocolJson.Encode(document, type));

    /// <summary>
    /// Reads a JSON body of at most <paramref name="limit"/> bytes; null, with the problem sent, where it is longer or not one.
    /// </summary>
    public static async Task<T?> ReadAsync<T>(this HttpContext context, JsonTypeInfo<T> type, int limit) where T : class
    {
        var size = context.Features.Get<IHttpMaxRequestBodySizeFeature>();
        if (size is { IsReadOnly: false })
            size.MaxRequestBodySize = limit;
        if (context.Request.ContentLength > limit)
        {
            await context.SendAsync(
                new Problem($"the request is longer than {limit} bytes", StatusCodes.Status413PayloadTooLarge, RefusalCodes.Malformed));
            return null;
        }
        var reader = context.Request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(context.RequestAborted);
            if (read.IsCompleted || read.Buffer.Length > limit)
            {
                var whole = read.Buffer.Length <= limit ? read.Buffer.ToArray() : null;
                reader.AdvanceTo(read.Buffer.End);
                if (whole is not null && ProtocolJson.TryDecode(whole, type, out var document))
                    return document;
                await context.SendAsync(new Problem("the request cannot be read", StatusCodes.Status400BadRequest, RefusalCodes.Malformed));
                return null;
            }
            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    static async Task WriteAsync(HttpContext context, string contentType, byte[] body)
    {
        context.Response.ContentType = contentType;
        context.Response.ContentLength = body.Length;
        await context.Response.Body.WriteAsync(body, context.RequestAborted);
    }
}
