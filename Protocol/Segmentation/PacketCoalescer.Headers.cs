using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Mesh.Protocol.Filter;

namespace Mesh.Protocol.Segmentation;

public sealed unsafe partial class PacketCoalescer
{
    const byte TcpPsh = 8, TcpAck = 16, TcpEce = 64;
    const int TcpHeader = 20, UdpHeader = 8;
    const int DontFragment = 0x4000;

    enum Reading
    {
        /// <summary>TCP or UDP with ports: see the view.</summary>
        Flow,

        /// <summary>Surely none of the flows that are merged.</summary>
        OtherFlow,

        /// <summary>Perhaps part of any flow: a fragment, or something that is not understood.</summary>
        AnyFlow,
    }

    struct View
    {
        public int Length;
        public uint Sequence;
        public byte Transport;
        public byte Headers;
        public bool IsV6;
        public bool IsTcp;
        public bool Mergeable;

        /// <summary>PSH: the receiver is not to wait for more.</summary>
        public bool Ends;
    }

    Reading Read(byte* packet, int length, out View view)
    {
        Unsafe.SkipInit(out view);
        byte protocol;
        int transport;
        if (length >= 20 && packet[0] == 0x45)
        {
            // Reserved bit, more fragments, offset.
            var fragment = Big(packet + 6);
            if (Big(packet + 2) != length || (fragment & ~DontFragment) != 0)
                return Reading.AnyFlow;
            protocol = packet[9];
            transport = 20;
            view.IsV6 = false;
            if (protocol is not (IpProtocol.Tcp or IpProtocol.Udp))
                return Reading.OtherFlow;
        }
        else if (length >= 40 && packet[0] >> 4 == 6)
        {
            if (Big(packet + 4) + 40 != length)
                return Reading.AnyFlow;
            protocol = packet[6];
            transport = 40;
            view.IsV6 = true;
            if (protocol is not (IpProtocol.Tcp or IpProtocol.Udp))
                return protocol == IpProtocol.IcmpV6 ? Reading.OtherFlow : Reading.AnyFlow;
        }
        else
        {
            return Reading.AnyFlow;
        }

        var segment = packet + transport;
        view.Length = length;
        view.Transport = (byte)transport;
        if (protocol == IpProtocol.Tcp)
        {
            if (!_tcp)
                return Reading.OtherFlow;
            if (length < transport + TcpHeader)
                return Reading.AnyFlow;
            var headers = transport + (segment[12] >> 4) * 4;
            var flags = segment[13];
            view.IsTcp = true;
            view.Headers = (byte)headers;
            view.Sequence = BinaryPrimitives.ReverseEndianness(Unsafe.ReadUnaligned<uint>(segment + 4));
            view.Ends = (flags & TcpPsh) != 0;
            view.Mergeable = (flags & ~(TcpPsh | TcpEce)) == TcpAck && headers >= transport + TcpHeader && headers < length;
            return Reading.Flow;
        }

        if (!_udp)
            return Reading.OtherFlow;
        if (length < transport + UdpHeader)
            return Reading.AnyFlow;
        view.IsTcp = false;
        view.Headers = (byte)(transport + UdpHeader);
        view.Sequence = 0;
        view.Ends = false;
        view.Mergeable = Big(segment + 4) == length - transport && Unsafe.ReadUnaligned<ushort>(segment + 6) != 0 && length > view.Headers;
        return Reading.Flow;
    }

    /// <summary>Compares version, protocol, addresses and ports of a packet with one that was read before.</summary>
    static bool SameFlow(byte* packet, byte* other, in View view)
    {
        if (!view.IsV6)
        {
            return other[0] == 0x45
                && packet[9] == other[9]
                && Unsafe.ReadUnaligned<ulong>(packet + 12) == Unsafe.ReadUnaligned<ulong>(other + 12)
                && Unsafe.ReadUnaligned<uint>(packet + 20) == Unsafe.ReadUnaligned<uint>(other + 20);
        }

        return other[0] >> 4 == 6
            && packet[6] == other[6]
            && Unsafe.ReadUnaligned<uint>(packet + 40) == Unsafe.ReadUnaligned<uint>(other + 40)
            && ((Vector128.Load(packet + 8) ^ Vector128.Load(other + 8)) | (Vector128.Load(packet + 24) ^ Vector128.Load(other + 24)))
                == Vector128<byte>.Zero;
    }

    static int Hash(byte* packet, in View view)
    {
        const ulong multiplier = 0x9e37_79b9_7f4a_7c15;
        ulong key;
        if (view.IsV6)
        {
            key = Unsafe.ReadUnaligned<ulong>(packet + 8);
            for (var at = 16; at < 40; at += 8)
                key = key * multiplier ^ Unsafe.ReadUnaligned<ulong>(packet + at);
            key = key * multiplier ^ Unsafe.ReadUnaligned<uint>(packet + 40);
        }
        else
        {
            key = Unsafe.ReadUnaligned<ulong>(packet + 12) * multiplier ^ Unsafe.ReadUnaligned<uint>(packet + 20);
        }

        return (int)((view.IsTcp ? key : ~key) * multiplier >> (64 - TableBits));
    }

    /// <summary>Compares what the receiver would see of the headers, for two packets of one flow.</summary>
    static bool SameHeaders(byte* first, byte* packet, in Group group, in View view)
    {
        if (view.Headers != group.Headers)
            return false;
        if (view.IsV6)
        {
            // Traffic class and flow label; hop limit.
            if (Unsafe.ReadUnaligned<uint>(first) != Unsafe.ReadUnaligned<uint>(packet) || first[7] != packet[7])
                return false;
        }
        else
        {
            // Type of service; DF, TTL.
            var flags = Unsafe.ReadUnaligned<uint>(first + 6);
            if (first[1] != packet[1] || flags != Unsafe.ReadUnaligned<uint>(packet + 6))
                return false;
            // Without DF the identification counts (RFC 6864), and those of a merged packet are counted up from the first.
            if ((first[6] & (DontFragment >> 8)) == 0 && (ushort)(Big(first + 4) + group.Count) != Big(packet + 4))
                return false;
        }

        if (!view.IsTcp)
            return true;
        var a = first + view.Transport;
        var b = packet + view.Transport;
        // Acknowledgement; data offset and flags but PSH; window; urgent pointer; options.
        if (Unsafe.ReadUnaligned<uint>(a + 8) != Unsafe.ReadUnaligned<uint>(b + 8)
            || a[12] != b[12]
            || ((a[13] ^ b[13]) & ~TcpPsh) != 0
            || Unsafe.ReadUnaligned<ushort>(a + 14) != Unsafe.ReadUnaligned<ushort>(b + 14)
            || Unsafe.ReadUnaligned<ushort>(a + 18) != Unsafe.ReadUnaligned<ushort>(b + 18))
            return false;
        for (var at = TcpHeader; at < view.Headers - view.Transport; at += 4)
        {
            if (Unsafe.ReadUnaligned<uint>(a + at) != Unsafe.ReadUnaligned<uint>(b + at))
                return false;
        }

        return true;
    }

    /// <summary>Verifies the IPv4 header checksum and that of TCP or UDP.</summary>
    static bool HasRightChecksums(byte* packet, int length, in View view)
    {
        var transport = view.Transport;
        ulong sum;
        if (view.IsV6)
        {
            sum = Addresses(packet + 8, 32);
        }
        else
        {
            var addresses = Addresses(packet + 12, 8);
            if (InternetChecksum.Fold(addresses + Addresses(packet, 8) + Unsafe.ReadUnaligned<uint>(packet + 8)) != 0xffff)
                return false;
            sum = addresses;
        }

        var protocol = view.IsTcp ? IpProtocol.Tcp : IpProtocol.Udp;
        sum = InternetChecksum.AddWord(protocol, InternetChecksum.AddWord(length - transport, sum));
        return InternetChecksum.Fold(InternetChecksum.Add(ref packet[transport], length - transport, sum)) == 0xffff;
    }

    static ulong Addresses(byte* at, int length)
    {
        ulong sum = 0;
        for (var i = 0; i < length; i += 4)
            sum += Unsafe.ReadUnaligned<uint>(at + i);
        return sum;
    }

    static int Big(byte* at) => at[0] << 8 | at[1];

    static void WriteBig(byte* at, int value) => Unsafe.WriteUnaligned(at, BinaryPrimitives.ReverseEndianness((ushort)value));
}
