using System.Security.Cryptography;

namespace Mesh.Protocol.Crypto;

/// <summary>Derives keys from secrets; the destination's length is the key's.</summary>
public static class KeyDerivation
{
    /// <summary>Derives from a strong secret with HKDF-SHA256 (RFC 5869).</summary>
    public static void Hkdf(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> salt, ReadOnlySpan<byte> info, Span<byte> key) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, key, salt, info);

    /// <summary>Derives from a passphrase with PBKDF2-HMAC-SHA256 (RFC 8018 section 5.2).</summary>
    public static void Pbkdf2Sha256(ReadOnlySpan<byte> passphrase, ReadOnlySpan<byte> salt, int iterations, Span<byte> key) =>
        Rfc2898DeriveBytes.Pbkdf2(passphrase, salt, key, iterations, HashAlgorithmName.SHA256);

    /// <summary>Derives from a passphrase with PBKDF2-HMAC-SHA512 (RFC 8018 section 5.2).</summary>
    public static void Pbkdf2Sha512(ReadOnlySpan<byte> passphrase, ReadOnlySpan<byte> salt, int iterations, Span<byte> key) =>
        Rfc2898DeriveBytes.Pbkdf2(passphrase, salt, key, iterations, HashAlgorithmName.SHA512);
}
