using System.Buffers.Binary;

namespace Mesh.Protocol.Routing;

/// <summary>Says why bytes are not an IP packet.</summary>
public enum IpPacketError
{
    /// <summary>They are one.</summary>
    None,

    /// <summary>Fewer bytes than the header has.</summary>
    Truncated,

    /// <summary>The version is neither 4 nor 6.</summary>
    Version,

    /// <summary>The header length or total length contradicts the bytes there are, or each other.</summary>
    Length,
}

/// <summary>
/// Views the header of an IPv4 (RFC 791) or IPv6 (RFC 8200) packet in place. The lengths in the header were checked against the bytes:
/// every span it gives is inside the packet. Bytes behind the packet, such as padding, are allowed and ignored.
/// </summary>
public readonly ref struct IpPacket
{
    /// <summary>The protocol number of ICMP.</summary>
    public const byte Icmp = 1;

    /// <summary>The protocol number of TCP.</summary>
    public const byte Tcp = 6;

    /// <summary>The protocol number of UDP.</summary>
    public const byte Udp = 17;

    /// <summary>The protocol number of ICMPv6.</summary>
    public const byte IcmpV6 = 58;

    const int MaximumExtensionHeaders = 8;

    readonly ReadOnlySpan<byte> _packet;
    readonly int _payloadOffset;

    IpPacket(ReadOnlySpan<byte> packet, int payloadOffset, byte protocol, bool isFragment, bool isFirstFragment)
    {
        _packet = packet;
        _payloadOffset = payloadOffset;
        Protocol = protocol;
        IsFragment = isFragment;
        IsFirstFragment = isFirstFragment;
    }

    /// <summary>Gets the version: 4 or 6.</summary>
    public int Version => _packet[0] >> 4;

    /// <summary>Gets the length that the header states: what is left of a padded plaintext.</summary>
    public int TotalLength => _packet.Length;

    /// <summary>Gets the packet, without what lies behind it.</summary>
    public ReadOnlySpan<byte> Bytes => _packet;

    /// <summary>Gets the source address, 4 or 16 bytes in network order.</summary>
    public ReadOnlySpan<byte> Source => Version == 4 ? _packet.Slice(12, 4) : _packet.Slice(8, 16);

    /// <summary>Gets the destination address, 4 or 16 bytes in network order.</summary>
    public ReadOnlySpan<byte> Destination => Version == 4 ? _packet.Slice(16, 4) : _packet.Slice(24, 16);

    /// <summary>Gets the protocol number of the payload, behind IPv6 extension headers (at most 8 of which are followed).</summary>
    public byte Protocol { get; }

    /// <summary>Gets whether this is one of several fragments.</summary>
    public bool IsFragment { get; }

    /// <summary>Gets whether the payload starts with the header of its protocol: true for whole packets and first fragments.</summary>
    public bool IsFirstFragment { get; }

    /// <summary>Gets the offset of the payload.</summary>
    public int PayloadOffset => _payloadOffset;

    /// <summary>Gets the payload: what follows the IP header and the extension headers.</summary>
    public ReadOnlySpan<byte> Payload => _packet[_payloadOffset..];

    /// <summary>Gets whether the packet is TCP, UDP, UDP-Lite, DCCP or SCTP and begins with its ports.</summary>
    public bool HasPorts => IsFirstFragment && Protocol is (Tcp or Udp or 33 or 132 or 136) && Payload.Length >= 4;

    /// <summary>Gets the source port, or 0 without <see cref="HasPorts"/>.</summary>
    public ushort SourcePort => HasPorts ? BinaryPrimitives.ReadUInt16BigEndian(Payload) : (ushort)0;

    /// <summary>Gets the destination port, or 0 without <see cref="HasPorts"/>.</summary>
    public ushort DestinationPort => HasPorts ? BinaryPrimitives.ReadUInt16BigEndian(Payload[2..]) : (ushort)0;

    /// <summary>Reads the header at the start of the bytes.</summary>
    public static IpPacketError TryRead(ReadOnlySpan<byte> bytes, out IpPacket packet)
    {
        packet = default;
        if (bytes.IsEmpty)
            return IpPacketError.Truncated;
        return (bytes[0] >> 4) switch
        {
            4 => TryReadIPv4(bytes, out packet),
            6 => TryReadIPv6(bytes, out packet),
            _ => IpPacketError.Version,
        };
    }

    static IpPacketError TryReadIPv4(ReadOnlySpan<byte> bytes, out IpPacket packet)
    {
        packet = default;
        if (bytes.Length < 20)
            return IpPacketError.Truncated;
        var header = (bytes[0] & 15) * 4;
        var total = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
        if (header < 20 || total < header || total > bytes.Length)
            return IpPacketError.Length;
        var fragment = BinaryPrimitives.ReadUInt16BigEndian(bytes[6..]);
        var offset = fragment & 0x1fff;
        packet = new IpPacket(bytes[..total], header, bytes[9], (fragment & 0x3fff) != 0, offset == 0);
        return IpPacketError.None;
    }

    static IpPacketError TryReadIPv6(ReadOnlySpan<byte> bytes, out IpPacket packet)
    {
        packet = default;
        if (bytes.Length < 40)
            return IpPacketError.Truncated;
        var total = 40 + BinaryPrimitives.ReadUInt16BigEndian(bytes[4..]);
        if (total > bytes.Length)
            return IpPacketError.Length;
        bytes = bytes[..total];
        var next = bytes[6];
        var offset = 40;
        var isFragment = false;
        var isFirst = true;
        for (var i = 0; i < MaximumExtensionHeaders; i++)
        {
            // Hop-by-hop, routing, fragment, authentication, destination options: those that have a length that can be followed.
            if (next is not (0 or 43 or 44 or 51 or 60) || offset + 8 > total)
                break;
            var length = next switch { 44 => 8, 51 => (bytes[offset + 1] + 2) * 4, _ => (bytes[offset + 1] + 1) * 8 };
            if (offset + length > total)
                return IpPacketError.Length;
            if (next == 44)
            {
                var fragment = BinaryPrimitives.ReadUInt16BigEndian(bytes[(offset + 2)..]);
                isFragment = (fragment & 0xfff9) != 0;
                isFirst = fragment >> 3 == 0;
            }
            next = bytes[offset];
            offset += length;
            if (!isFirst)
                break;
        }
        packet = new IpPacket(bytes, offset, next, isFragment, isFirst);
        return IpPacketError.None;
    }
}
