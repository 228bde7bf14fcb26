using System.Runtime.CompilerServices;
using Mesh.Node.Device.Native;

namespace Mesh.Node.Device;

sealed unsafe partial class UdpPort
{
    /// <summary>The largest UDP payload over IPv4 (RFC 791: 65535 with both headers); what fits there fits over IPv6.</summary>
    public const int MaxPayload = 65507;

    /// <inheritdoc/>
    public IDatagramSender CreateSender(int queue) => new Sender(this, queue);

    /// <inheritdoc/>
    public int TrySend(ReadOnlySpan<byte> datagram, SocketEndpoint endpoint)
    {
        // Actors send rarely and from any thread: the lock keeps the descriptor from being closed, and given to somebody else, under them.
        lock (_closing)
        fixed (byte* data = datagram)
        {
            LibC.IoVec vector = new() { Base = data, Length = (nuint)datagram.Length };
            return SendOne(0, &vector, 1, 0, endpoint);
        }
    }

    /// <inheritdoc/>
    public int TrySend(ReadOnlySpan<byte> datagram, in RawEndpoint endpoint)
    {
        lock (_closing)
        fixed (byte* data = datagram)
        {
            LibC.IoVec vector = new() { Base = data, Length = (nuint)datagram.Length };
            var unusable = false;
            return SendOne(0, &vector, 1, 0, endpoint, ref unusable);
        }
    }

    /// <inheritdoc/>
    public int PathMtu(SocketEndpoint endpoint)
    {
        // Only a connected socket tells; one that is asked and closed sends nothing.
        var raw = endpoint.Raw;
        var v6 = raw.Family == LibC.AF_INET6;
        var fd = LibC.Socket(raw.Family, LibC.SOCK_DGRAM | LibC.SOCK_CLOEXEC, 0);
        if (fd < 0)
            return 0;
        SetMark(fd, _mark);
        var mtu = 0;
        uint size = sizeof(int);
        var known = LibC.Connect(fd, raw.Address, (uint)raw.Length) == 0
            && LibC.GetSockOpt(fd, v6 ? LibC.SOL_IPV6 : LibC.SOL_IP, v6 ? LibC.IPV6_MTU : LibC.IP_MTU, &mtu, &size) == 0;
        LibC.Close(fd);
        return known ? mtu : 0;
    }

    // One message: `count` vectors that the kernel sends as datagrams of `segment` bytes (0: one datagram). Returns 0 or the errno.
    int SendOne(int queue, LibC.IoVec* vectors, int count, int segment, SocketEndpoint endpoint)
    {
        var unusable = endpoint.LocalUnusable;
        var errno = SendOne(queue, vectors, count, segment, endpoint.Raw, ref unusable);
        if (unusable)
            endpoint.LocalUnusable = true;
        return errno;
    }

    int SendOne(int queue, LibC.IoVec* vectors, int count, int segment, in RawEndpoint endpoint, ref bool localUnusable)
    {
        var fd = SocketFor(queue, endpoint.Family);
        if (fd < 0)
            return LibC.EAFNOSUPPORT;
        var control = stackalloc byte[ControlBytes];
        fixed (byte* address = endpoint.Address)
        {
            while (true)
            {
                LibC.MsgHdr header = new()
                {
                    Name = address, NameLength = (uint)endpoint.Length, Vectors = vectors, VectorCount = (nuint)count, Control = control,
                };
                header.ControlLength = WriteControl(control, endpoint, localUnusable, segment);
                if (header.ControlLength == 0)
                    header.Control = null;
                if (LibC.SendMsg(fd, &header, 0) >= 0)
                    return 0;
                var errno = LibC.Errno;
                if (errno == LibC.EINTR)
                    continue;
                var aboutLocal = errno is LibC.EADDRNOTAVAIL or LibC.ENETUNREACH or LibC.EHOSTUNREACH || (errno == LibC.EINVAL && segment == 0);
                if (aboutLocal && endpoint.LocalInterface != 0 && !localUnusable)
                {
                    // The address that the peer reached us on may be gone; with it forgotten the kernel finds another.
                    localUnusable = true;
                    continue;
                }

                return errno;
            }
        }
    }

    static nuint WriteControl(byte* control, in RawEndpoint raw, bool localUnusable, int segment)
    {
        nuint used = 0;
        if (raw.LocalInterface != 0 && !localUnusable)
        {
            var header = (LibC.CMsgHdr*)control;
            var data = control + sizeof(LibC.CMsgHdr);
            fixed (byte* local = raw.Local)
            {
                if (raw.Family == LibC.AF_INET6)
                {
                    *header = new LibC.CMsgHdr { Length = 16 + 20, Level = LibC.SOL_IPV6, Type = LibC.IPV6_PKTINFO };
                    *(UInt128*)data = *(UInt128*)local;
                    // Only link-local addresses need the interface; naming it otherwise would pin the route.
                    *(int*)(data + 16) = local[0] == 0xfe && (local[1] & 0xc0) == 0x80 ? raw.LocalInterface : 0;
                    used = 40;
                }
                else
                {
                    *header = new LibC.CMsgHdr { Length = 16 + 12, Level = LibC.SOL_IP, Type = LibC.IP_PKTINFO };
                    *(int*)data = 0;
                    *(uint*)(data + 4) = *(uint*)local;
                    *(uint*)(data + 8) = 0;
                    used = 32;
                }
            }
        }

        if (segment > 0)
        {
            var header = (LibC.CMsgHdr*)(control + used);
            *header = new LibC.CMsgHdr { Length = 16 + 2, Level = LibC.SOL_UDP, Type = LibC.UDP_SEGMENT };
            *(ushort*)(control + used + 16) = (ushort)segment;
            used += 24;
        }

        return used;
    }

    /// <summary>Sends equally long datagrams to one endpoint as one segmented message, however they lie in memory.</summary>
    sealed class Sender(UdpPort port, int queue) : IDatagramSender
    {
        readonly LibC.IoVec[] _vectors = GC.AllocateArray<LibC.IoVec>(MaxSegments, pinned: true);
        int _count;
        int _segment;
        int _segments;
        int _bytes;
        SendResult _result;

        public SendResult Send(ReadOnlySpan<DatagramRun> runs, SocketEndpoint endpoint)
        {
            _result = default;
            foreach (ref readonly var run in runs)
            {
                var at = run.Data;
                var left = run.Count;
                while (left > 0)
                {
                    var length = left == 1 ? run.LastLength : run.Stride;
                    if (_segments > 0 && (length > _segment || _segments >= port._segments || _bytes + length > MaxPayload))
                        Emit(endpoint);
                    if (_segments == 0)
                        _segment = length;
                    // All but the last may be shorter than the first; a shorter one ends the message.
                    var whole = left == 1 ? 1 : Math.Min(left - 1, Math.Min(port._segments - _segments, (MaxPayload - _bytes) / length));
                    if (length < _segment)
                        whole = 1;
                    Add(at, whole * length, whole);
                    at += whole * length;
                    left -= whole;
                    if (length < _segment)
                        Emit(endpoint);
                }
            }

            Emit(endpoint);
            return _result;
        }

        void Add(nint data, int length, int datagrams)
        {
            ref var last = ref _vectors[Math.Max(0, _count - 1)];
            if (_count > 0 && (nint)last.Base + (nint)last.Length == data)
                last.Length += (nuint)length;
            else
                _vectors[_count++] = new LibC.IoVec { Base = (byte*)data, Length = (nuint)length };
            _bytes += length;
            _segments += datagrams;
        }

        void Emit(SocketEndpoint endpoint)
        {
            if (_segments == 0)
                return;
            var vectors = (LibC.IoVec*)Unsafe.AsPointer(ref _vectors[0]);
            var errno = port.SendOne(queue, vectors, _count, _segments > 1 ? _segment : 0, endpoint);
            if (errno != 0)
                Repair(vectors, errno, endpoint);
            _count = _segments = _bytes = 0;
        }

        void Repair(LibC.IoVec* vectors, int errno, SocketEndpoint endpoint)
        {
            var tooLong = errno == LibC.EMSGSIZE;
            if (_segments == 1)
            {
                _result = new SendResult(_result.Refused + 1, _result.RefusedBytes + _bytes, _result.TooLong || tooLong);
                return;
            }

            // EIO: the socket's device cannot segment, and says so once and for all. EINVAL: too many segments for this kernel.
            // EMSGSIZE: a segment exceeds the path's MTU; single datagrams are sent in fragments.
            if (errno == LibC.EIO)
                port.StopSegmenting("refused by the socket's device");
            else if (errno == LibC.EINVAL)
                port.LimitSegments(_segments / 2);

            var (refused, bytes) = (0, 0);
            for (var i = 0; i < _count; i++)
            {
                var at = vectors[i].Base;
                var rest = (int)vectors[i].Length;
                while (rest > 0)
                {
                    LibC.IoVec one = new() { Base = at, Length = (nuint)Math.Min(rest, _segment) };
                    var single = port.SendOne(queue, &one, 1, 0, endpoint);
                    if (single != 0)
                    {
                        refused++;
                        bytes += (int)one.Length;
                        tooLong |= single == LibC.EMSGSIZE;
                    }

                    at += one.Length;
                    rest -= (int)one.Length;
                }
            }

            _result = new SendResult(_result.Refused + refused, _result.RefusedBytes + bytes, _result.TooLong || tooLong);
        }
    }
}
