using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Mesh.Protocol;
using Mesh.Protocol.Enrollment;

namespace Mesh.Controller.Admin;

/// <summary>Asks the running controller over its admin socket. Errors are <see cref="CommandException"/>s with the right exit
/// code.</summary>
sealed class AdminClient : IDisposable
{
    // Nothing an admin asks for is larger than a network's list of nodes.
    const long MaximumReply = 64 << 20;

    readonly HttpClient _http;
    readonly string _socketPath;
    readonly string? _moment;

    /// <summary>Prepares to ask the controller behind a socket; connects on the first question.</summary>
    /// <param name="socketPath">The socket.</param>
    /// <param name="moment">What every question is about where it is not the present, as <see cref="MomentText"/> reads it.</param>
    public AdminClient(string socketPath, string? moment = null)
    {
        _socketPath = socketPath;
        _moment = moment;
        _http = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellationToken) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(_socketPath), cancellationToken);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            },
        })
        {
            BaseAddress = new Uri("http://admin"),
            Timeout = TimeSpan.FromSeconds(60),
            MaxResponseContentBufferSize = MaximumReply,
        };
    }

    /// <summary>Gets which revision the last answer was of, and the time then; null for the present.</summary>
    public string? AsOf { get; private set; }

    /// <summary>Reads.</summary>
    public Task<T> GetAsync<T>(string path, JsonTypeInfo<T> reply, CancellationToken cancellationToken) where T : class
    {
        if (_moment is not null)
            path += (path.Contains('?', StringComparison.Ordinal) ? "&at=" : "?at=") + Uri.EscapeDataString(_moment);
        return SendAsync(new HttpRequestMessage(HttpMethod.Get, path), reply, cancellationToken);
    }

    /// <summary>Asks for a change; <paramref name="body"/> null sends none.</summary>
    public Task<TReply> PostAsync<TBody, TReply>(
        string path, TBody? body, JsonTypeInfo<TBody>? type, JsonTypeInfo<TReply> reply, CancellationToken cancellationToken)
        where TReply : class where TBody : class
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path);
        if (body is not null && type is not null)
        {
            request.Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body, type));
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        }
        return SendAsync(request, reply, cancellationToken);
    }

    /// <summary>Reads an answer of any length, line by line as it comes.</summary>
    public async IAsyncEnumerable<string> GetLinesAsync(
        string path, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        using var response = await ExplainedAsync(() => _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken), cancellationToken);
        if (!response.IsSuccessStatusCode)
            throw Refused((int)response.StatusCode, await response.Content.ReadAsByteArrayAsync(cancellationToken));
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(cancellationToken));
        while (await ExplainedAsync(() => reader.ReadLineAsync(cancellationToken).AsTask(), cancellationToken) is { } line)
            yield return line;
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    /// <summary>Gives the exit code that belongs to an HTTP status of the admin API.</summary>
    public static int ExitCodeOf(int status, bool inputFile) => status switch
    {
        400 => inputFile ? ExitCode.BadInput : ExitCode.Usage,
        401 or 403 => ExitCode.Refused,
        503 or 429 => ExitCode.TryAgain,
        _ => ExitCode.Failed,
    };

    Task<T> SendAsync<T>(HttpRequestMessage request, JsonTypeInfo<T> reply, CancellationToken cancellationToken) where T : class =>
        ExplainedAsync(
            async () =>
            {
                using var response = await _http.SendAsync(request, cancellationToken);
                var content = await response.Content.ReadAsByteArrayAsync(cancellationToken);
                AsOf = response.Headers.TryGetValues(AdminVerbs.AsOfHeader, out var asOf) ? asOf.First() : null;
                if (!response.IsSuccessStatusCode)
                    throw Refused((int)response.StatusCode, content);
                return JsonSerializer.Deserialize(content, reply)
                    ?? throw new CommandException(ExitCode.Failed, "the controller sent an empty answer");
            },
            cancellationToken);

    static CommandException Refused(int status, byte[] content) => ProtocolJson.TryDecode(content, ProtocolJson.Default.Problem, out var problem)
        ? new CommandException(ExitCodeOf(problem.Status, inputFile: false), problem.Title)
        : new CommandException(ExitCode.Failed, $"the controller answered {status}");

    async Task<T> ExplainedAsync<T>(Func<Task<T>> ask, CancellationToken cancellationToken)
    {
        try
        {
            return await ask();
        }
        catch (HttpRequestException e) when (Cause<SocketException>(e) is { } cause)
        {
            throw cause.SocketErrorCode == SocketError.AccessDenied
                ? new CommandException(ExitCode.Refused, $"permission denied on {_socketPath}: run this as root (sudo)", e)
                : new CommandException(ExitCode.Unreachable,
                    $"no controller answers on {_socketPath}: is 'mesh-controller serve' running here? (--socket names another socket)", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new CommandException(ExitCode.Unreachable, $"the controller on {_socketPath} broke off: {e.Message}", e);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new CommandException(ExitCode.TryAgain, $"the controller on {_socketPath} did not answer in time: try again", e);
        }
        catch (JsonException e)
        {
            throw new CommandException(ExitCode.Failed, $"what answers on {_socketPath} speaks another version of this program", e);
        }
    }

    static T? Cause<T>(Exception? error) where T : Exception
    {
        for (; error is not null; error = error.InnerException)
        {
            if (error is T found)
                return found;
        }
        return null;
    }
}
