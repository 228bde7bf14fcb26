using System.Buffers.Binary;

namespace Mesh.Protocol.Segmentation;

/// <summary>How a packet with a <see cref="VirtioHeader"/> is to be cut into segments (virtio 1.2, section 5.1.6: <c>gso_type</c>).</summary>
public enum GsoType : byte
{
    /// <summary>It is not.</summary>
    None = 0,

    /// <summary>TCP over IPv4.</summary>
    TcpV4 = 1,

    /// <summary>TCP over IPv6.</summary>
    TcpV6 = 4,

    /// <summary>UDP over either: every segment is a datagram of its own.</summary>
    UdpL4 = 5,
}

/// <summary>
/// What a Linux TUN device with <c>IFF_VNET_HDR</c> puts before every packet and expects there: 10 bytes, little-endian.
/// <code>
/// flags(1) | gso_type(1) | hdr_len(2) | gso_size(2) | csum_start(2) | csum_offset(2)
/// </code>
/// </summary>
/// <remarks>virtio 1.2, section 5.1.6, the legacy layout; <c>linux/virtio_net.h</c>. All zeros: a plain packet with its checksum in place.</remarks>
/// <param name="Flags"><see cref="NeedsChecksum"/>, <see cref="DataValid"/>.</param>
/// <param name="RawGsoType">A <see cref="Segmentation.GsoType"/>, perhaps with <see cref="Ecn"/>.</param>
/// <param name="HeaderLength">Bytes of all headers: a hint, which readers may not trust.</param>
/// <param name="GsoSize">Payload bytes of every segment but the last.</param>
/// <param name="ChecksumStart">Where summing starts: offset of the transport header in the packet.</param>
/// <param name="ChecksumOffset">Where the checksum goes, counted from <paramref name="ChecksumStart"/>.</param>
public readonly record struct VirtioHeader(
    byte Flags, byte RawGsoType, ushort HeaderLength, ushort GsoSize, ushort ChecksumStart, ushort ChecksumOffset)
{
    /// <summary>Bytes of the header.</summary>
    public const int Size = 10;

    /// <summary>Flag: the checksum field holds the sum of the pseudo header only, and the rest is to be added.</summary>
    public const byte NeedsChecksum = 1;

    /// <summary>Flag: the checksum was verified and is right.</summary>
    public const byte DataValid = 2;

    /// <summary>Bit of the type: the first segment carries CWR (RFC 3168).</summary>
    public const byte Ecn = 0x80;

    /// <summary>Gets the type without <see cref="Ecn"/>.</summary>
    public GsoType GsoType => (GsoType)(RawGsoType & ~Ecn);

    /// <summary>Reads a header from the first <see cref="Size"/> bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer.</exception>
    public static VirtioHeader Read(ReadOnlySpan<byte> bytes)
    {
        bytes = bytes[..Size];
        return new VirtioHeader(
            bytes[0],
            bytes[1],
            BinaryPrimitives.ReadUInt16LittleEndian(bytes[2..]),
            BinaryPrimitives.ReadUInt16LittleEndian(bytes[4..]),
            BinaryPrimitives.ReadUInt16LittleEndian(bytes[6..]),
            BinaryPrimitives.ReadUInt16LittleEndian(bytes[8..]));
    }

    /// <summary>Writes the header to the first <see cref="Size"/> bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer.</exception>
    public void WriteTo(Span<byte> bytes)
    {
        bytes = bytes[..Size];
        bytes[0] = Flags;
        bytes[1] = RawGsoType;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[2..], HeaderLength);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[4..], GsoSize);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[6..], ChecksumStart);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[8..], ChecksumOffset);
    }
}
