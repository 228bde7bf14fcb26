using System.Security.Cryptography;
using Mesh.Protocol.Identity;

namespace Mesh.Protocol.Crypto;

/// <summary>Computes SHA-256 (FIPS 180-4).</summary>
public static class Sha256
{
    /// <summary>Hashes the concatenation of the parts.</summary>
    public static Digest256 Hash(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second = default, ReadOnlySpan<byte> third = default)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(first);
        hash.AppendData(second);
        hash.AppendData(third);
        Span<byte> digest = stackalloc byte[Octets32.Size];
        hash.GetHashAndReset(digest);
        return new Digest256(digest);
    }
}
