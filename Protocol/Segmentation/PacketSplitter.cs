using System.Buffers.Binary;
using Mesh.Protocol.Filter;

namespace Mesh.Protocol.Segmentation;

/// <summary>Says why a packet from the TUN device cannot be cut or completed.</summary>
public enum SplitError
{
    /// <summary>It can.</summary>
    None,

    /// <summary>Fewer bytes than the headers have, or lengths that contradict each other.</summary>
    Length,

    /// <summary>The place of the checksum is outside the packet, or not where the transport has it.</summary>
    Checksum,

    /// <summary>A kind of segmentation that was not asked for, or that does not fit the packet's IP version and protocol.</summary>
    GsoType,

    /// <summary>The segment size is zero.</summary>
    GsoSize,

    /// <summary>A fragment cannot be cut.</summary>
    Fragment,

    /// <summary>TCP segments with SYN, RST or URG cannot be cut.</summary>
    Flags,

    /// <summary>More than <see cref="PacketSplitter.MaxSegments"/> segments.</summary>
    TooManySegments,
}

/// <summary>
/// Plans how a packet read from a TUN device with <c>IFF_VNET_HDR</c> is laid out as packets that can leave the machine: segmentation (TSO,
/// USO) and checksums that the kernel left to the device. Pure functions, safe for concurrent use.
/// </summary>
public static class PacketSplitter
{
    /// <summary>
    /// Segments of one packet, at most. A device whose <c>gso_max_segs</c> is no higher never exceeds it; 64 KiB in segments of 512 bytes do
    /// not either.
    /// </summary>
    public const int MaxSegments = 128;

    const int MaxExtensionHeaders = 8;
    const int TcpChecksumOffset = 16;
    const int UdpChecksumOffset = 6;
    const byte TcpSyn = 2, TcpRst = 4, TcpUrg = 32;

    /// <summary>
    /// Checks a packet against its virtio header and plans its segments. What stands in the virtio header as length of the headers is a hint and
    /// not used. Reads headers only; never throws.
    /// </summary>
    /// <param name="packet">The packet as read, without the virtio header.</param>
    /// <param name="header">The virtio header.</param>
    /// <param name="plan">The plan, when there is no error.</param>
    public static SplitError TryPlan(ReadOnlySpan<byte> packet, in VirtioHeader header, out SplitPlan plan)
    {
        plan = default;
        if (packet.IsEmpty)
            return SplitError.Length;
        if (header.RawGsoType != (byte)GsoType.None)
            return TryPlanSegments(packet, header, out plan);
        if ((header.Flags & VirtioHeader.NeedsChecksum) == 0)
        {
            plan = SplitPlan.Whole(packet.Length);
            return SplitError.None;
        }

        if (header.ChecksumStart + header.ChecksumOffset + 2 > packet.Length)
            return SplitError.Checksum;
        plan = SplitPlan.Checksum(packet.Length, header.ChecksumStart, header.ChecksumOffset);
        return SplitError.None;
    }

    static SplitError TryPlanSegments(ReadOnlySpan<byte> packet, in VirtioHeader header, out SplitPlan plan)
    {
        plan = default;
        var type = header.GsoType;
        if (type is not (GsoType.TcpV4 or GsoType.TcpV6 or GsoType.UdpL4))
            return SplitError.GsoType;
        var isTcp = type != GsoType.UdpL4;
        if (!isTcp && header.RawGsoType != (byte)GsoType.UdpL4)
            return SplitError.GsoType;
        if (header.GsoSize == 0)
            return SplitError.GsoSize;

        bool isV6;
        int transport;
        int total;
        byte protocol;
        var routed = false;
        SplitError error;
        switch (packet[0] >> 4)
        {
            case 4 when type != GsoType.TcpV6:
                isV6 = false;
                error = ReadIPv4(packet, out transport, out total, out protocol);
                break;
            case 6 when type != GsoType.TcpV4:
                isV6 = true;
                error = ReadIPv6(packet, out transport, out total, out protocol, out routed);
                break;
            default:
                return SplitError.GsoType;
        }

        if (error != SplitError.None)
            return error;
        if (protocol != (isTcp ? IpProtocol.Tcp : IpProtocol.Udp))
            return SplitError.GsoType;
        packet = packet[..total];
        int headers;
        if (isTcp)
        {
            if (total < transport + 20)
                return SplitError.Length;
            headers = transport + (packet[transport + 12] >> 4) * 4;
            if (headers < transport + 20 || headers > total)
                return SplitError.Length;
            if ((packet[transport + 13] & (TcpSyn | TcpRst | TcpUrg)) != 0)
                return SplitError.Flags;
        }
        else
        {
            headers = transport + 8;
            if (headers > total)
                return SplitError.Length;
        }

        var needsChecksum = (header.Flags & VirtioHeader.NeedsChecksum) != 0;
        if (needsChecksum && (header.ChecksumStart != transport || header.ChecksumOffset != (isTcp ? TcpChecksumOffset : UdpChecksumOffset)))
            return SplitError.Checksum;
        var payload = total - headers;
        var count = Math.Max(1, (payload + header.GsoSize - 1) / header.GsoSize);
        if (count > MaxSegments)
            return SplitError.TooManySegments;

        ulong pseudo;
        if (routed && needsChecksum)
        {
            // A routing header ends at another address than the packet's destination; the kernel's own pseudo header knows which. It contains
            // the length of the whole, which comes off again (RFC 1624).
            var given = BinaryPrimitives.ReadUInt16BigEndian(packet[(transport + header.ChecksumOffset)..]);
            pseudo = InternetChecksum.AddWord(~(total - transport), InternetChecksum.AddWord(given, 0));
        }
        else
        {
            pseudo = InternetChecksum.AddPseudoHeader(isV6 ? packet.Slice(8, 32) : packet.Slice(12, 8), protocol, 0, 0);
        }

        plan = SplitPlan.Segments(
            isTcp, isV6, count, transport, headers, Math.Min(payload, header.GsoSize), payload - (count - 1) * header.GsoSize, pseudo);
        return SplitError.None;
    }

    static SplitError ReadIPv4(ReadOnlySpan<byte> packet, out int transport, out int total, out byte protocol)
    {
        transport = total = protocol = 0;
        if (packet.Length < 20)
            return SplitError.Length;
        transport = (packet[0] & 15) * 4;
        total = BinaryPrimitives.ReadUInt16BigEndian(packet[2..]);
        protocol = packet[9];
        if (transport < 20 || total < transport || total > packet.Length)
            return SplitError.Length;
        return (BinaryPrimitives.ReadUInt16BigEndian(packet[6..]) & 0x3fff) != 0 ? SplitError.Fragment : SplitError.None;
    }

    static SplitError ReadIPv6(ReadOnlySpan<byte> packet, out int transport, out int total, out byte protocol, out bool routed)
    {
        transport = 40;
        total = protocol = 0;
        routed = false;
        if (packet.Length < 40)
            return SplitError.Length;
        total = 40 + BinaryPrimitives.ReadUInt16BigEndian(packet[4..]);
        if (total > packet.Length)
            return SplitError.Length;
        protocol = packet[6];
        for (var i = 0; i < MaxExtensionHeaders && protocol is (0 or 43 or 60); i++)
        {
            if (transport + 8 > total)
                return SplitError.Length;
            routed |= protocol == 43;
            protocol = packet[transport];
            transport += (packet[transport + 1] + 1) * 8;
        }

        if (transport > total)
            return SplitError.Length;
        return protocol == 44 ? SplitError.Fragment : SplitError.None;
    }
}
