using System.Security.Cryptography;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Protocol.Tunnel;

/// <summary>Says what to do with a handshake message.</summary>
public enum GateAction
{
    /// <summary>Count the reason and forget the message; nothing is sent.</summary>
    Drop,

    /// <summary>Send the cookie reply that was written, to the address the message came from, and count the reason.</summary>
    Reply,

    /// <summary>Hand it on: initiations to the handshake worker, responses to the peer that the receiver index names.</summary>
    Accept,
}

/// <summary>Gives the gate's decision on one handshake message.</summary>
/// <param name="Action">What to do.</param>
/// <param name="Reason">Why it is not handed on, or None.</param>
/// <param name="ReplyLength">The length of the reply that was written: 64 or 0.</param>
public readonly record struct GateVerdict(GateAction Action, DropReason Reason, int ReplyLength);

/// <summary>
/// Guards a device's handshakes against senders that cost it work (WireGuard paper sections 5.3 and 5.4.7): without a valid mac1 nothing
/// happens; under load a sender first proves its address by a cookie, and then gets a bounded share. It costs two short hashes a message,
/// allocates nothing, and its memory is constant. Safe for concurrent use.
/// </summary>
public sealed class InitiationGate
{
    readonly byte[] _mac1Key = new byte[32];
    readonly byte[] _cookieKey = new byte[32];
    readonly IEntropy _entropy;
    readonly SourceLimiter _limiter;
    readonly bool _takesAes;
    readonly Lock _rotation = new();
    CookieSecret? _secret;
    long _loadedUntil = long.MinValue;

    /// <summary>
    /// Creates the gate of a device from its public key; the entropy makes cookie secrets and nonces. Initiations of suites that are not
    /// <paramref name="announced"/> are dropped without an answer, as any implementation that does not know them drops them.
    /// </summary>
    public InitiationGate(TunnelPublicKey device, IEntropy entropy, params IEnumerable<CipherSuite> announced)
    {
        _entropy = entropy;
        _takesAes = announced.Contains(CipherSuite.Aes256Gcm);
        MacKeys.Derive(device, _mac1Key, _cookieKey);
        _limiter = new SourceLimiter(entropy);
    }

    sealed class CookieSecret(Instant made, byte[] key)
    {
        public Instant Made => made;
        public ReadOnlySpan<byte> Key => key;
    }

    /// <summary>
    /// Tells how many messages wait for the handshake worker; from <see cref="TunnelTuning.LoadBacklog"/> on, the device counts as
    /// under load for a second.
    /// </summary>
    public void ReportBacklog(int waiting, Instant now)
    {
        if (waiting >= TunnelTuning.LoadBacklog)
            Volatile.Write(ref _loadedUntil, (now + TunnelTuning.LoadHold).Ticks);
    }

    /// <summary>Tells whether the device counts as under load.</summary>
    public bool IsUnderLoad(Instant now) => now.Ticks < Volatile.Read(ref _loadedUntil);

    /// <summary>
    /// Decides on a datagram that is an initiation or a response. A cookie reply is written to <paramref name="reply"/>, which has
    /// at least <see cref="CookieReply.Size"/> bytes; it is shorter than what it answers.
    /// </summary>
    public GateVerdict Examine(ReadOnlySpan<byte> datagram, in EndpointAddress source, Span<byte> reply, Instant now)
    {
        int mac1Offset;
        SessionIndex sender;
        switch (TunnelMessage.Classify(datagram))
        {
            case MessageType.Initiation when _takesAes || HandshakeInitiation.Suite(datagram) == CipherSuite.ChaCha20Poly1305:
                mac1Offset = HandshakeInitiation.Mac1Offset;
                sender = HandshakeInitiation.Sender(datagram);
                break;
            case MessageType.Response:
                mac1Offset = HandshakeResponse.Mac1Offset;
                sender = HandshakeResponse.Sender(datagram);
                break;
            default:
                return new GateVerdict(GateAction.Drop, DropReason.MessageType, 0);
        }

        Span<byte> mac = stackalloc byte[MacKeys.MacSize];
        var mac1 = datagram.Slice(mac1Offset, MacKeys.MacSize);
        Blake2s.Mac(mac, _mac1Key, datagram[..mac1Offset]);
        if (!CryptographicOperations.FixedTimeEquals(mac, mac1))
            return new GateVerdict(GateAction.Drop, DropReason.Mac1, 0);
        if (!IsUnderLoad(now))
            return new GateVerdict(GateAction.Accept, DropReason.None, 0);

        Span<byte> cookie = stackalloc byte[CookieReply.CookieSize];
        MakeCookie(cookie, source, now);
        var mac2Offset = mac1Offset + MacKeys.MacSize;
        Blake2s.Mac(mac, cookie, datagram[..mac2Offset]);
        if (CryptographicOperations.FixedTimeEquals(mac, datagram[mac2Offset..]))
        {
            return _limiter.TryTake(source, now)
                ? new GateVerdict(GateAction.Accept, DropReason.None, 0)
                : new GateVerdict(GateAction.Drop, DropReason.SourceLimited, 0);
        }

        var message = reply[..CookieReply.Size];
        CookieReply.WriteHeader(message, sender);
        _entropy.Fill(CookieReply.Nonce(message));
        XChaCha20Poly1305.Seal(_cookieKey, CookieReply.Nonce(message), cookie, mac1, CookieReply.SealedCookie(message));
        return new GateVerdict(GateAction.Reply, DropReason.CookieRequired, CookieReply.Size);
    }

    void MakeCookie(Span<byte> cookie, in EndpointAddress source, Instant now)
    {
        Span<byte> origin = stackalloc byte[18];
        var length = source.WriteAddress(origin);
        origin[length] = (byte)(source.Port >> 8);
        origin[length + 1] = (byte)source.Port;
        Blake2s.Mac(cookie, CurrentSecret(now).Key, origin[..(length + 2)]);
    }

    CookieSecret CurrentSecret(Instant now)
    {
        var secret = Volatile.Read(ref _secret);
        if (secret is not null && now - secret.Made < TunnelSpecification.CookieLifetime)
            return secret;
        lock (_rotation)
        {
            secret = _secret;
            if (secret is not null && now - secret.Made < TunnelSpecification.CookieLifetime)
                return secret;
            var key = new byte[32];
            _entropy.Fill(key);
            secret = new CookieSecret(now, key);
            Volatile.Write(ref _secret, secret);
            return secret;
        }
    }
}
