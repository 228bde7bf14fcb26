using System.Collections.Immutable;
using System.Net;
using Mesh.Actors.Device;
using Mesh.Node.Device.Native;

namespace Mesh.Node.Device;

/// <summary>
/// One UDP port on IPv4 and, where the machine has it, IPv6, with as many sockets for each as there are queues: the kernel gives each sender to
/// one of them. Replies leave from the address that the peer's datagrams reached (IP_PKTINFO). Uses the kernel's segmentation (UDP_SEGMENT) and
/// coalescing (UDP_GRO) where offered.
/// </summary>
/// <remarks>
/// udp(7), ip(7), ipv6(7), socket(7) for SO_REUSEPORT. Sockets block on a full send buffer, at most 200 ms: that is the back-pressure towards
/// the device.
/// </remarks>
sealed unsafe partial class UdpPort : IDatagramPort, IDisposable
{
    // As much as a sender's TCP window, so that a lane that waits for its processor loses nothing.
    const int BufferBytes = 8 << 20;

    readonly Lock _closing = new();
    readonly OffloadFeatures _disabled;
    readonly int[] _v4;
    readonly int[] _v6;
    volatile int _segments = MaxSegments;
    volatile string? _segmentsDetail;
    volatile uint _mark;
    bool _coalesces;

    UdpPort(int queues, OffloadFeatures disabled)
    {
        _disabled = disabled;
        _v4 = new int[queues];
        _v6 = new int[queues];
        _v4.AsSpan().Fill(-1);
        _v6.AsSpan().Fill(-1);
    }

    /// <summary>Segments in one send that every kernel with UDP_SEGMENT accepts.</summary>
    public const int MaxSegments = 64;

    /// <inheritdoc/>
    public int LocalPort { get; private set; }

    /// <summary>Queues of the port.</summary>
    public int Queues => _v4.Length;

    /// <summary>What the kernel took over, and why not where it did not.</summary>
    public ImmutableArray<FeatureState> Features =>
    [
        new(OffloadFeatures.SendSegmentation, _segments > 1, _segments > 1 ? $"up to {_segments} datagrams a send" : _segmentsDetail ?? ""),
        new(OffloadFeatures.ReceiveCoalescing, _coalesces,
            _coalesces ? "many datagrams a receive" : (_disabled & OffloadFeatures.ReceiveCoalescing) != 0 ? "switched off" : "the kernel has no UDP_GRO"),
    ];

    /// <inheritdoc/>
    public IReadOnlyList<int> Descriptors(int queue) => new[] { _v4[queue], _v6[queue] }.Where(d => d >= 0).ToArray();

    /// <summary>Opens the port; 0 lets the kernel choose one that is free for both families.</summary>
    /// <param name="port">The port's number.</param>
    /// <param name="queues">Sockets of each family, 1 or more.</param>
    /// <param name="mark">Firewall mark of everything sent; 0: none.</param>
    /// <param name="disabled">Offloads not to be used.</param>
    /// <exception cref="IOException">The port is in use, or sockets cannot be made: the message says which.</exception>
    public static UdpPort Open(int port, int queues = 1, uint mark = 0, OffloadFeatures disabled = OffloadFeatures.None)
    {
        for (var attempt = 0; ; attempt++)
        {
            UdpPort udp = new(queues, disabled);
            try
            {
                udp.OpenSockets(port, mark);
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

    /// <summary>Sets the firewall mark of everything sent from now on; 0: none.</summary>
    /// <exception cref="IOException">The process may not.</exception>
    public void SetMark(uint mark)
    {
        if (mark == _mark)
            return;
        lock (_closing)
        {
            foreach (var fd in _v4.Concat(_v6).Where(d => d >= 0))
            {
                if (!SetMark(fd, mark))
                    throw LibC.Failure($"cannot set the firewall mark {mark}");
            }
        }

        _mark = mark;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_closing)
        {
            foreach (var fd in _v4.Concat(_v6).Where(d => d >= 0))
                LibC.Close(fd);
            _v4.AsSpan().Fill(-1);
            _v6.AsSpan().Fill(-1);
        }
    }

    void OpenSockets(int port, uint mark)
    {
        _v4[0] = Bind(LibC.AF_INET, port, shared: false);
        LocalPort = PortOf(_v4[0]);
        _v6[0] = Bind(LibC.AF_INET6, LocalPort == 0 ? port : LocalPort, shared: false);
        if (_v4[0] < 0 && _v6[0] < 0)
            throw new IOException("this machine has neither IPv4 nor IPv6");
        if (_v4[0] < 0)
            LocalPort = PortOf(_v6[0]);
        for (var queue = 1; queue < Queues; queue++)
        {
            // The first socket took the port for itself, so that another program's is noticed; from here on it shares it.
            if (_v4[0] >= 0)
                _v4[queue] = BindShared(_v4[0], LibC.AF_INET);
            if (_v6[0] >= 0)
                _v6[queue] = BindShared(_v6[0], LibC.AF_INET6);
        }

        var descriptors = _v4.Concat(_v6).Where(d => d >= 0).ToArray();
        if ((_disabled & OffloadFeatures.SendSegmentation) != 0)
            StopSegmenting("switched off");
        else if (!descriptors.All(HasSegmentation))
            StopSegmenting("the kernel has no UDP_SEGMENT");
        _coalesces = (_disabled & OffloadFeatures.ReceiveCoalescing) == 0
            && descriptors.All(fd => LibC.TrySetOption(fd, LibC.SOL_UDP, LibC.UDP_GRO, 1));
        if (mark != 0)
            SetMark(mark);
    }

    int BindShared(int first, int family)
    {
        LibC.TrySetOption(first, LibC.SOL_SOCKET, LibC.SO_REUSEPORT, 1);
        return Bind(family, LocalPort, shared: true);
    }

    void StopSegmenting(string why)
    {
        _segments = 1;
        _segmentsDetail = why;
    }

    void LimitSegments(int segments)
    {
        _segments = Math.Max(1, segments);
        if (_segments == 1)
            _segmentsDetail = "refused by the kernel";
    }

    static bool SetMark(int fd, uint mark) => LibC.TrySetOption(fd, LibC.SOL_SOCKET, LibC.SO_MARK, (int)mark);

    static bool HasSegmentation(int fd)
    {
        var value = 0;
        uint size = sizeof(int);
        return LibC.GetSockOpt(fd, LibC.SOL_UDP, LibC.UDP_SEGMENT, &value, &size) == 0;
    }

    int SocketFor(int queue, int family) => family == LibC.AF_INET6 ? _v6[queue] : _v4[queue];

    static int Bind(int family, int port, bool shared)
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
        if (shared)
            LibC.TrySetOption(fd, LibC.SOL_SOCKET, LibC.SO_REUSEPORT, 1);
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
