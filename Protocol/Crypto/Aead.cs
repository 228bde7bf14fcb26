using System.Security.Cryptography;

namespace Mesh.Protocol.Crypto;

/// <summary>
/// Seals and opens single messages with associated data, by ChaCha20-Poly1305 (RFC 8439 section 2.8) or AES-256-GCM (NIST SP 800-38D): a
/// key of 32 bytes, a nonce of 12 bytes, a ciphertext followed by a 16-byte tag. Input and output may be the same memory. What does not
/// authenticate costs no exception, because anybody can send it. For many packets under one key use
/// <see cref="AeadStream"/>.
/// </summary>
public static unsafe class Aead
{
    /// <summary>The length of the tag.</summary>
    public const int TagSize = 16;

    /// <summary>Encrypts; <paramref name="output"/> is 16 bytes longer than the plaintext.</summary>
    public static void Seal(CipherSuite suite, ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plaintext,
        ReadOnlySpan<byte> associated, Span<byte> output)
    {
        Check(key, nonce);
        if (output.Length != plaintext.Length + TagSize)
            throw new CryptographicException("the output is not the plaintext's length and 16 bytes");
        var context = LibCrypto.EVP_CIPHER_CTX_new();
        try
        {
            int written;
            fixed (byte* keyBytes = key, nonceBytes = nonce, input = plaintext, aad = associated, data = output)
            {
                LibCrypto.Require(
                    context != 0
                    && LibCrypto.EVP_EncryptInit_ex(context, LibCrypto.Cipher(suite), 0, keyBytes, nonceBytes) == 1
                    && (associated.IsEmpty || LibCrypto.EVP_EncryptUpdate(context, null, &written, aad, associated.Length) == 1)
                    && (plaintext.IsEmpty || LibCrypto.EVP_EncryptUpdate(context, data, &written, input, plaintext.Length) == 1)
                    && LibCrypto.EVP_EncryptFinal_ex(context, data + plaintext.Length, &written) == 1
                    && LibCrypto.TryGetTag(context, data + plaintext.Length),
                    "encryption");
            }
        }
        finally
        {
            LibCrypto.EVP_CIPHER_CTX_free(context);
        }
    }

    /// <summary>Checks and decrypts; returns false, with <paramref name="output"/> zeroed, for anything that was not sealed so.</summary>
    public static bool TryOpen(CipherSuite suite, ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce,
        ReadOnlySpan<byte> ciphertextAndTag, ReadOnlySpan<byte> associated, Span<byte> output)
    {
        Check(key, nonce);
        var length = ciphertextAndTag.Length - TagSize;
        if (length < 0 || output.Length != length)
            return false;
        var context = LibCrypto.EVP_CIPHER_CTX_new();
        try
        {
            int written;
            byte none;
            LibCrypto.Require(context != 0, "EVP_CIPHER_CTX_new");
            fixed (byte* keyBytes = key, nonceBytes = nonce, input = ciphertextAndTag, aad = associated, data = output)
            {
                if (LibCrypto.EVP_DecryptInit_ex(context, LibCrypto.Cipher(suite), 0, keyBytes, nonceBytes) == 1
                    && LibCrypto.TrySetTag(context, input + length)
                    && (associated.IsEmpty || LibCrypto.EVP_DecryptUpdate(context, null, &written, aad, associated.Length) == 1)
                    && (length == 0 || LibCrypto.EVP_DecryptUpdate(context, data, &written, input, length) == 1)
                    && LibCrypto.EVP_DecryptFinal_ex(context, &none, &written) == 1)
                    return true;
            }
        }
        finally
        {
            LibCrypto.EVP_CIPHER_CTX_free(context);
        }
        output.Clear();
        return false;
    }

    static void Check(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce)
    {
        if (key.Length != 32 || nonce.Length != 12)
            throw new CryptographicException("these ciphers take a key of 32 and a nonce of 12 bytes");
    }
}
