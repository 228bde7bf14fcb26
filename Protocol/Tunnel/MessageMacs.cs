using System.Security.Cryptography;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Protocol.Tunnel;

/// <summary>
/// Completes the handshake messages to one peer with mac1 and, once the peer has answered with a cookie, mac2 (WireGuard paper sections
/// 5.4.4 and 5.4.7). Not safe for concurrent use.
/// </summary>
sealed class MessageMacs
{
    readonly byte[] _mac1Key = new byte[32];
    readonly byte[] _cookieKey = new byte[32];
    readonly byte[] _lastMac1 = new byte[MacKeys.MacSize];
    readonly byte[] _cookie = new byte[CookieReply.CookieSize];
    SessionIndex? _awaiting;
    Instant? _cookieTaken;

    public MessageMacs(in TunnelPublicKey receiver) => MacKeys.Derive(receiver, _mac1Key, _cookieKey);

    /// <summary>Writes mac1, and mac2 or zeros, into a message whose other fields are complete.</summary>
    public void Complete(Span<byte> message, int mac1Offset, SessionIndex sender, Instant now)
    {
        var mac1 = message.Slice(mac1Offset, MacKeys.MacSize);
        Blake2s.Mac(mac1, _mac1Key, message[..mac1Offset]);
        mac1.CopyTo(_lastMac1);
        _awaiting = sender;

        var mac2Offset = mac1Offset + MacKeys.MacSize;
        var mac2 = message.Slice(mac2Offset, MacKeys.MacSize);
        if (_cookieTaken is { } taken && now - taken < TunnelSpecification.CookieLifetime - TunnelTuning.CookieLatency)
            Blake2s.Mac(mac2, _cookie, message[..mac2Offset]);
        else
            mac2.Clear();
    }

    /// <summary>Takes the cookie out of a reply to the last message that was completed.</summary>
    public DropReason TakeCookie(ReadOnlySpan<byte> reply, Instant now)
    {
        if (TunnelMessage.Classify(reply) != MessageType.CookieReply)
            return DropReason.MessageLength;
        if (_awaiting is not { } index || CookieReply.Receiver(reply) != index)
            return DropReason.UnexpectedMessage;
        Span<byte> cookie = stackalloc byte[CookieReply.CookieSize];
        if (!XChaCha20Poly1305.TryOpen(_cookieKey, CookieReply.Nonce(reply), CookieReply.SealedCookie(reply), _lastMac1, cookie))
            return DropReason.CookieAuthentication;
        cookie.CopyTo(_cookie);
        _cookieTaken = now;
        _awaiting = null;
        return DropReason.None;
    }

    /// <summary>Forgets the cookie.</summary>
    public void Clear()
    {
        CryptographicOperations.ZeroMemory(_cookie);
        _cookieTaken = null;
        _awaiting = null;
    }
}
