using System.Net;
using Mesh.Node.Device.Native;

namespace Mesh.Node.Device;

/// <summary>
/// One UDP port on IPv4 and, where the machine has it, IPv6: two sockets with the same number. Replies leave from the address that the
/// peer's datagrams reached (IP_PKTINFO). Uses the kernel's segmentation (UDP_SEGMENT) and coalescing (UDP_GRO) where offered.
/// </summary>
/// <remarks>udp(7), ip(7), ipv6(7). Sockets block on a full send buffer, at most 200 ms: that is the back-pressure towards the device.</remarks>
sealed unsafe partial class UdpPort : IDatagramPort, IDisposable
{
    const int BufferBytes = 4 << 20;

    readonly Lock _closing = new();
    int _v4 = -1;
    int _v6 = -1;
    volatile int _segments = MaxSegments;

    UdpPort()
    {
    }

    /// <summary>Segments in one send that every kernel with UDP_SEGMENT accepts.</summary>
    public const int MaxSegments = 64;

    /// <inheritdoc/>
    public int LocalPort { get; private set; }

    /// <inheritdoc/>
    public IReadOnlyList<int> Descriptors { get; private set; } = [];

    /// <summary>Opens the port; 0 lets the kernel choose one that is free for both families.</summary>
    /// <exception cref="IOException">The port is in use, or sockets cannot be made: the message says which.</exception>
    public static UdpPort Open(int port)
    {
        for (var attempt = 0; ; attempt++)
        {
            UdpPort udp = new();
            try
            {
                udp._v4 = Bind(LibC.AF_INET, port);
                udp.LocalPort = PortOf(udp._v4);
                udp._v6 = Bind(LibC.AF_INET6, udp.LocalPort);
                if (udp._v4 < 0 && udp._v6 < 0)
                    throw new IOException("this machine has neither IPv4 nor IPv6");
                if (udp._v4 < 0)
                    udp.LocalPort = PortOf(udp._v6);
                udp.Descriptors = new[] { udp._v4, udp._v6 }.Where(d => d >= 0).ToArray();
                if (!udp.Descriptors.All(HasSegmentation))
                    udp._segments = 1;
                // A kernel without coalescing delivers datagrams one by one; receiving is the same code.
                foreach (var descriptor in udp.Descriptors)
                    LibC.TrySetOption(descriptor, LibC.SOL_UDP, LibC.UDP_GRO, 1);
                return udp;
            }
            catch (IOException e) when (port == 0 && e.HResult == LibC.EADDRINUSE && attempt < 20)
            {
                udp.Dispose();
            }
            catch
            {
                udp.Dispose();
                throw;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_closing)
        {
            foreach (var fd in new[] { _v4, _v6 })
            {
                if (fd >= 0)
                    LibC.Close(fd);
            }

            _v4 = _v6 = -1;
        }
    }

    static bool HasSegmentation(int fd)
    {
        var value = 0;
        uint size = sizeof(int);
        return LibC.GetSockOpt(fd, LibC.SOL_UDP, LibC.UDP_SEGMENT, &value, &size) == 0;
    }

    int SocketFor(int family) => family == LibC.AF_INET6 ? _v6 : _v4;

    static int Bind(int family, int port)
    {
        var v6 = family == LibC.AF_INET6;
        var fd = LibC.Socket(family, LibC.SOCK_DGRAM | LibC.SOCK_CLOEXEC, 0);
        if (fd < 0)
        {
            if (LibC.Errno == LibC.EAFNOSUPPORT)
                return -1;
            throw LibC.Failure("cannot make a UDP socket");
        }

        LibC.TrySetOption(fd, v6 ? LibC.SOL_IPV6 : LibC.SOL_IP, v6 ? LibC.IPV6_RECVPKTINFO : LibC.IP_PKTINFO, 1);
        if (v6)
            LibC.TrySetOption(fd, LibC.SOL_IPV6, LibC.IPV6_V6ONLY, 1);
        // Forcing passes the system's limit where we may; asking gets as much as it allows.
        if (!LibC.TrySetOption(fd, LibC.SOL_SOCKET, LibC.SO_RCVBUFFORCE, BufferBytes))
            LibC.TrySetOption(fd, LibC.SOL_SOCKET, LibC.SO_RCVBUF, BufferBytes);
        if (!LibC.TrySetOption(fd, LibC.SOL_SOCKET, LibC.SO_SNDBUFFORCE, BufferBytes))
            LibC.TrySetOption(fd, LibC.SOL_SOCKET, LibC.SO_SNDBUF, BufferBytes);
        LibC.TimeVal patience = new() { Microseconds = 200_000 };
        LibC.SetSockOpt(fd, LibC.SOL_SOCKET, LibC.SO_SNDTIMEO, &patience, (uint)sizeof(LibC.TimeVal));

        var raw = RawEndpoint.From(new IPEndPoint(v6 ? IPAddress.IPv6Any : IPAddress.Any, port));
        if (LibC.Bind(fd, raw.Address, (uint)raw.Length) == 0)
            return fd;
        var errno = LibC.Errno;
        LibC.Close(fd);
        // A kernel with IPv6 disabled makes the socket and refuses the address.
        if (v6 && errno is LibC.EADDRNOTAVAIL or LibC.EAFNOSUPPORT)
            return -1;
        var hint = errno == LibC.EADDRINUSE ? "; another program has it: choose another port" : "";
        throw new IOException($"cannot listen on UDP port {port}: {LibC.Failure("bind", errno).Message}{hint}", errno);
    }

    static int PortOf(int fd)
    {
        if (fd < 0)
            return 0;
        RawEndpoint raw = default;
        uint length = 28;
        return LibC.GetSockName(fd, raw.Address, &length) == 0 ? raw.ToIPEndPoint().Port : throw LibC.Failure("getsockname");
    }
}
