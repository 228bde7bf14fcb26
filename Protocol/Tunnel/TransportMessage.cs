using System.Buffers.Binary;

namespace Mesh.Protocol.Tunnel;

/// <summary>
/// Reads and writes the frame of transport messages (WireGuard paper section 5.4.6), all numbers little-endian:
/// <code>
///  0        1            4                8                       16                        n-16       n
/// +--------+------------+----------------+-----------------------+-------------------------+----------+
/// | type 4 | reserved 0 | receiver index | counter               | encrypted packet, padded| tag      |
/// +--------+------------+----------------+-----------------------+-------------------------+----------+
/// </code>
/// </summary>
public static class TransportMessage
{
    /// <summary>The length of what precedes the ciphertext: the room to leave before a plaintext that is sealed in place.</summary>
    public const int HeaderSize = 16;

    /// <summary>The length of the tag that follows the ciphertext.</summary>
    public const int TagSize = 16;

    /// <summary>What a message is longer than its padded payload; also the length of a keepalive.</summary>
    public const int Overhead = HeaderSize + TagSize;

    /// <summary>Reads receiver and counter. Returns false for another type, a reserved byte that is not zero, or fewer than 32
    /// bytes.</summary>
    public static bool TryReadHeader(ReadOnlySpan<byte> message, out SessionIndex receiver, out ulong counter)
    {
        receiver = default;
        counter = 0;
        if (message.Length < Overhead || BinaryPrimitives.ReadUInt32LittleEndian(message) != (uint)MessageType.Transport)
            return false;
        receiver = new SessionIndex(BinaryPrimitives.ReadUInt32LittleEndian(message[4..]));
        counter = BinaryPrimitives.ReadUInt64LittleEndian(message[8..]);
        return true;
    }

    /// <summary>Writes the 16-byte header.</summary>
    public static void WriteHeader(Span<byte> message, SessionIndex receiver, ulong counter)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(message, (uint)MessageType.Transport);
        BinaryPrimitives.WriteUInt32LittleEndian(message[4..], receiver.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(message[8..], counter);
    }

    /// <summary>
    /// Gives the length to which a payload is padded: the next multiple of 16, but not beyond the device's MTU, which a padded packet
    /// must not exceed on the far side either.
    /// </summary>
    public static int PaddedLength(int payload, int mtu)
    {
        var padded = (payload + TunnelSpecification.PaddingMultiple - 1) & ~(TunnelSpecification.PaddingMultiple - 1);
        return padded <= mtu ? padded : Math.Max(payload, mtu);
    }
}
