using System.Runtime.CompilerServices;
using Mesh.Node.Device.Native;

namespace Mesh.Node.Device;

sealed unsafe partial class UdpPort
{
    const int ControlBytes = 128;
    const int MaxReceive = 64;

    /// <inheritdoc/>
    public int Receive(int descriptor, ReceiveBatch batch)
    {
        var capacity = Math.Min(batch.Wanted, MaxReceive);
        var messages = stackalloc LibC.MMsgHdr[MaxReceive];
        var vectors = stackalloc LibC.IoVec[MaxReceive];
        var controls = stackalloc byte[MaxReceive * ControlBytes];
        batch.Complete(0);
        for (var i = 0; i < capacity; i++)
        {
            vectors[i] = new LibC.IoVec { Base = (byte*)batch.Place(i), Length = ReceiveBatch.UnitSize };
            messages[i] = new LibC.MMsgHdr
            {
                Header = new LibC.MsgHdr
                {
                    // The batch's endpoints are pinned: taking their address is safe.
                    Name = (byte*)Unsafe.AsPointer(ref batch.Source(i)), NameLength = 28, Vectors = vectors + i, VectorCount = 1,
                    Control = controls + i * ControlBytes, ControlLength = ControlBytes,
                },
            };
        }

        var n = LibC.RecvMMsg(descriptor, messages, (uint)capacity, LibC.MSG_DONTWAIT, null);
        if (n < 0)
        {
            // Errors that belong to one datagram (an ICMP message about an earlier one) or to the moment do not end receiving.
            return LibC.Errno is LibC.EBADF or LibC.EINVAL ? LibC.Errno : 0;
        }

        for (var i = 0; i < n; i++)
        {
            var length = (messages[i].Header.Flags & LibC.MSG_TRUNC) != 0 ? 0 : (int)messages[i].Length;
            var segment = ReadControl(ref messages[i].Header, ref batch.Source(i));
            batch.Set(i, length, segment > 0 ? segment : Math.Max(length, 1));
        }

        batch.Complete(n);
        return 0;
    }

    // Takes the local address into the endpoint; returns the segment size, 0 when the unit is a single datagram.
    static int ReadControl(ref LibC.MsgHdr header, ref RawEndpoint source)
    {
        var segment = 0;
        source.ClearLocal();
        var at = header.Control;
        var end = header.Control + header.ControlLength;
        fixed (byte* local = source.Local)
        {
            while (at + sizeof(LibC.CMsgHdr) <= end)
            {
                var message = (LibC.CMsgHdr*)at;
                if (message->Length < (nuint)sizeof(LibC.CMsgHdr) || at + message->Length > end)
                    break;
                var data = at + sizeof(LibC.CMsgHdr);
                switch (message->Level, message->Type)
                {
                    case (LibC.SOL_IP, LibC.IP_PKTINFO):
                        // struct in_pktinfo: int ifindex; in_addr spec_dst; in_addr addr. spec_dst is what a reply must leave from.
                        source.LocalInterface = *(int*)data;
                        *(uint*)local = *(uint*)(data + 4);
                        break;
                    case (LibC.SOL_IPV6, LibC.IPV6_PKTINFO):
                        // struct in6_pktinfo: in6_addr addr; unsigned ifindex.
                        *(UInt128*)local = *(UInt128*)data;
                        source.LocalInterface = *(int*)(data + 16);
                        break;
                    case (LibC.SOL_UDP, LibC.UDP_GRO):
                        segment = *(int*)data;
                        break;
                }

                at += (message->Length + 7) & ~(nuint)7;
            }
        }

        return segment;
    }
}
