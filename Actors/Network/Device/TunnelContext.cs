using Mesh.Protocol.Time;

namespace Mesh.Actors.Device;

/// <summary>
/// What the actors of a tunnel share and what outlives them. One concrete object, so that actors are constructed by exactly matching types
/// also in a native binary, where an interface that nobody casts to is not kept.
/// </summary>
/// <param name="Plane">The data path.</param>
/// <param name="Clock">Time.</param>
/// <param name="Entropy">Ephemeral keys and jitter.</param>
public sealed record TunnelContext(IDataPlane Plane, ITunnelClock Clock, IEntropy Entropy)
{
    volatile ITunnelDevice? _device;

    /// <summary>Whether a device that failed is opened again.</summary>
    public bool ReopenDevice { get; init; } = true;

    /// <summary>The open device, or null; set by the device's actor.</summary>
    public ITunnelDevice? Device { get => _device; set => _device = value; }

    /// <summary>The state that the actors work towards.</summary>
    public WantedState Wanted { get; } = new();
}
