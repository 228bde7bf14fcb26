using System.Security.Cryptography;
using Mesh.Protocol.Identity;

namespace Mesh.Protocol.Crypto;

/// <summary>Computes SHA-256 (FIPS 180-4).</summary>
public static class Sha256
{
    /// <summary>Hashes the concatenation of the parts.</summary>
    public static Digest256 Hash(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second = default, ReadOnlySpan<byte> third = default)
    {
        var length = first.Length + second.Length + third.Length;
        if (length == first.Length || length <= MaximumCopy)
            return OneShot(first, second, third, length);
        using var hash = new RunningSha256();
        hash.Append(first);
        hash.Append(second);
        hash.Append(third);
        return hash.Finish();
    }

    // A running hash needs a context of its own, which costs more than copying a few short parts together.
    const int MaximumCopy = 512;

    static Digest256 OneShot(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, ReadOnlySpan<byte> third, int length)
    {
        Span<byte> digest = stackalloc byte[Octets32.Size];
        if (length == first.Length)
        {
            SHA256.HashData(first, digest);
            return new Digest256(digest);
        }
        Span<byte> whole = stackalloc byte[MaximumCopy];
        first.CopyTo(whole);
        second.CopyTo(whole[first.Length..]);
        third.CopyTo(whole[(first.Length + second.Length)..]);
        SHA256.HashData(whole[..length], digest);
        return new Digest256(digest);
    }
}
