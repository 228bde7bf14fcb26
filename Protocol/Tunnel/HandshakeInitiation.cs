using System.Buffers.Binary;
using Mesh.Protocol.Crypto;

namespace Mesh.Protocol.Tunnel;

/// <summary>
/// Lays out handshake initiations (WireGuard paper section 5.4.2), 148 bytes, numbers little-endian:
/// <code>
///  0        1            4              8                    40                88                   116        132      148
/// +--------+------------+--------------+--------------------+-----------------+--------------------+----------+--------+
/// | type 1 | reserved 0 | sender index | ephemeral key, 32  | static key + tag| TAI64N + tag       | mac1, 16 | mac2   |
/// +--------+------------+--------------+--------------------+-----------------+--------------------+----------+--------+
/// </code>
/// Between nodes of ours the first reserved byte (offset 1) may be 1: the handshake and its session are AES-256-GCM. mac1 covers it.
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

    /// <summary>The first four bytes, as a little-endian number, of an initiation that is AES-256-GCM.</summary>
    internal const uint Aes256GcmWord = 0x0000_0101;

    /// <summary>Writes type, mark of the suite, reserved bytes and sender index.</summary>
    public static void WriteHeader(Span<byte> message, SessionIndex sender, CipherSuite suite = CipherSuite.ChaCha20Poly1305)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(message, suite == CipherSuite.Aes256Gcm ? Aes256GcmWord : (uint)MessageType.Initiation);
        BinaryPrimitives.WriteUInt32LittleEndian(message[4..], sender.Value);
    }

    /// <summary>Gets the suite that the sender wants.</summary>
    public static CipherSuite Suite(ReadOnlySpan<byte> message) =>
        message[1] == 0 ? CipherSuite.ChaCha20Poly1305 : CipherSuite.Aes256Gcm;

    /// <summary>Gets the index that the sender chose.</summary>
    public static SessionIndex Sender(ReadOnlySpan<byte> message) => new(BinaryPrimitives.ReadUInt32LittleEndian(message[4..]));

    /// <summary>Gets the Noise message: ephemeral key, encrypted static key, encrypted timestamp.</summary>
    public static Span<byte> Noise(Span<byte> message) => message[8..Mac1Offset];

    /// <inheritdoc cref="Noise(Span{byte})"/>
    public static ReadOnlySpan<byte> Noise(ReadOnlySpan<byte> message) => message[8..Mac1Offset];
}
