using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Mesh.Node.Local;

/// <summary>Speaks to the daemon over its UNIX socket. Every failure is a <see cref="MeshFailureException"/>. Safe for concurrent use.</summary>
sealed class LocalClient : IDisposable
{
    readonly string _socketPath;
    readonly HttpClient _http;

    /// <summary>Prepares to speak to a daemon; the socket is opened with the first request.</summary>
    public LocalClient(string socketPath)
    {
        _socketPath = socketPath;
        _http = new HttpClient(new SocketsHttpHandler { ConnectCallback = ConnectAsync, UseProxy = false })
        {
            BaseAddress = new Uri("http://mesh.local"),
            Timeout = Timeout.InfiniteTimeSpan,
        };
    }

    /// <summary>Gets a document.</summary>
    public Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancel) =>
        SendAsync(new HttpRequestMessage(HttpMethod.Get, path), type, cancel);

    /// <summary>Asks for something to be done.</summary>
    public Task<TReply> PostAsync<TRequest, TReply>(
        string path, TRequest request, JsonTypeInfo<TRequest> requestType, JsonTypeInfo<TReply> replyType, CancellationToken cancel) =>
        SendAsync(new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(request, requestType) }, replyType, cancel);

    /// <summary>Asks for something to be done that needs no saying how.</summary>
    public Task<DoneReply> PostAsync(string path, CancellationToken cancel) =>
        SendAsync(new HttpRequestMessage(HttpMethod.Post, path), LocalJson.Default.DoneReply, cancel);

    /// <summary>Asks for something to be done that needs no saying how, and answers with a document.</summary>
    public Task<T> PostAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancel) =>
        SendAsync(new HttpRequestMessage(HttpMethod.Post, path), type, cancel);

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    async Task<T> SendAsync<T>(HttpRequestMessage request, JsonTypeInfo<T> type, CancellationToken cancel)
    {
        using (request)
        {
            try
            {
                using var response = await _http.SendAsync(request, cancel);
                if (!response.IsSuccessStatusCode)
                {
                    var problem = await response.Content.ReadFromJsonAsync(LocalJson.Default.LocalProblem, cancel);
                    throw new MeshFailureException(problem?.ExitCode ?? ExitCodes.Failed, problem?.Message ?? $"the daemon answered {(int)response.StatusCode}");
                }
                return await response.Content.ReadFromJsonAsync(type, cancel)
                    ?? throw new MeshFailureException(ExitCodes.Failed, "the daemon gave an empty answer");
            }
            catch (HttpRequestException failure)
            {
                throw Unreachable(failure);
            }
            catch (Exception failure) when (failure is JsonException or NotSupportedException)
            {
                throw new MeshFailureException(ExitCodes.Failed,
                    "the daemon's answer cannot be read: is it of another version? restart it (systemctl restart mesh)", failure);
            }
        }
    }

    MeshFailureException Unreachable(HttpRequestException failure)
    {
        var denied = failure.InnerException is SocketException { SocketErrorCode: SocketError.AccessDenied };
        return denied
            ? new MeshFailureException(ExitCodes.Refused, $"no permission to use {_socketPath}: run this as root", failure)
            : new MeshFailureException(ExitCodes.Unreachable,
                $"no daemon answers at {_socketPath}: start it (systemctl start mesh, or mesh daemon) or name its socket with --socket", failure);
    }

    async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancel)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(LocalSocket.EndPoint(_socketPath), cancel);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
