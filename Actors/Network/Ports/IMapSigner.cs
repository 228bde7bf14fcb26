using Mesh.Protocol.Identity;
using Mesh.Protocol.Trust;

namespace Mesh.Actors.Ports;

/// <summary>
/// Signs what a controller says to nodes, with the key that the network root delegated to it. The key itself stays behind this
/// port. Safe for concurrent use.
/// </summary>
public interface IMapSigner
{
    /// <summary>Gets the controller that signs.</summary>
    ControllerId Controller { get; }

    /// <summary>Gets the epoch that map heads name; at least 1.</summary>
    int Epoch { get; }

    /// <summary>Gets the root's signed delegation, which travels with every head.</summary>
    DsseEnvelope Delegation { get; }

    /// <summary>Signs a payload of one of the <see cref="PayloadTypes"/>.</summary>
    DsseEnvelope Sign(string payloadType, ReadOnlySpan<byte> payload);
}
