using Mesh.Node.Device.Native;
using Mesh.Protocol.Segmentation;

namespace Mesh.Node.Device;

/// <summary>
/// One queue of a TUN device. Packets carry a virtio header where the kernel has them, so that one read or write moves up to 64 KiB.
/// </summary>
/// <remarks>Linux Documentation/networking/tuntap.rst; virtio 1.2 section 5.1.6 for the header, in its legacy layout of 10 bytes.</remarks>
sealed unsafe class TunQueue : ITunPort, IDisposable
{
    readonly bool _headers;
    int _fd;

    /// <param name="fd">An attached descriptor, which the queue owns.</param>
    /// <param name="headers">Whether packets carry virtio headers.</param>
    /// <param name="mergesTcp">Whether TCP packets may be merged before they are written.</param>
    /// <param name="mergesUdp">Whether UDP packets may be.</param>
    public TunQueue(int fd, bool headers, bool mergesTcp, bool mergesUdp) => (_fd, _headers, Merges) = (fd, headers, (mergesTcp, mergesUdp));

    /// <inheritdoc/>
    public int Descriptor => _fd;

    /// <inheritdoc/>
    public (bool Tcp, bool Udp) Merges { get; }

    /// <inheritdoc/>
    public int Read(nint place, out VirtioHeader header)
    {
        header = default;
        var before = _headers ? VirtioHeader.Size : 0;
        var at = (byte*)place - before;
        while (true)
        {
            var n = (int)LibC.Read(_fd, at, (nuint)(before + ITunPort.MaxPacket));
            if (n > before)
            {
                if (_headers)
                    header = VirtioHeader.Read(new ReadOnlySpan<byte>(at, VirtioHeader.Size));
                return n - before;
            }

            if (n >= 0)
                return -LibC.ENODEV;
            switch (LibC.Errno)
            {
                case LibC.EINTR:
                    continue;
                // EIO: the interface is down; reading goes on when somebody sets it up.
                case LibC.EAGAIN or LibC.EIO:
                    return 0;
                default:
                    return -LibC.Errno;
            }
        }
    }

    /// <inheritdoc/>
    public int Write(PacketCoalescer packets)
    {
        var refused = 0;
        var groups = packets.Complete();
        for (var i = 0; i < groups; i++)
        {
            var group = packets[i];
            // Without virtio headers nothing was merged: the packet alone is what is left.
            var vectors = _headers ? group.Vectors : group.Vectors[1..];
            fixed (GatherVector* pieces = vectors)
            {
                if (!Write(pieces, vectors.Length))
                    refused += group.PacketCount;
            }
        }

        return refused;
    }

    /// <inheritdoc/>
    public bool TryWrite(ReadOnlySpan<byte> packet)
    {
        var header = stackalloc byte[VirtioHeader.Size];
        new Span<byte>(header, VirtioHeader.Size).Clear();
        fixed (byte* data = packet)
        {
            var pieces = stackalloc GatherVector[2];
            pieces[0] = new GatherVector((nint)header, _headers ? VirtioHeader.Size : 0);
            pieces[1] = new GatherVector((nint)data, packet.Length);
            return Write(pieces, 2);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        var fd = Interlocked.Exchange(ref _fd, -1);
        if (fd >= 0)
            LibC.Close(fd);
    }

    bool Write(GatherVector* pieces, int count)
    {
        nint n;
        do
            n = LibC.WriteV(_fd, pieces, count);
        while (n < 0 && LibC.Errno == LibC.EINTR);
        return n >= 0;
    }
}
