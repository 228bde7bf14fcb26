using System.Net.Sockets;

namespace Mesh.Node.Local;

/// <summary>Names the daemon's UNIX socket and clears one that a crash left.</summary>
static class LocalSocket
{
    // sun_path of struct sockaddr_un holds 108 bytes with the closing zero.
    const int MaximumLength = 107;

    /// <summary>Makes the endpoint of a path.</summary>
    /// <exception cref="MeshFailureException">The path is longer than a socket's may be.</exception>
    public static UnixDomainSocketEndPoint EndPoint(string path) =>
        path.Length is > 0 and <= MaximumLength
            ? new UnixDomainSocketEndPoint(path)
            : throw new MeshFailureException(ExitCodes.BadConfiguration, $"the socket path must have 1 to {MaximumLength} characters: choose a shorter one with --socket");

    /// <summary>Makes room for a socket: its directory exists afterwards, and a socket that nobody listens on is gone.</summary>
    /// <exception cref="MeshFailureException">Somebody listens on it, or it cannot be removed.</exception>
    public static void Prepare(string path)
    {
        var endPoint = EndPoint(path);
        try
        {
            if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } directory)
                Directory.CreateDirectory(directory);
            if (!File.Exists(path))
                return;
            using (var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
            {
                probe.Connect(endPoint);
            }
            throw new MeshFailureException(ExitCodes.Failed, $"another daemon listens on {path}: stop it, or choose another --socket");
        }
        catch (SocketException refused) when (refused.SocketErrorCode is SocketError.ConnectionRefused)
        {
            File.Delete(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or SocketException)
        {
            throw new MeshFailureException(ExitCodes.BadConfiguration, $"cannot use the socket {path}: {failure.Message}", failure);
        }
    }
}
