using System.Net.Sockets;

namespace Mesh.Controller.Admin;

/// <summary>Asks the controller on this machine over its admin socket.</summary>
sealed class SocketLink : AdminLink
{
    readonly HttpClient _http;
    readonly string _path;

    /// <summary>Prepares to ask the controller behind a socket.</summary>
    public SocketLink(string path)
    {
        _path = path;
        _http = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellationToken) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(_path), cancellationToken);
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
            Timeout = Patience,
            MaxResponseContentBufferSize = MaximumReply,
        };
    }

    /// <inheritdoc/>
    public override string Place => _path;

    /// <inheritdoc/>
    public override async Task<HttpResponseMessage> SendAsync(
        Func<HttpRequestMessage> request, HttpCompletionOption completion, CancellationToken cancellationToken)
    {
        try
        {
            return await _http.SendAsync(request(), completion, cancellationToken);
        }
        catch (HttpRequestException e) when (Cause<SocketException>(e) is { } cause)
        {
            throw cause.SocketErrorCode == SocketError.AccessDenied
                ? new CommandException(ExitCode.Refused, $"permission denied on {_path}: run this as root (sudo)", e)
                : new CommandException(ExitCode.Unreachable,
                    $"no controller answers on {_path}: is 'mesh-controller serve' running here? (--socket names another socket)", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new CommandException(ExitCode.Unreachable, $"the controller on {_path} broke off: {e.Message}", e);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new CommandException(ExitCode.TryAgain, $"the controller on {_path} did not answer in time: try again", e);
        }
    }

    /// <inheritdoc/>
    public override void Dispose() => _http.Dispose();
}
