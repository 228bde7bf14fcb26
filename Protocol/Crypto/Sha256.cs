using Mesh.Protocol.Identity;

namespace Mesh.Protocol.Crypto;

/// <summary>Computes SHA-256 (FIPS 180-4).</summary>
public static class Sha256
{
    /// <summary>Hashes the concatenation of the parts.</summary>
    public static Digest256 Hash(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second = default, ReadOnlySpan<byte> third = default)
    {
        using var hash = new RunningSha256();
        hash.Append(first);
        hash.Append(second);
        hash.Append(third);
        return hash.Finish();
    }
}
