using System.Buffers.Binary;

namespace Mesh.Protocol.Tunnel;

/// <summary>
/// Lays out handshake responses (WireGuard paper section 5.4.3), 92 bytes, numbers little-endian:
/// <code>
///  0        1            4              8                12                   44          60         76       92
/// +--------+------------+--------------+----------------+--------------------+-----------+----------+--------+
/// | type 2 | reserved 0 | sender index | receiver index | ephemeral key, 32  | empty+tag | mac1, 16 | mac2   |
/// +--------+------------+--------------+----------------+--------------------+-----------+----------+--------+
/// </code>
/// Every span that is passed in is exactly <see cref="Size"/> long.
/// </summary>
public static class HandshakeResponse
{
    /// <summary>The length of the message.</summary>
    public const int Size = 92;

    /// <summary>The length of what mac1 covers.</summary>
    public const int Mac1Offset = 60;

    /// <summary>The length of what mac2 covers.</summary>
    public const int Mac2Offset = 76;

    /// <summary>Writes type, reserved bytes and both indexes.</summary>
    public static void WriteHeader(Span<byte> message, SessionIndex sender, SessionIndex receiver)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(message, (uint)MessageType.Response);
        BinaryPrimitives.WriteUInt32LittleEndian(message[4..], sender.Value);
        BinaryPrimitives.WriteUInt32LittleEndian(message[8..], receiver.Value);
    }

    /// <summary>Gets the index that the sender chose.</summary>
    public static SessionIndex Sender(ReadOnlySpan<byte> message) => new(BinaryPrimitives.ReadUInt32LittleEndian(message[4..]));

    /// <summary>Gets the index of the initiation that is answered.</summary>
    public static SessionIndex Receiver(ReadOnlySpan<byte> message) => new(BinaryPrimitives.ReadUInt32LittleEndian(message[8..]));

    /// <summary>Gets the Noise message: ephemeral key and the tag of the empty payload.</summary>
    public static Span<byte> Noise(Span<byte> message) => message[12..Mac1Offset];

    /// <inheritdoc cref="Noise(Span{byte})"/>
    public static ReadOnlySpan<byte> Noise(ReadOnlySpan<byte> message) => message[12..Mac1Offset];
}
