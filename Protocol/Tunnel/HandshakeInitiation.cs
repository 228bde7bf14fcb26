using System.Buffers.Binary;

namespace Mesh.Protocol.Tunnel;

/// <summary>
/// Lays out handshake initiations (WireGuard paper section 5.4.2), 148 bytes, numbers little-endian:
/// <code>
///  0        1            4              8                    40                88                   116        132      148
/// +--------+------------+--------------+--------------------+-----------------+--------------------+----------+--------+
/// | type 1 | reserved 0 | sender index | ephemeral key, 32  | static key + tag| TAI64N + tag       | mac1, 16 | mac2   |
/// +--------+------------+--------------+--------------------+-----------------+--------------------+----------+--------+
/// </code>
/// Every span that is passed in is exactly <see cref="Size"/> long.
/// </summary>
public static class HandshakeInitiation
{
    /// <summary>The length of the message.</summary>
    public const int Size = 148;

    /// <summary>The length of what mac1 covers.</summary>
    public const int Mac1Offset = 116;

    /// <summary>The length of what mac2 covers.</summary>
    public const int Mac2Offset = 132;

    /// <summary>Writes type, reserved bytes and sender index.</summary>
    public static void WriteHeader(Span<byte> message, SessionIndex sender)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(message, (uint)MessageType.Initiation);
        BinaryPrimitives.WriteUInt32LittleEndian(message[4..], sender.Value);
    }

    /// <summary>Gets the index that the sender chose.</summary>
    public static SessionIndex Sender(ReadOnlySpan<byte> message) => new(BinaryPrimitives.ReadUInt32LittleEndian(message[4..]));

    /// <summary>Gets the Noise message: ephemeral key, encrypted static key, encrypted timestamp.</summary>
    public static Span<byte> Noise(Span<byte> message) => message[8..Mac1Offset];

    /// <inheritdoc cref="Noise(Span{byte})"/>
    public static ReadOnlySpan<byte> Noise(ReadOnlySpan<byte> message) => message[8..Mac1Offset];
}
