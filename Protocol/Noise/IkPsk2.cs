using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;

namespace Mesh.Protocol.Noise;

/// <summary>
/// Names the handshakes Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s (Noise revision 34; WireGuard paper section 5.4) and
/// Noise_IKpsk2_25519_AESGCM_BLAKE2s, which differ in name and cipher, and their two messages. The name is in every hash and key, so nothing
/// of one handshake means anything in the other; static keys may be the same (Noise section 14), because both hash with BLAKE2s.
/// <code>
///   &lt;- s
///   -> e, es, s, ss      ephemeral key 32 | static key 32+16 | payload n+16
///   &lt;- e, ee, se, psk    ephemeral key 32 | payload n+16
/// </code>
/// </summary>
static class IkPsk2
{
    /// <summary>What the first message is longer than its payload.</summary>
    public const int InitiationOverhead = 32 + 48 + 16;

    /// <summary>What the second message is longer than its payload.</summary>
    public const int ResponseOverhead = 32 + 16;

    /// <summary>Gives the protocol name.</summary>
    public static ReadOnlySpan<byte> Name(CipherSuite suite) => suite == CipherSuite.Aes256Gcm
        ? "Noise_IKpsk2_25519_AESGCM_BLAKE2s"u8
        : "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"u8;

    /// <summary>32 zero bytes: the pre-shared key of those who have none.</summary>
    public static ReadOnlySpan<byte> NoPresharedKey => _noPresharedKey;

    static readonly byte[] _noPresharedKey = new byte[32];
}

/// <summary>Is the initiator's half of one handshake. Dispose it when it was answered or given up. Not safe for concurrent use.</summary>
sealed class IkPsk2Initiator : IDisposable
{
    readonly X25519 _static;
    readonly X25519 _ephemeral;
    readonly TunnelPublicKey _responder;
    readonly SymmetricState _state;

    /// <summary>Starts a handshake; the static key stays the caller's, the ephemeral key may be disposed at once.</summary>
    public IkPsk2Initiator(CipherSuite suite, X25519 staticKey, TunnelPrivateKey ephemeralKey, TunnelPublicKey responder,
        ReadOnlySpan<byte> prologue)
    {
        Suite = suite;
        _static = staticKey;
        _ephemeral = new X25519(ephemeralKey);
        _responder = responder;
        _state = new SymmetricState(suite, IkPsk2.Name(suite), prologue);
        _state.MixHash(responder.Value.Span);
    }

    /// <summary>Gets the handshake's cipher, which is also that of the session.</summary>
    public CipherSuite Suite { get; }

    /// <summary>
    /// Writes the first message, 96 bytes longer than its payload. Returns false when the responder's key is of small order: there is
    /// no handshake with it.
    /// </summary>
    public bool TryWriteInitiation(ReadOnlySpan<byte> payload, Span<byte> message)
    {
        Span<byte> secret = stackalloc byte[X25519.KeySize];
        try
        {
            var ephemeral = _ephemeral.PublicKey.Value;
            ephemeral.Span.CopyTo(message);
            _state.MixEphemeral(ephemeral.Span);
            if (!_ephemeral.TryDeriveSharedSecret(_responder, secret))
                return false;
            _state.MixKey(secret);
            var own = _static.PublicKey.Value;
            _state.EncryptAndHash(own.Span, message[32..80]);
            if (!_static.TryDeriveSharedSecret(_responder, secret))
                return false;
            _state.MixKey(secret);
            _state.EncryptAndHash(payload, message[80..]);
            return true;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    /// <summary>
    /// Reads the second message and derives the session keys. Returns false, with nothing changed, when it does not authenticate: a
    /// forged answer does not end the handshake.
    /// </summary>
    public bool TryReadResponse(ReadOnlySpan<byte> message, ReadOnlySpan<byte> presharedKey, Span<byte> payload, Span<byte> sendingKey,
        Span<byte> receivingKey)
    {
        if (message.Length != payload.Length + IkPsk2.ResponseOverhead)
            return false;
        Span<byte> secret = stackalloc byte[X25519.KeySize];
        using var state = _state.Clone();
        try
        {
            var peer = new TunnelPublicKey(message[..32]);
            state.MixEphemeral(message[..32]);
            if (!_ephemeral.TryDeriveSharedSecret(peer, secret))
                return false;
            state.MixKey(secret);
            if (!_static.TryDeriveSharedSecret(peer, secret))
                return false;
            state.MixKey(secret);
            state.MixKeyAndHash(presharedKey);
            if (!state.TryDecryptAndHash(message[32..], payload))
                return false;
            state.Split(sendingKey, receivingKey);
            return true;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    /// <summary>Zeroes the handshake's keys.</summary>
    public void Dispose()
    {
        _ephemeral.Dispose();
        _state.Dispose();
    }
}

/// <summary>Is the responder's half of one handshake, after its first message was read. Not safe for concurrent use.</summary>
sealed class IkPsk2Responder : IDisposable
{
    readonly TunnelPublicKey _ephemeral;
    readonly TunnelPublicKey _initiator;
    readonly SymmetricState _state;

    IkPsk2Responder(CipherSuite suite, TunnelPublicKey ephemeral, TunnelPublicKey initiator, SymmetricState state)
    {
        Suite = suite;
        _ephemeral = ephemeral;
        _initiator = initiator;
        _state = state;
    }

    /// <summary>Gets the handshake's cipher, which is also that of the session.</summary>
    public CipherSuite Suite { get; }

    /// <summary>Gets the initiator's static key, which it proved to hold.</summary>
    public TunnelPublicKey Initiator => _initiator;

    /// <summary>
    /// Reads a first message. The initiator's key is shown to <paramref name="isKnown"/> before the second key agreement is spent on it;
    /// <paramref name="unknown"/> tells that it said no. The payload is valid only when this returns true.
    /// </summary>
    public static bool TryRead(CipherSuite suite, X25519 staticKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> prologue,
        Func<TunnelPublicKey, bool> isKnown, Span<byte> payload, [NotNullWhen(true)] out IkPsk2Responder? responder, out bool unknown)
    {
        responder = null;
        unknown = false;
        if (message.Length != payload.Length + IkPsk2.InitiationOverhead)
            return false;
        Span<byte> secret = stackalloc byte[X25519.KeySize];
        Span<byte> key = stackalloc byte[X25519.KeySize];
        var state = new SymmetricState(suite, IkPsk2.Name(suite), prologue);
        try
        {
            var own = staticKey.PublicKey.Value;
            state.MixHash(own.Span);
            var ephemeral = new TunnelPublicKey(message[..32]);
            state.MixEphemeral(message[..32]);
            if (!staticKey.TryDeriveSharedSecret(ephemeral, secret))
                return false;
            state.MixKey(secret);
            if (!state.TryDecryptAndHash(message[32..80], key))
                return false;
            var initiator = new TunnelPublicKey(key);
            unknown = !isKnown(initiator);
            if (unknown || !staticKey.TryDeriveSharedSecret(initiator, secret))
                return false;
            state.MixKey(secret);
            if (!state.TryDecryptAndHash(message[80..], payload))
                return false;
            responder = new IkPsk2Responder(suite, ephemeral, initiator, state);
            return true;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
            if (responder is null)
                state.Dispose();
        }
    }

    /// <summary>
    /// Writes the second message, 48 bytes longer than its payload, and derives the session keys; the ephemeral key may be disposed at
    /// once.
    /// Returns false when the initiator's ephemeral key is of small order. Either way this half is used up.
    /// </summary>
    public bool TryWriteResponse(TunnelPrivateKey ephemeralKey, ReadOnlySpan<byte> presharedKey, ReadOnlySpan<byte> payload,
        Span<byte> message, Span<byte> sendingKey, Span<byte> receivingKey)
    {
        Span<byte> secret = stackalloc byte[X25519.KeySize];
        using var ephemeral = new X25519(ephemeralKey);
        try
        {
            var own = ephemeral.PublicKey.Value;
            own.Span.CopyTo(message);
            _state.MixEphemeral(own.Span);
            if (!ephemeral.TryDeriveSharedSecret(_ephemeral, secret))
                return false;
            _state.MixKey(secret);
            if (!ephemeral.TryDeriveSharedSecret(_initiator, secret))
                return false;
            _state.MixKey(secret);
            _state.MixKeyAndHash(presharedKey);
            _state.EncryptAndHash(payload, message[32..]);
            _state.Split(receivingKey, sendingKey);
            return true;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    /// <summary>Zeroes the handshake's keys.</summary>
    public void Dispose() => _state.Dispose();
}
