using System.Globalization;
using System.Net.Sockets;
using Mesh.Node.Device.Native;
using Mesh.Protocol.Uapi;

namespace Mesh.Node.Uapi;

/// <summary>
/// Speaks to a WireGuard program over its socket, one connection for each request. A request ends within seconds, whatever the other side does.
/// Safe for concurrent use.
/// </summary>
/// <param name="interfaceName">The interface that the program serves.</param>
/// <param name="directory">Where the sockets are.</param>
sealed class UapiClient(string interfaceName, string directory = UapiClient.DefaultDirectory)
{
    /// <summary>Where WireGuard programs put their sockets.</summary>
    public const string DefaultDirectory = "/var/run/wireguard";

    // Room for some hundred thousand peers; whoever says more is not believed.
    const int MaximumReply = 64 << 20;
    const int PatienceMilliseconds = 3000;

    static readonly UapiScopes _scopes = new(
        name => uint.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var index) ? index : LibC.IfNameToIndex(name) is > 0 and var found ? found : null,
        UapiScopes.Numeric.Name);

    readonly string _path = Path.Combine(directory, interfaceName + ".sock");

    /// <summary>Reads the device. Blocks for at most seconds. The caller gives it to <see cref="Forget"/>.</summary>
    /// <exception cref="IOException">Nobody answers, or what answers is no WireGuard; the message says what to do.</exception>
    public UapiDevice Get()
    {
        using UapiBuffer request = new(), reply = new();
        request.WriteLine(UapiDevice.Request);
        request.WriteLine("");
        Ask(request, reply);
        return UapiDevice.TryParseReply(reply.Written.Span, _scopes, out var device, out var errno) ? device : throw Refused("to be read", errno);
    }

    /// <summary>Changes the device. Blocks for at most seconds.</summary>
    /// <exception cref="IOException">Nobody answers, or the device refuses.</exception>
    public void Set(IReadOnlyCollection<UapiOperation> operations)
    {
        if (operations.Count == 0)
            return;
        using UapiBuffer request = new(), reply = new();
        UapiSetRequest.Write(operations, request, _scopes);
        Ask(request, reply);
        var errno = UapiDevice.ParseErrno(reply.Written.Span);
        if (errno != UapiErrno.None)
            throw errno == UapiErrno.AddressInUse ? new IOException($"another program has the UDP port wanted for {interfaceName}") : Refused("what it was told", errno);
    }

    /// <summary>Zeroes the keys of a device that was read.</summary>
    public static void Forget(UapiDevice device)
    {
        device.PrivateKey?.Dispose();
        foreach (var peer in device.Peers)
            peer.PresharedKey?.Dispose();
    }

    void Ask(UapiBuffer request, UapiBuffer reply)
    {
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
        {
            SendTimeout = PatienceMilliseconds, ReceiveTimeout = PatienceMilliseconds,
        };
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(_path));
        }
        catch (SocketException failure)
        {
            throw new IOException(failure.SocketErrorCode == SocketError.AccessDenied
                ? $"may not speak to the WireGuard that serves {interfaceName} ({_path}): run this as root"
                : $"no WireGuard serves {interfaceName} ({_path}): start one, e.g. wireguard-go {interfaceName}", failure);
        }

        try
        {
            for (var rest = request.Written; rest.Length > 0;)
                rest = rest[socket.Send(rest.Span)..];
            // The other side keeps the connection; an empty line ends its answer.
            while (!reply.Written.Span.EndsWith("\n\n"u8))
            {
                var count = socket.Receive(reply.Room(4096).Span);
                if (count == 0 || reply.Written.Length > MaximumReply)
                    throw new IOException($"the WireGuard that serves {interfaceName} ended in the middle of an answer");
                reply.Advance(count);
            }
        }
        catch (SocketException failure)
        {
            throw new IOException($"the WireGuard that serves {interfaceName} does not answer: {failure.Message}", failure);
        }
    }

    IOException Refused(string what, int errno) => new($"the WireGuard that serves {interfaceName} refuses {what} (errno {errno})");
}
