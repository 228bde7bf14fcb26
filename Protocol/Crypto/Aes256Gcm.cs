using System.Security.Cryptography;

namespace Mesh.Protocol.Crypto;

/// <summary>Seals and opens with AES-256-GCM (NIST SP 800-38D): a 32-byte key, a 12-byte nonce that never repeats under a key, a 16-byte tag behind the ciphertext.</summary>
public static class Aes256Gcm
{
    /// <summary>The length of keys, in bytes.</summary>
    public const int KeySize = 32;

    /// <summary>The length of nonces, in bytes.</summary>
    public const int NonceSize = 12;

    /// <summary>The length of tags, in bytes.</summary>
    public const int TagSize = 16;

    /// <summary>Seals; the destination has the plaintext's length and <see cref="TagSize"/> more.</summary>
    public static void Seal(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plaintext, Span<byte> destination, ReadOnlySpan<byte> associatedData)
    {
        using var cipher = new AesGcm(key, TagSize);
        cipher.Encrypt(nonce, plaintext, destination[..plaintext.Length], destination[plaintext.Length..], associatedData);
    }

    /// <summary>Opens what <see cref="Seal"/> made; false, with the destination zeroed, where key or bytes are not the ones.</summary>
    public static bool TryOpen(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> box, Span<byte> destination, ReadOnlySpan<byte> associatedData)
    {
        using var cipher = new AesGcm(key, TagSize);
        try
        {
            cipher.Decrypt(nonce, box[..^TagSize], box[^TagSize..], destination, associatedData);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            CryptographicOperations.ZeroMemory(destination);
            return false;
        }
    }
}
