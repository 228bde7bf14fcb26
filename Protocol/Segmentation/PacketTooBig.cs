using System.Buffers.Binary;
using Mesh.Protocol.Routing;

namespace Mesh.Protocol.Segmentation;

/// <summary>
/// Writes the message by which a sender learns that a packet does not fit: ICMP Destination Unreachable, fragmentation needed (RFC 792, RFC
/// 1191), or ICMPv6 Packet Too Big (RFC 4443, section 3.2). Pure functions, safe for concurrent use.
/// </summary>
public static class PacketTooBig
{
    /// <summary>Bytes of the longest message.</summary>
    public const int MaxLength = MaxLengthV6;

    const int MaxLengthV4 = 576;
    const int MaxLengthV6 = 1280;
    const int IcmpHeader = 8;
    const byte HopLimit = 64;

    // Internetwork control (RFC 1812, section 4.3.2.5).
    const byte TrafficClass = 0xc0;

    /// <summary>
    /// Writes the message about a packet, or nothing where none may be sent: about an ICMP error, a fragment but the first, from or to anything
    /// but a single host (RFC 1122 section 3.2.2, RFC 4443 section 2.4), or bytes that are no IP packet.
    /// </summary>
    /// <param name="packet">The packet that does not fit. That an IPv4 sender forbade fragmentation is for the caller to know.</param>
    /// <param name="from">The address that speaks: 4 or 16 bytes, as the packet's.</param>
    /// <param name="mtu">Bytes of the largest packet that would fit.</param>
    /// <param name="destination">Where the message goes; <see cref="MaxLength"/> bytes always suffice.</param>
    /// <returns>The bytes of the message, an IP packet; 0 when there is none.</returns>
    /// <exception cref="ArgumentException"><paramref name="from"/> is of another IP version, or the destination is too short.</exception>
    public static int Write(ReadOnlySpan<byte> packet, ReadOnlySpan<byte> from, int mtu, Span<byte> destination)
    {
        if (IpPacket.TryRead(packet, out var ip) != IpPacketError.None || !ip.IsFirstFragment || IsError(ip))
            return 0;
        if (!IsHost(ip.Source) || !IsHost(ip.Destination))
            return 0;
        if (from.Length != ip.Source.Length)
            throw new ArgumentException("The address is of another IP version than the packet.", nameof(from));
        var isV4 = ip.Version == 4;
        var header = isV4 ? 20 : 40;
        var quote = Math.Min(ip.TotalLength, (isV4 ? MaxLengthV4 : MaxLengthV6) - header - IcmpHeader);
        var length = header + IcmpHeader + quote;
        if (destination.Length < length)
            throw new ArgumentException($"The message takes {length} bytes.", nameof(destination));
        destination = destination[..length];
        destination[..(header + IcmpHeader)].Clear();
        ip.Bytes[..quote].CopyTo(destination[(header + IcmpHeader)..]);
        var icmp = destination[header..];
        ulong pseudo = 0;
        if (isV4)
        {
            destination[0] = 0x45;
            destination[1] = TrafficClass;
            BinaryPrimitives.WriteUInt16BigEndian(destination[2..], (ushort)length);
            destination[6] = 0x40;
            destination[8] = HopLimit;
            destination[9] = IpPacket.Icmp;
            from.CopyTo(destination[12..]);
            ip.Source.CopyTo(destination[16..]);
            BinaryPrimitives.WriteUInt16BigEndian(destination[10..], InternetChecksum.Finish(InternetChecksum.Add(destination[..header], 0)));
            icmp[0] = 3;
            icmp[1] = 4;
            BinaryPrimitives.WriteUInt16BigEndian(icmp[6..], (ushort)Math.Clamp(mtu, 0, ushort.MaxValue));
        }
        else
        {
            destination[0] = 0x60 | TrafficClass >> 4;
            BinaryPrimitives.WriteUInt16BigEndian(destination[4..], (ushort)(length - header));
            destination[6] = IpPacket.IcmpV6;
            destination[7] = HopLimit;
            from.CopyTo(destination[8..]);
            ip.Source.CopyTo(destination[24..]);
            icmp[0] = 2;
            BinaryPrimitives.WriteInt32BigEndian(icmp[4..], Math.Max(mtu, 0));
            pseudo = InternetChecksum.AddPseudoHeader(destination.Slice(8, 32), IpPacket.IcmpV6, icmp.Length, 0);
        }

        BinaryPrimitives.WriteUInt16BigEndian(icmp[2..], InternetChecksum.Finish(InternetChecksum.Add(icmp, pseudo)));
        return length;
    }

    /// <summary>An ICMP error or redirect, or an ICMP message whose type cannot be read.</summary>
    static bool IsError(in IpPacket ip) => ip.Version == 4
        ? ip.Protocol == IpPacket.Icmp && ip.Payload is ([] or [3 or 4 or 5 or 11 or 12, ..])
        : ip.Protocol == IpPacket.IcmpV6 && ip.Payload is ([] or [< 128 or 137, ..]);

    /// <summary>A single host: not unspecified, multicast or broadcast, and not the reserved class E, where broadcast is.</summary>
    static bool IsHost(ReadOnlySpan<byte> address) => address.Length == 4
        ? address[0] is > 0 and < 224
        : address[0] != 0xff && address.ContainsAnyExcept((byte)0);
}
