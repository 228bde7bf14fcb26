using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Mesh.Protocol;
using Mesh.Protocol.Enrollment;

namespace Mesh.Controller.Admin;

/// <summary>Asks a running controller for one command. Errors are <see cref="CommandException"/>s with the right exit code.</summary>
/// <param name="link">The way to the controller; it stays the caller's.</param>
/// <param name="moment">What every question is about where it is not the present, as <see cref="MomentText"/> reads it.</param>
sealed class AdminClient(AdminLink link, string? moment = null)
{
    /// <summary>Gets which revision the last answer was of, and the time then; null for the present.</summary>
    public string? AsOf { get; private set; }

    /// <summary>Gets how many events before that moment say nothing any more, as the last answer had it; null: all speak.</summary>
    public string? Pruned { get; private set; }

    /// <summary>Reads.</summary>
    public Task<T> GetAsync<T>(string path, JsonTypeInfo<T> reply, CancellationToken cancellationToken) where T : class
    {
        if (moment is not null)
            path += (path.Contains('?', StringComparison.Ordinal) ? "&at=" : "?at=") + Uri.EscapeDataString(moment);
        return SendAsync(() => new HttpRequestMessage(HttpMethod.Get, path), reply, cancellationToken);
    }

    /// <summary>Asks for a change; <paramref name="body"/> null sends none.</summary>
    public Task<TReply> PostAsync<TBody, TReply>(
        string path, TBody? body, JsonTypeInfo<TBody>? type, JsonTypeInfo<TReply> reply, CancellationToken cancellationToken)
        where TReply : class where TBody : class
    {
        return SendAsync(Request, reply, cancellationToken);

        HttpRequestMessage Request()
        {
            var request = new HttpRequestMessage(HttpMethod.Post, path);
            if (body is not null && type is not null)
            {
                request.Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body, type));
                request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            }
            return request;
        }
    }

    /// <summary>Reads an answer of any length, line by line as it comes.</summary>
    public async IAsyncEnumerable<string> GetLinesAsync(string path, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var response = await link.SendAsync(
            () => new HttpRequestMessage(HttpMethod.Get, path), HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        if (!response.IsSuccessStatusCode)
            throw Refused((int)response.StatusCode, await ReadAsync(() => response.Content.ReadAsByteArrayAsync(cancellationToken)));
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(cancellationToken));
        while (await ReadAsync(() => reader.ReadLineAsync(cancellationToken).AsTask()) is { } line)
            yield return line;
    }

    /// <summary>Gives the exit code that belongs to an HTTP status of the admin API.</summary>
    public static int ExitCodeOf(int status, bool inputFile) => status switch
    {
        400 => inputFile ? ExitCode.BadInput : ExitCode.Usage,
        401 or 403 => ExitCode.Refused,
        503 or 429 => ExitCode.TryAgain,
        _ => ExitCode.Failed,
    };

    async Task<T> SendAsync<T>(Func<HttpRequestMessage> request, JsonTypeInfo<T> type, CancellationToken cancellationToken) where T : class
    {
        using var response = await link.SendAsync(request, HttpCompletionOption.ResponseContentRead, cancellationToken);
        var content = await response.Content.ReadAsByteArrayAsync(cancellationToken);
        AsOf = response.Headers.TryGetValues(AdminVerbs.AsOfHeader, out var asOf) ? asOf.First() : null;
        Pruned = response.Headers.TryGetValues(AdminVerbs.PrunedHeader, out var pruned) ? pruned.First() : null;
        if (!response.IsSuccessStatusCode)
            throw Refused((int)response.StatusCode, content);
        try
        {
            return JsonSerializer.Deserialize(content, type)
                ?? throw new CommandException(ExitCode.Failed, "the controller sent an empty answer");
        }
        catch (JsonException e)
        {
            throw new CommandException(ExitCode.Failed, $"what answers at {link.Place} speaks another version of this program", e);
        }
    }

    async Task<T> ReadAsync<T>(Func<Task<T>> read)
    {
        try
        {
            return await read();
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new CommandException(ExitCode.Unreachable, $"the controller at {link.Place} broke off: {e.Message}", e);
        }
    }

    static CommandException Refused(int status, byte[] content) => ProtocolJson.TryDecode(content, ProtocolJson.Default.Problem, out var problem)
        ? new CommandException(ExitCodeOf(problem.Status, inputFile: false), problem.Title) { Code = problem.Code }
        : new CommandException(ExitCode.Failed, $"the controller answered {status}");
}
