using System.Buffers.Binary;

namespace Mesh.Protocol.Tunnel;

/// <summary>Names the message types (WireGuard paper section 5.4): the first byte, followed by three reserved zero bytes; the
/// first of these may be 1 in an initiation (<see cref="HandshakeInitiation"/>).</summary>
public enum MessageType
{
    /// <summary>Not a message of this protocol.</summary>
    None = 0,

    /// <summary>A handshake initiation, 148 bytes.</summary>
    Initiation = 1,

    /// <summary>A handshake response, 92 bytes.</summary>
    Response = 2,

    /// <summary>A cookie reply, 64 bytes.</summary>
    CookieReply = 3,

    /// <summary>A transport message, 32 bytes and more.</summary>
    Transport = 4,
}

/// <summary>Tells messages apart by their first bytes.</summary>
public static class TunnelMessage
{
    /// <summary>The length of the longest handshake message.</summary>
    public const int MaximumHandshakeSize = HandshakeInitiation.Size;

    /// <summary>
    /// Gives the type of a datagram, or None when it is not a message of this protocol: the first byte is none of 1 to 4, a reserved byte
    /// is not zero, or the length does not fit the type. Whether this device takes part in an initiation's suite is the gate's question.
    /// </summary>
    public static MessageType Classify(ReadOnlySpan<byte> datagram)
    {
        if (datagram.Length < TransportMessage.Overhead)
            return MessageType.None;
        return BinaryPrimitives.ReadUInt32LittleEndian(datagram) switch
        {
            4 => MessageType.Transport,
            1 or HandshakeInitiation.Aes256GcmWord when datagram.Length == HandshakeInitiation.Size => MessageType.Initiation,
            2 when datagram.Length == HandshakeResponse.Size => MessageType.Response,
            3 when datagram.Length == CookieReply.Size => MessageType.CookieReply,
            _ => MessageType.None,
        };
    }
}
