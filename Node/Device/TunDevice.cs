using System.Collections.Immutable;
using System.Text;
using Mesh.Actors.Device;
using Mesh.Node.Device.Native;
using Mesh.Node.Os;

namespace Mesh.Node.Device;

/// <summary>
/// A TUN device of one or more queues (IFF_TUN, IFF_NO_PI, IFF_VNET_HDR, IFF_MULTI_QUEUE). The kernel gives each flow to one queue. The device
/// exists as long as its descriptors are open. What a kernel lacks is left out and named in <see cref="Features"/>.
/// </summary>
/// <remarks>Linux Documentation/networking/tuntap.rst, include/uapi/linux/if_tun.h.</remarks>
sealed unsafe class TunDevice : IDisposable
{
    const short IffTun = 1, IffNoPi = 0x1000, IffVnetHdr = 0x4000, IffMultiQueue = 0x100;
    const nuint TunSetIff = 0x400454ca, TunSetOffload = 0x400454d0, TunSetVnetHdrSize = 0x400454d8;
    const nuint OffloadChecksum = 1, OffloadTso4 = 2, OffloadTso6 = 4, OffloadUso4 = 0x20, OffloadUso6 = 0x40;
    const int NameSize = 16;

    TunDevice(string name, ImmutableArray<TunQueue> queues, ImmutableArray<FeatureState> features) => (Name, Queues, Features) = (name, queues, features);

    /// <summary>The interface's name as the kernel gave it.</summary>
    public string Name { get; }

    /// <summary>One port for each queue.</summary>
    public ImmutableArray<TunQueue> Queues { get; }

    /// <summary>What the kernel took over, and why not where it did not.</summary>
    public ImmutableArray<FeatureState> Features { get; }

    /// <summary>Creates the device. A name ending in %d lets the kernel choose the number.</summary>
    /// <param name="name">The interface's name, 1 to 15 bytes.</param>
    /// <param name="queues">Queues wanted, 1 or more.</param>
    /// <param name="disabled">Offloads not to be used.</param>
    /// <param name="segments">Segments that the stack may put into one packet, so that they are sent as one.</param>
    /// <exception cref="IOException">No /dev/net/tun, no permission, or the name is in use: the message says which and what to do.</exception>
    /// <exception cref="ArgumentException">The name is empty or longer than 15 bytes.</exception>
    public static TunDevice Open(string name, int queues, OffloadFeatures disabled, int segments)
    {
        if (Encoding.UTF8.GetByteCount(name) is 0 or >= NameSize)
            throw new ArgumentException($"interface name '{name}' must have 1 to {NameSize - 1} bytes", nameof(name));
        List<int> descriptors = [];
        try
        {
            return Open(name, queues, disabled, segments, descriptors);
        }
        catch
        {
            foreach (var fd in descriptors)
                LibC.Close(fd);
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var queue in Queues)
            queue.Dispose();
    }

    static TunDevice Open(string name, int queues, OffloadFeatures disabled, int segments, List<int> descriptors)
    {
        var features = ImmutableArray.CreateBuilder<FeatureState>();
        var several = queues > 1 && (disabled & OffloadFeatures.MultiQueue) == 0;
        var headers = (disabled & OffloadFeatures.TunSegmentation) == 0 || (disabled & OffloadFeatures.TunCoalescing) == 0;

        // The flags of the first queue bind the others; what an old kernel refuses is given up one by one.
        descriptors.Add(OpenDescriptor());
        var errno = TryAttach(descriptors[0], ref name, headers, several);
        if (errno == LibC.EINVAL && several)
        {
            several = false;
            errno = TryAttach(descriptors[0], ref name, headers, several);
        }

        if (errno == LibC.EINVAL && headers)
        {
            headers = false;
            errno = TryAttach(descriptors[0], ref name, headers, several);
        }

        if (errno != 0)
            throw AttachFailure(name, errno);
        while (several && descriptors.Count < queues)
        {
            descriptors.Add(OpenDescriptor());
            errno = TryAttach(descriptors[^1], ref name, headers, several);
            if (errno != 0)
                throw AttachFailure(name, errno);
        }

        var (segmentation, udp) = headers ? EnableOffloads(descriptors, name, disabled, segments, features) : NoHeaders(disabled, features);
        var merge = headers && (disabled & OffloadFeatures.TunCoalescing) == 0;
        if (headers)
            features.Add(new FeatureState(OffloadFeatures.TunCoalescing, merge, merge ? udp ? "TCP and UDP" : "TCP" : "switched off"));
        features.Add(new FeatureState(OffloadFeatures.MultiQueue, several,
            several ? $"{descriptors.Count} queues" : queues > 1 ? (disabled & OffloadFeatures.MultiQueue) != 0 ? "switched off" : "refused by the kernel" : "one queue"));
        return new TunDevice(name, [.. descriptors.Select(fd => new TunQueue(fd, headers, merge, merge && udp))], features.ToImmutable());
    }

    static (bool Segmentation, bool Udp) NoHeaders(OffloadFeatures disabled, ImmutableArray<FeatureState>.Builder features)
    {
        foreach (var feature in new[] { OffloadFeatures.TunSegmentation, OffloadFeatures.TunUdpSegmentation, OffloadFeatures.TunCoalescing })
            features.Add(new FeatureState(feature, false, (disabled & feature) != 0 ? "switched off" : "the kernel has no virtio headers for TUN"));
        return (false, false);
    }

    static (bool Segmentation, bool Udp) EnableOffloads(List<int> descriptors, string name, OffloadFeatures disabled, int segments,
        ImmutableArray<FeatureState>.Builder features)
    {
        var segmentation = (disabled & OffloadFeatures.TunSegmentation) == 0;
        var udp = segmentation && (disabled & OffloadFeatures.TunUdpSegmentation) == 0;
        var (tcpDetail, udpDetail) = ("switched off", "switched off");
        if (segmentation && TryLimitSegments(name, segments) is { } refusal)
        {
            // Without the limit a connection with tiny segments could fill one packet with thousands of them.
            (segmentation, udp) = (false, false);
            tcpDetail = udpDetail = refusal;
        }

        if (udp && !SetOffloads(descriptors, OffloadChecksum | OffloadTso4 | OffloadTso6 | OffloadUso4 | OffloadUso6))
            (udp, udpDetail) = (false, "the kernel has no UDP segmentation for TUN");
        if (segmentation && !udp && !SetOffloads(descriptors, OffloadChecksum | OffloadTso4 | OffloadTso6))
            (segmentation, tcpDetail) = (false, "refused by the kernel");
        if (!segmentation)
            SetOffloads(descriptors, 0);
        features.Add(new FeatureState(OffloadFeatures.TunSegmentation, segmentation, segmentation ? $"up to {segments} segments a packet" : tcpDetail));
        features.Add(new FeatureState(OffloadFeatures.TunUdpSegmentation, udp, udp ? $"up to {segments} segments a packet" : udpDetail));
        return (segmentation, udp);
    }

    static bool SetOffloads(List<int> descriptors, nuint offloads)
    {
        foreach (var fd in descriptors)
        {
            if (LibC.IoCtl(fd, TunSetOffload, (void*)offloads) < 0)
                return false;
        }

        return true;
    }

    static string? TryLimitSegments(string name, int segments)
    {
        try
        {
            using Netlink netlink = new();
            netlink.LimitSegments(Netlink.IndexOf(name), segments);
            return null;
        }
        catch (IOException e)
        {
            return $"the number of segments cannot be limited: {e.Message}";
        }
    }

    static int OpenDescriptor()
    {
        var fd = LibC.Open("/dev/net/tun", LibC.O_RDWR | LibC.O_NONBLOCK | LibC.O_CLOEXEC, 0);
        if (fd >= 0)
            return fd;
        var errno = LibC.Errno;
        var hint = errno switch
        {
            LibC.ENOENT or LibC.ENODEV => "; load the kernel module tun",
            LibC.EACCES or LibC.EPERM => "; run as root or with CAP_NET_ADMIN",
            _ => "",
        };
        throw new IOException($"cannot open /dev/net/tun: {LibC.Failure("open", errno).Message}{hint}", errno);
    }

    static int TryAttach(int fd, ref string name, bool headers, bool several)
    {
        var request = stackalloc byte[40];
        new Span<byte>(request, 40).Clear();
        Encoding.UTF8.GetBytes(name, new Span<byte>(request, NameSize));
        *(short*)(request + NameSize) = (short)(IffTun | IffNoPi | (headers ? IffVnetHdr : 0) | (several ? IffMultiQueue : 0));
        if (LibC.IoCtl(fd, TunSetIff, request) < 0)
            return LibC.Errno;
        var given = new Span<byte>(request, NameSize);
        name = Encoding.UTF8.GetString(given[..given.IndexOf((byte)0)]);
        if (headers)
        {
            // Ten bytes are the default; asking makes sure of it.
            var size = Protocol.Segmentation.VirtioHeader.Size;
            if (LibC.IoCtl(fd, TunSetVnetHdrSize, &size) < 0)
                return LibC.Errno;
        }

        return 0;
    }

    static IOException AttachFailure(string name, int errno)
    {
        var hint = errno switch
        {
            LibC.EBUSY => "; another program has it open: choose another interface name",
            LibC.EPERM or LibC.EACCES => "; run as root or with CAP_NET_ADMIN",
            _ => "",
        };
        return new IOException($"cannot create interface {name}: {LibC.Failure("TUNSETIFF", errno).Message}{hint}", errno);
    }
}
