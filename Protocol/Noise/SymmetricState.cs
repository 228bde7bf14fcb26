using System.Security.Cryptography;
using Mesh.Protocol.Crypto;

namespace Mesh.Protocol.Noise;

/// <summary>
/// Is the symmetric state of a Noise handshake over a cipher suite and BLAKE2s (Noise revision 34 section 5.2): chaining key, transcript
/// hash and the key of the next encrypted field, in memory that the collector does not move. Not safe for concurrent use.
/// </summary>
sealed class SymmetricState : IDisposable
{
    const int Size = Blake2s.HashSize;

    readonly byte[] _memory = GC.AllocateArray<byte>(3 * Size, pinned: true);
    readonly CipherSuite _suite;

    /// <summary>Starts a transcript with a protocol name longer than 32 bytes and a prologue.</summary>
    public SymmetricState(CipherSuite suite, ReadOnlySpan<byte> protocolName, ReadOnlySpan<byte> prologue)
    {
        _suite = suite;
        Blake2s.Hash(ChainingKey, protocolName);
        Blake2s.Hash(Transcript, ChainingKey, prologue);
    }

    SymmetricState(SymmetricState other)
    {
        _suite = other._suite;
        other._memory.CopyTo(_memory, 0);
    }

    /// <summary>Gets the 32-byte hash of everything so far.</summary>
    public Span<byte> Transcript => _memory.AsSpan(Size, Size);

    Span<byte> ChainingKey => _memory.AsSpan(0, Size);

    Span<byte> Key => _memory.AsSpan(2 * Size, Size);

    /// <summary>Copies the state, so that a message can be tried without harm if it does not authenticate.</summary>
    public SymmetricState Clone() => new(this);

    /// <summary>Adds public bytes to the transcript.</summary>
    public void MixHash(ReadOnlySpan<byte> data) => Blake2s.Hash(Transcript, Transcript, data);

    /// <summary>Mixes an ephemeral public key: into the transcript and, as handshakes with a pre-shared key do, into the chaining
    /// key.</summary>
    public void MixEphemeral(ReadOnlySpan<byte> publicKey)
    {
        MixHash(publicKey);
        Blake2s.Kdf(ChainingKey, publicKey, ChainingKey, Key);
    }

    /// <summary>Mixes a shared secret, and takes from it the key of the next field.</summary>
    public void MixKey(ReadOnlySpan<byte> secret) => Blake2s.Kdf(ChainingKey, secret, ChainingKey, Key);

    /// <summary>Mixes a pre-shared key.</summary>
    public void MixKeyAndHash(ReadOnlySpan<byte> presharedKey)
    {
        Span<byte> hashed = stackalloc byte[Size];
        Blake2s.Kdf(ChainingKey, presharedKey, ChainingKey, hashed, Key);
        MixHash(hashed);
        CryptographicOperations.ZeroMemory(hashed);
    }

    /// <summary>Encrypts a field under the present key and adds the ciphertext to the transcript; the output is 16 bytes longer.</summary>
    public void EncryptAndHash(ReadOnlySpan<byte> plaintext, Span<byte> output)
    {
        // A key is used for one field, so its counter is 0: the nonce is the same in both suites' byte orders.
        Span<byte> nonce = stackalloc byte[12];
        nonce.Clear();
        Aead.Seal(_suite, Key, nonce, plaintext, Transcript, output);
        MixHash(output);
    }

    /// <summary>Decrypts a field; returns false, with the transcript unchanged, when it does not authenticate.</summary>
    public bool TryDecryptAndHash(ReadOnlySpan<byte> ciphertext, Span<byte> output)
    {
        Span<byte> nonce = stackalloc byte[12];
        nonce.Clear();
        if (!Aead.TryOpen(_suite, Key, nonce, ciphertext, Transcript, output))
            return false;
        MixHash(ciphertext);
        return true;
    }

    /// <summary>Derives the initiator's and the responder's sending keys, 32 bytes each.</summary>
    public void Split(Span<byte> initiatorKey, Span<byte> responderKey) => Blake2s.Kdf(ChainingKey, default, initiatorKey, responderKey);

    /// <summary>Zeroes everything.</summary>
    public void Dispose() => CryptographicOperations.ZeroMemory(_memory);
}
