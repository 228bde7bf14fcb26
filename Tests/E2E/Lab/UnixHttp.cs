using System.Net.Sockets;

namespace Mesh.Tests.E2E.Lab;

/// <summary>Asks a program's local API directly where a scenario asks many times a second; users ask through the CLI.</summary>
static class UnixHttp
{
    /// <summary>Makes a client that speaks HTTP/1.1 on a UNIX socket.</summary>
    public static HttpClient Client(string socketPath) => new(new SocketsHttpHandler
    {
        UseProxy = false,
        ConnectCallback = async (_, cancel) =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), cancel);
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
        BaseAddress = new Uri("http://local"),
        Timeout = TimeSpan.FromSeconds(10),
    };

    /// <summary>Whether somebody listens on a UNIX socket.</summary>
    public static bool Listens(string socketPath)
    {
        if (!File.Exists(socketPath))
            return false;
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(socketPath));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
