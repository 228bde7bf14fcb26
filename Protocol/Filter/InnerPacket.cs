using System.Buffers.Binary;

namespace Mesh.Protocol.Filter;

/// <summary>What kind of inner packet the filter sees.</summary>
public enum InnerKind : byte
{
    /// <summary>Starts a datagram or connection segment of a protocol with ports.</summary>
    Ports,

    /// <summary>Any protocol that has neither ports nor is ICMP.</summary>
    Other,

    /// <summary>ICMP echo request.</summary>
    EchoRequest,

    /// <summary>ICMP echo reply.</summary>
    EchoReply,

    /// <summary>ICMP error: carries the start of the packet that it is about.</summary>
    IcmpError,

    /// <summary>A fragment that is not the first: no ports.</summary>
    LaterFragment,
}

/// <summary>
/// The parts of an inner IP packet on which the filter decides, read without allocation. Reading fails on anything that is cut short or
/// contradicts itself; bytes beyond the IP length are ignored.
/// </summary>
/// <remarks>
/// RFC 791, 792, 4443, 8200. A first fragment must hold the whole transport header and a later one may not overlap it (RFC 1858, RFC 7112):
/// otherwise reassembly could change what the filter saw.
/// </remarks>
public struct InnerPacket
{
    const int MaxExtensionHeaders = 8;

    /// <summary>Source address; IPv4 as the low 32 bits with <see cref="IsV6"/> false.</summary>
    public UInt128 Source { get; private set; }

    /// <summary>Destination address.</summary>
    public UInt128 Destination { get; private set; }

    /// <summary>Whether the packet is IPv6.</summary>
    public bool IsV6 { get; private set; }

    /// <summary>IP protocol number.</summary>
    public byte Protocol { get; private set; }

    /// <summary>What it is.</summary>
    public InnerKind Kind { get; private set; }

    /// <summary>Source port; the identifier of an ICMP echo; 0 without ports.</summary>
    public ushort SourcePort { get; private set; }

    /// <summary>Destination port; the identifier of an ICMP echo; 0 without ports.</summary>
    public ushort DestinationPort { get; private set; }

    /// <summary>TCP flags (FIN 1, SYN 2, RST 4, ACK 16); 0 otherwise.</summary>
    public byte TcpFlags { get; private set; }

    /// <summary>Whether more fragments follow this one, the first.</summary>
    public bool FirstFragment { get; private set; }

    /// <summary>Identification of a fragmented packet.</summary>
    public uint FragmentId { get; private set; }

    /// <summary>Bytes of the packet by its own header.</summary>
    public int Length { get; private set; }

    /// <summary>Where the packet that an ICMP error is about starts.</summary>
    public int EmbeddedOffset { get; private set; }

    /// <summary>The destination port for a rule: -1 for a protocol without ports.</summary>
    public readonly int RulePort => Kind == InnerKind.Ports ? DestinationPort : -1;

    /// <summary>Reads a packet. Never throws and never reads beyond the span.</summary>
    public static bool TryRead(ReadOnlySpan<byte> packet, out InnerPacket inner) => TryRead(packet, embedded: false, out inner);

    /// <summary>Reads the start of a packet that an ICMP error carries: it may be cut after eight bytes of its payload.</summary>
    public static bool TryReadEmbedded(ReadOnlySpan<byte> packet, out InnerPacket inner) => TryRead(packet, embedded: true, out inner);

    static bool TryRead(ReadOnlySpan<byte> packet, bool embedded, out InnerPacket inner)
    {
        inner = default;
        if (packet.Length < 20)
            return false;
        return (packet[0] >> 4) switch
        {
            4 => TryReadV4(packet, embedded, ref inner),
            6 => TryReadV6(packet, embedded, ref inner),
            _ => false,
        };
    }

    static bool TryReadV4(ReadOnlySpan<byte> packet, bool embedded, ref InnerPacket inner)
    {
        var header = (packet[0] & 0xf) * 4;
        var total = BinaryPrimitives.ReadUInt16BigEndian(packet[2..]);
        if (header < 20 || packet.Length < header || total < header || (!embedded && total > packet.Length))
            return false;
        inner.Length = total;
        inner.Protocol = packet[9];
        inner.Source = BinaryPrimitives.ReadUInt32BigEndian(packet[12..]);
        inner.Destination = BinaryPrimitives.ReadUInt32BigEndian(packet[16..]);
        var fragment = BinaryPrimitives.ReadUInt16BigEndian(packet[6..]);
        inner.FragmentId = BinaryPrimitives.ReadUInt16BigEndian(packet[4..]);
        return TryReadTransport(packet, header, Math.Min((int)total, packet.Length), (fragment & 0x1fff) * 8, (fragment & 0x2000) != 0, embedded,
            ref inner);
    }

    static bool TryReadV6(ReadOnlySpan<byte> packet, bool embedded, ref InnerPacket inner)
    {
        if (packet.Length < 40)
            return false;
        var total = 40 + BinaryPrimitives.ReadUInt16BigEndian(packet[4..]);
        if (!embedded && total > packet.Length)
            return false;
        inner.IsV6 = true;
        inner.Length = total;
        inner.Source = BinaryPrimitives.ReadUInt128BigEndian(packet[8..]);
        inner.Destination = BinaryPrimitives.ReadUInt128BigEndian(packet[24..]);
        var end = Math.Min(total, packet.Length);
        var next = packet[6];
        var at = 40;
        var offset = 0;
        var more = false;
        for (var i = 0; i < MaxExtensionHeaders; i++)
        {
            switch (next)
            {
                case 0 or 43 or 60 or 135:
                    if (end < at + 8)
                        return false;
                    next = packet[at];
                    at += (packet[at + 1] + 1) * 8;
                    continue;
                case 51:
                    if (end < at + 8)
                        return false;
                    next = packet[at];
                    at += (packet[at + 1] + 2) * 4;
                    continue;
                case 44:
                    if (end < at + 8 || offset != 0 || more)
                        return false;
                    next = packet[at];
                    var field = BinaryPrimitives.ReadUInt16BigEndian(packet[(at + 2)..]);
                    offset = field & 0xfff8;
                    more = (field & 1) != 0;
                    inner.FragmentId = BinaryPrimitives.ReadUInt32BigEndian(packet[(at + 4)..]);
                    at += 8;
                    if (offset == 0)
                        continue;
                    break;
            }

            inner.Protocol = next;
            return at <= end && TryReadTransport(packet, at, end, offset, more, embedded, ref inner);
        }

        return false;
    }

    static bool TryReadTransport(ReadOnlySpan<byte> packet, int at, int end, int offset, bool more, bool embedded, ref InnerPacket inner)
    {
        if (offset > 0)
        {
            inner.Kind = InnerKind.LaterFragment;
            return offset >= 24;
        }

        inner.FirstFragment = more;
        var rest = end - at;
        switch (inner.Protocol)
        {
            case IpProtocol.Tcp:
                if (rest < (embedded ? 8 : 20))
                    return false;
                inner.TcpFlags = rest > 13 ? packet[at + 13] : (byte)0;
                break;
            case IpProtocol.Udp or IpProtocol.UdpLite:
                if (rest < 8)
                    return false;
                break;
            case IpProtocol.Sctp:
                if (rest < (embedded ? 8 : 12))
                    return false;
                break;
            case IpProtocol.Icmp when !inner.IsV6:
                return TryReadIcmp(packet, at, rest, request: 8, reply: 0, packet[at..end] is [3 or 4 or 5 or 11 or 12, ..], ref inner);
            case IpProtocol.IcmpV6 when inner.IsV6:
                return TryReadIcmp(packet, at, rest, request: 128, reply: 129, packet[at..end] is [< 128, ..], ref inner);
            default:
                inner.Kind = InnerKind.Other;
                return true;
        }

        inner.Kind = InnerKind.Ports;
        inner.SourcePort = BinaryPrimitives.ReadUInt16BigEndian(packet[at..]);
        inner.DestinationPort = BinaryPrimitives.ReadUInt16BigEndian(packet[(at + 2)..]);
        return true;
    }

    static bool TryReadIcmp(ReadOnlySpan<byte> packet, int at, int rest, byte request, byte reply, bool error, ref InnerPacket inner)
    {
        if (rest < 8)
            return false;
        var type = packet[at];
        if (error)
        {
            inner.Kind = InnerKind.IcmpError;
            inner.EmbeddedOffset = at + 8;
            return true;
        }

        if (type != request && type != reply)
        {
            inner.Kind = InnerKind.Other;
            return true;
        }

        inner.Kind = type == request ? InnerKind.EchoRequest : InnerKind.EchoReply;
        inner.SourcePort = inner.DestinationPort = BinaryPrimitives.ReadUInt16BigEndian(packet[(at + 4)..]);
        return true;
    }
}
