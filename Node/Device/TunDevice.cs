using System.Text;
using Mesh.Node.Device.Native;

namespace Mesh.Node.Device;

/// <summary>
/// A TUN device: reads and writes whole IP packets without any header (IFF_TUN, IFF_NO_PI). It exists as long as its descriptor is open.
/// One thread may read while another writes.
/// </summary>
/// <remarks>Linux Documentation/networking/tuntap.rst.</remarks>
sealed unsafe class TunDevice : ITunPort, IDisposable
{
    const short IffTun = 1, IffNoPi = 0x1000;
    const nuint TunSetIff = 0x400454ca;
    const int NameSize = 16;

    int _fd;

    TunDevice(int fd, string name)
    {
        _fd = fd;
        Name = name;
    }

    /// <summary>The interface's name as the kernel gave it.</summary>
    public string Name { get; }

    /// <inheritdoc/>
    public int Descriptor => _fd;

    /// <summary>Creates the device. A name ending in %d lets the kernel choose the number.</summary>
    /// <exception cref="IOException">No /dev/net/tun, no permission, or the name is in use: the message says which and what to do.</exception>
    /// <exception cref="ArgumentException">The name is empty or longer than 15 bytes.</exception>
    public static TunDevice Open(string name)
    {
        if (Encoding.UTF8.GetByteCount(name) is 0 or >= NameSize)
            throw new ArgumentException($"interface name '{name}' must have 1 to {NameSize - 1} bytes", nameof(name));
        var fd = LibC.Open("/dev/net/tun", LibC.O_RDWR | LibC.O_NONBLOCK | LibC.O_CLOEXEC, 0);
        if (fd < 0)
        {
            var hint = LibC.Errno switch
            {
                LibC.ENOENT or LibC.ENODEV => "; load the kernel module tun",
                LibC.EACCES or LibC.EPERM => "; run as root or with CAP_NET_ADMIN",
                _ => "",
            };
            throw new IOException($"cannot open /dev/net/tun: {LibC.Failure("open").Message}{hint}", LibC.Errno);
        }

        var request = stackalloc byte[40];
        new Span<byte>(request, 40).Clear();
        Encoding.UTF8.GetBytes(name, new Span<byte>(request, NameSize));
        *(short*)(request + NameSize) = IffTun | IffNoPi;
        if (LibC.IoCtl(fd, TunSetIff, request) < 0)
        {
            var errno = LibC.Errno;
            LibC.Close(fd);
            var hint = errno switch
            {
                LibC.EBUSY => "; another program has it open: choose another interface name",
                LibC.EPERM or LibC.EACCES => "; run as root or with CAP_NET_ADMIN",
                _ => "",
            };
            throw new IOException($"cannot create interface {name}: {LibC.Failure("TUNSETIFF", errno).Message}{hint}", errno);
        }

        var given = new Span<byte>(request, NameSize);
        return new TunDevice(fd, Encoding.UTF8.GetString(given[..given.IndexOf((byte)0)]));
    }

    /// <inheritdoc/>
    public int Read(PacketBatch batch)
    {
        while (batch.Count < batch.Capacity)
        {
            nint n;
            var next = batch.Next;
            fixed (byte* p = next)
                n = LibC.Read(_fd, p, (nuint)next.Length);
            if (n > 0)
            {
                batch.Commit((int)n);
                continue;
            }

            if (n == 0)
                return LibC.ENODEV;
            switch (LibC.Errno)
            {
                case LibC.EAGAIN:
                    return 0;
                case LibC.EINTR:
                    continue;
                case LibC.EIO:
                    // The interface is down; reading resumes when somebody sets it up.
                    return 0;
                default:
                    return LibC.Errno;
            }
        }

        return 0;
    }

    /// <inheritdoc/>
    public int Write(ReadOnlySpan<PacketRef> packets)
    {
        var written = 0;
        foreach (var packet in packets)
        {
            nint n;
            do
                n = LibC.Write(_fd, (void*)packet.Data, (nuint)packet.Length);
            while (n < 0 && LibC.Errno == LibC.EINTR);
            if (n >= 0)
                written++;
        }

        return written;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        var fd = Interlocked.Exchange(ref _fd, -1);
        if (fd >= 0)
            LibC.Close(fd);
    }
}
