using System.Buffers.Binary;

namespace Mesh.Protocol.Tunnel;

/// <summary>
/// Lays out cookie replies (WireGuard paper section 5.4.7), 64 bytes, numbers little-endian:
/// <code>
///  0        1            4                8             32                          64
/// +--------+------------+----------------+-------------+---------------------------+
/// | type 3 | reserved 0 | receiver index | nonce, 24   | encrypted cookie, 16 + tag|
/// +--------+------------+----------------+-------------+---------------------------+
/// </code>
/// Every span that is passed in is exactly <see cref="Size"/> long.
/// </summary>
public static class CookieReply
{
    /// <summary>The length of the message: shorter than what it answers.</summary>
    public const int Size = 64;

    /// <summary>The length of a cookie.</summary>
    public const int CookieSize = 16;

    /// <summary>Writes type, reserved bytes and the index of the message that is answered.</summary>
    public static void WriteHeader(Span<byte> message, SessionIndex receiver)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(message, (uint)MessageType.CookieReply);
        BinaryPrimitives.WriteUInt32LittleEndian(message[4..], receiver.Value);
    }

    /// <summary>Gets the index of the message that is answered.</summary>
    public static SessionIndex Receiver(ReadOnlySpan<byte> message) => new(BinaryPrimitives.ReadUInt32LittleEndian(message[4..]));

    /// <summary>Gets the nonce.</summary>
    public static Span<byte> Nonce(Span<byte> message) => message[8..32];

    /// <inheritdoc cref="Nonce(Span{byte})"/>
    public static ReadOnlySpan<byte> Nonce(ReadOnlySpan<byte> message) => message[8..32];

    /// <summary>Gets the encrypted cookie with its tag.</summary>
    public static Span<byte> SealedCookie(Span<byte> message) => message[32..];

    /// <inheritdoc cref="SealedCookie(Span{byte})"/>
    public static ReadOnlySpan<byte> SealedCookie(ReadOnlySpan<byte> message) => message[32..];
}
