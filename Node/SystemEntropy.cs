using System.Security.Cryptography;
using Mesh.Protocol.Time;

namespace Mesh.Node;

/// <summary>Gives the operating system's randomness. Safe for concurrent use.</summary>
sealed class SystemEntropy : IEntropy
{
    /// <summary>Gets the one there is.</summary>
    public static SystemEntropy Instance { get; } = new();

    /// <inheritdoc/>
    public void Fill(Span<byte> destination) => RandomNumberGenerator.Fill(destination);
}
