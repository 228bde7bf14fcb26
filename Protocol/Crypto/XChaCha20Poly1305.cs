using System.Buffers.Binary;
using System.Numerics;
using System.Security.Cryptography;

namespace Mesh.Protocol.Crypto;

/// <summary>
/// Seals and opens single messages with XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03): a 24-byte nonce long enough to be drawn at
/// random. HChaCha20 is written here, since neither .NET nor libcrypto offers it; the rest is <see cref="Aead"/>.
/// </summary>
public static class XChaCha20Poly1305
{
    /// <summary>The length of the nonce.</summary>
    public const int NonceSize = 24;

    /// <inheritdoc cref="Aead.Seal"/>
    public static void Seal(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plaintext, ReadOnlySpan<byte> associated,
        Span<byte> output)
    {
        Span<byte> subkey = stackalloc byte[32];
        Span<byte> shortNonce = stackalloc byte[12];
        Derive(key, nonce, subkey, shortNonce);
        Aead.Seal(CipherSuite.ChaCha20Poly1305, subkey, shortNonce, plaintext, associated, output);
        CryptographicOperations.ZeroMemory(subkey);
    }

    /// <inheritdoc cref="Aead.TryOpen"/>
    public static bool TryOpen(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> ciphertextAndTag,
        ReadOnlySpan<byte> associated, Span<byte> output)
    {
        Span<byte> subkey = stackalloc byte[32];
        Span<byte> shortNonce = stackalloc byte[12];
        Derive(key, nonce, subkey, shortNonce);
        var authentic = Aead.TryOpen(CipherSuite.ChaCha20Poly1305, subkey, shortNonce, ciphertextAndTag, associated, output);
        CryptographicOperations.ZeroMemory(subkey);
        return authentic;
    }

    /// <summary>Derives a 32-byte key from a 32-byte key and a 16-byte nonce (section 2.2 of the draft).</summary>
    public static void HChaCha20(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, Span<byte> subkey)
    {
        Span<uint> x = stackalloc uint[16];
        x[0] = 0x61707865;
        x[1] = 0x3320646e;
        x[2] = 0x79622d32;
        x[3] = 0x6b206574;
        for (var i = 0; i < 8; i++)
            x[4 + i] = BinaryPrimitives.ReadUInt32LittleEndian(key[(4 * i)..]);
        for (var i = 0; i < 4; i++)
            x[12 + i] = BinaryPrimitives.ReadUInt32LittleEndian(nonce[(4 * i)..]);
        for (var round = 0; round < 10; round++)
        {
            QuarterRound(x, 0, 4, 8, 12);
            QuarterRound(x, 1, 5, 9, 13);
            QuarterRound(x, 2, 6, 10, 14);
            QuarterRound(x, 3, 7, 11, 15);
            QuarterRound(x, 0, 5, 10, 15);
            QuarterRound(x, 1, 6, 11, 12);
            QuarterRound(x, 2, 7, 8, 13);
            QuarterRound(x, 3, 4, 9, 14);
        }
        for (var i = 0; i < 4; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(subkey[(4 * i)..], x[i]);
            BinaryPrimitives.WriteUInt32LittleEndian(subkey[(16 + (4 * i))..], x[12 + i]);
        }
        x.Clear();
    }

    static void Derive(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, Span<byte> subkey, Span<byte> shortNonce)
    {
        if (key.Length != 32 || nonce.Length != NonceSize)
            throw new CryptographicException("XChaCha20-Poly1305 takes a key of 32 and a nonce of 24 bytes");
        HChaCha20(key, nonce[..16], subkey);
        shortNonce[..4].Clear();
        nonce[16..].CopyTo(shortNonce[4..]);
    }

    static void QuarterRound(Span<uint> x, int a, int b, int c, int d)
    {
        x[a] += x[b];
        x[d] = BitOperations.RotateLeft(x[d] ^ x[a], 16);
        x[c] += x[d];
        x[b] = BitOperations.RotateLeft(x[b] ^ x[c], 12);
        x[a] += x[b];
        x[d] = BitOperations.RotateLeft(x[d] ^ x[a], 8);
        x[c] += x[d];
        x[b] = BitOperations.RotateLeft(x[b] ^ x[c], 7);
    }
}
