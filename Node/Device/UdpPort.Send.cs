using System.Runtime.CompilerServices;
using Mesh.Node.Device.Native;

namespace Mesh.Node.Device;

sealed unsafe partial class UdpPort
{
    const int MaxRunBytes = 65000;

    /// <inheritdoc/>
    public IDatagramSender CreateSender() => new Sender(this);

    /// <inheritdoc/>
    public int TrySend(ReadOnlySpan<byte> datagram, SocketEndpoint endpoint)
    {
        // Actors send rarely and from any thread: the lock keeps the descriptor from being closed, and given to somebody else, under them.
        lock (_closing)
        fixed (byte* data = datagram)
        {
            LibC.IoVec vector = new() { Base = data, Length = (nuint)datagram.Length };
            return SendOne(&vector, 1, 0, endpoint);
        }
    }

    // One message: `count` vectors that the kernel sends as datagrams of `segment` bytes (0: one datagram). Returns 0 or the errno.
    int SendOne(LibC.IoVec* vectors, int count, int segment, SocketEndpoint endpoint)
    {
        var fd = SocketFor(endpoint.Raw.Family);
        if (fd < 0)
            return LibC.EAFNOSUPPORT;
        var control = stackalloc byte[ControlBytes];
        var raw = endpoint.Raw;
        while (true)
        {
            LibC.MsgHdr header = new()
            {
                Name = raw.Address, NameLength = (uint)raw.Length, Vectors = vectors, VectorCount = (nuint)count, Control = control,
            };
            header.ControlLength = WriteControl(control, endpoint, segment);
            if (header.ControlLength == 0)
                header.Control = null;
            if (LibC.SendMsg(fd, &header, 0) >= 0)
                return 0;
            var errno = LibC.Errno;
            if (errno == LibC.EINTR)
                continue;
            var aboutLocal = errno is LibC.EADDRNOTAVAIL or LibC.ENETUNREACH or LibC.EHOSTUNREACH || (errno == LibC.EINVAL && segment == 0);
            if (aboutLocal && endpoint.Raw.LocalInterface != 0 && !endpoint.LocalUnusable)
            {
                // The address that the peer reached us on may be gone; with it forgotten the kernel finds another.
                endpoint.LocalUnusable = true;
                continue;
            }

            return errno;
        }
    }

    static nuint WriteControl(byte* control, SocketEndpoint endpoint, int segment)
    {
        nuint used = 0;
        if (endpoint.Raw.LocalInterface != 0 && !endpoint.LocalUnusable)
        {
            ref readonly var raw = ref endpoint.Raw;
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

    /// <summary>Sends runs of equally long datagrams to one endpoint as one segmented message each.</summary>
    sealed class Sender(UdpPort port) : IDatagramSender
    {
        readonly LibC.IoVec[] _vectors = GC.AllocateArray<LibC.IoVec>(MaxSegments, pinned: true);

        public int Send(ReadOnlySpan<OutgoingDatagram> datagrams, Span<bool> failed)
        {
            var failures = 0;
            for (var start = 0; start < datagrams.Length;)
            {
                var count = RunLength(datagrams[start..], port._segments);
                failures += SendRun(datagrams.Slice(start, count), failed.Slice(start, count));
                start += count;
            }

            return failures;
        }

        // Datagrams that may travel as one message: one endpoint, all as long as the first, except that the last may be shorter.
        static int RunLength(ReadOnlySpan<OutgoingDatagram> datagrams, int limit)
        {
            var (first, endpoint) = datagrams[0];
            var bytes = first.Length;
            var count = 1;
            while (count < datagrams.Length && count < limit && ReferenceEquals(datagrams[count].Endpoint, endpoint))
            {
                var length = datagrams[count].Data.Length;
                if (length > first.Length || bytes + length > MaxRunBytes)
                    break;
                bytes += length;
                count++;
                if (length < first.Length)
                    break;
            }

            return count;
        }

        int SendRun(ReadOnlySpan<OutgoingDatagram> run, Span<bool> failed)
        {
            var endpoint = run[0].Endpoint;
            var vectors = (LibC.IoVec*)Unsafe.AsPointer(ref _vectors[0]);
            for (var i = 0; i < run.Length; i++)
                vectors[i] = new LibC.IoVec { Base = (byte*)run[i].Data.Data, Length = (nuint)run[i].Data.Length };

            var errno = port.SendOne(vectors, run.Length, run.Length > 1 ? run[0].Data.Length : 0, endpoint);
            failed.Clear();
            if (errno == 0)
                return 0;
            if (run.Length == 1)
            {
                failed[0] = true;
                return 1;
            }

            // EIO: the socket's device cannot segment, and says so once and for all. EINVAL: too many segments for this kernel.
            // EMSGSIZE: a segment exceeds the path's MTU; single datagrams may be fragmented.
            if (errno == LibC.EIO)
                port._segments = 1;
            else if (errno == LibC.EINVAL)
                port._segments = Math.Max(1, Math.Min(port._segments, run.Length) / 2);

            var failures = 0;
            for (var i = 0; i < run.Length; i++)
            {
                if (port.SendOne(vectors + i, 1, 0, endpoint) == 0)
                    continue;
                failed[i] = true;
                failures++;
            }

            return failures;
        }
    }
}
