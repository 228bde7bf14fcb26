using System.Security.Cryptography;
using Mesh.Protocol.Identity;

namespace Mesh.Protocol.Crypto;

/// <summary>Computes SHA-256 (FIPS 180-4) of what comes piece by piece. For one thread.</summary>
public sealed class RunningSha256 : IDisposable
{
    readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    /// <summary>Adds the next piece.</summary>
    public void Append(ReadOnlySpan<byte> piece) => _hash.AppendData(piece);

    /// <summary>Gives the digest of all pieces, and begins anew.</summary>
    public Digest256 Finish()
    {
        Span<byte> digest = stackalloc byte[Octets32.Size];
        _hash.GetHashAndReset(digest);
        return new Digest256(digest);
    }

    /// <inheritdoc/>
    public void Dispose() => _hash.Dispose();
}
