using System.Buffers.Binary;
using Mesh.Node.Device;
using Mesh.Node.Device.Native;

namespace Mesh.Node.Os;

/// <summary>What others may change of an interface.</summary>
/// <param name="Mtu">Largest inner packet in bytes.</param>
/// <param name="IsUp">Whether somebody has set it up.</param>
readonly record struct LinkState(int Mtu, bool IsUp);

/// <summary>
/// Tells what others make of a TUN interface: MTU, up and down. Follows it into the network namespace that it is moved to. Owns one thread; the
/// callback runs on it, with the first state before the constructor returns. Ends by itself when the interface is deleted; that is told by the
/// device, whose descriptor is then dead.
/// </summary>
/// <remarks>rtnetlink(7), netdevice(7). A netlink socket hears of the namespace that its thread was in when it was made (network_namespaces(7)).</remarks>
sealed unsafe class LinkWatcher : IDisposable
{
    const int RtmGroupLink = 1, RtmNewLink = 16, RtmDelLink = 17;
    const int IffUp = 1;

    readonly int _tun;
    readonly Action<LinkState> _changed;
    readonly WakeEvent _stop = new();
    readonly Thread _thread;
    readonly ManualResetEventSlim _first = new();
    LinkState? _last;
    volatile bool _stopping;

    /// <summary>Begins to watch.</summary>
    /// <param name="tun">A descriptor of the interface; it stays the caller's, who keeps it open for as long as this runs.</param>
    /// <param name="changed">Called with each new state.</param>
    public LinkWatcher(int tun, Action<LinkState> changed)
    {
        (_tun, _changed) = (tun, changed);
        _thread = new Thread(Run) { Name = "mesh-link", IsBackground = true };
        _thread.Start();
        _first.Wait();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_stopping)
            return;
        _stopping = true;
        _stop.Set();
        _thread.Join();
        _stop.Dispose();
        _first.Dispose();
    }

    void Run()
    {
        try
        {
            while (!_stopping && EnterNamespace() && Watch())
            {
            }
        }
        finally
        {
            _first.Set();
        }
    }

    // False when the interface is gone. A kernel that does not tell the namespace leaves us where we are.
    bool EnterNamespace()
    {
        var fd = LibC.IoCtl(_tun, LibC.TUNGETDEVNETNS, null);
        if (fd < 0)
            return LibC.Errno is not (LibC.EBADFD or LibC.EBADF);
        LibC.SetNs(fd, LibC.CLONE_NEWNET);
        LibC.Close(fd);
        return true;
    }

    // Until told to stop, or until the interface is no longer here; whether to look for it elsewhere.
    bool Watch()
    {
        var events = LibC.Socket(LibC.AF_NETLINK, LibC.SOCK_RAW | LibC.SOCK_CLOEXEC, 0);
        var asking = LibC.Socket(LibC.AF_INET, LibC.SOCK_DGRAM | LibC.SOCK_CLOEXEC, 0);
        try
        {
            // struct sockaddr_nl: family, padding, port, groups.
            var address = stackalloc int[3] { LibC.AF_NETLINK, 0, RtmGroupLink };
            if (events < 0 || asking < 0 || LibC.Bind(events, address, 12) < 0 || !TryName(out var index))
                return false;
            if (!TryTell(asking))
                return true;
            _first.Set();
            var fds = stackalloc LibC.PollFd[2];
            fds[0] = new LibC.PollFd { Fd = events, Events = LibC.POLLIN };
            fds[1] = new LibC.PollFd { Fd = _stop.Descriptor, Events = LibC.POLLIN };
            var message = stackalloc byte[16384];
            while (!_stopping)
            {
                if (LibC.Poll(fds, 2, -1) < 0 || fds[0].Returned == 0)
                    continue;
                // Messages that were lost (ENOBUFS) may have been about us.
                var length = (int)LibC.Recv(events, message, 16384, LibC.MSG_DONTWAIT);
                if ((length < 0 ? LibC.Errno != LibC.EAGAIN : Concerns(new ReadOnlySpan<byte>(message, length), index)) && !TryTell(asking))
                    return true;
            }

            return false;
        }
        finally
        {
            if (events >= 0)
                LibC.Close(events);
            if (asking >= 0)
                LibC.Close(asking);
        }
    }

    // struct nlmsghdr (length, type, ...; 16 bytes), then struct ifinfomsg with the index at 4.
    static bool Concerns(ReadOnlySpan<byte> messages, int index)
    {
        while (messages.Length >= 32)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(messages);
            var type = BinaryPrimitives.ReadUInt16LittleEndian(messages[4..]);
            if (type is RtmNewLink or RtmDelLink && BinaryPrimitives.ReadInt32LittleEndian(messages[20..]) == index)
                return true;
            length = (length + 3) & ~3;
            if (length < 16 || length > messages.Length)
                break;
            messages = messages[length..];
        }

        return false;
    }

    bool TryName(out int index)
    {
        var request = stackalloc byte[40];
        index = 0;
        if (LibC.IoCtl(_tun, LibC.TUNGETIFF, request) < 0)
            return false;
        index = (int)LibC.IfNameToIndex(Name(request));
        return index != 0;
    }

    // False when the interface is not in this namespace any more.
    bool TryTell(int asking)
    {
        // struct ifreq: 16 bytes of name, then the value. The interface may have been renamed meanwhile.
        var request = stackalloc byte[40];
        if (LibC.IoCtl(_tun, LibC.TUNGETIFF, request) < 0 || LibC.IoCtl(asking, LibC.SIOCGIFMTU, request) < 0)
            return false;
        var mtu = *(int*)(request + 16);
        if (LibC.IoCtl(asking, LibC.SIOCGIFFLAGS, request) < 0)
            return false;
        LinkState state = new(mtu, (*(short*)(request + 16) & IffUp) != 0);
        if (state == _last)
            return true;
        _last = state;
        _changed(state);
        return true;
    }

    static string Name(byte* request)
    {
        ReadOnlySpan<byte> name = new(request, 16);
        var end = name.IndexOf((byte)0);
        return System.Text.Encoding.UTF8.GetString(end < 0 ? name : name[..end]);
    }
}
