using System.Security.Cryptography;
using Mesh.Protocol.Time;

namespace Mesh.Controller.Keys;

/// <summary>Gives the operating system's random bytes. Safe for concurrent use.</summary>
sealed class SystemEntropy : IEntropy
{
    /// <summary>The one instance.</summary>
    public static SystemEntropy Instance { get; } = new();

    /// <inheritdoc/>
    public void Fill(Span<byte> destination) => RandomNumberGenerator.Fill(destination);
}
