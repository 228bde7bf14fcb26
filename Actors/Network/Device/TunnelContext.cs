using Mesh.Protocol.Crypto;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Device;

/// <summary>
/// What the actors of a tunnel share and what outlives them. One concrete object, so that actors are constructed by exactly matching types
/// also in a native binary, where an interface that nobody casts to is not kept.
/// </summary>
/// <param name="Plane">The data path.</param>
/// <param name="DeviceKey">This device's key.</param>
/// <param name="Clock">Time.</param>
/// <param name="Entropy">Ephemeral keys and jitter.</param>
public sealed record TunnelContext(IDataPlane Plane, X25519 DeviceKey, ITunnelClock Clock, IEntropy Entropy)
{
    /// <summary>The state that the actors work towards.</summary>
    public WantedState Wanted { get; } = new();
}
