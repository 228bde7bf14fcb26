namespace Mesh.Bench.Lab;

/// <summary>A program that can be one end of a tunnel.</summary>
interface IContender
{
    /// <summary>Its name in tables.</summary>
    string Name { get; }

    /// <summary>Version and origin, one line.</summary>
    string Description { get; }

    /// <summary>Starts it in a namespace and gives it its configuration; it is ready for packets afterwards.</summary>
    /// <exception cref="BenchFailureException">It would not start; the message carries what it said.</exception>
    Task<TunnelEnd> StartAsync(Netns ns, EndOptions options, CancellationToken cancel);

    /// <summary>Makes sure that a tunnel through which packets went is the one that was asked for.</summary>
    /// <exception cref="BenchFailureException">It is not.</exception>
    void Verify(TunnelEnd end)
    {
    }
}
