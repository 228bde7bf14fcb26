using Mesh.Protocol.Time;

namespace Mesh.Tests.Kit.Network;

/// <summary>Gives the same bytes for the same seed. Safe for concurrent use, although threads then decide who gets which bytes.</summary>
public sealed class SeededEntropy(int seed) : IEntropy
{
    readonly Random _random = new(seed);

    /// <inheritdoc/>
    public void Fill(Span<byte> destination)
    {
        lock (_random)
            _random.NextBytes(destination);
    }
}
