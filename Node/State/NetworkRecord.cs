using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Node.State;

/// <summary>Says which network a machine belongs to. Its file is the commit mark of an enrollment: it is written last.</summary>
/// <param name="Network">The network.</param>
/// <param name="Node">The node's id.</param>
/// <param name="Name">The name it was given.</param>
/// <param name="Root">The pinned network root.</param>
/// <param name="Controllers">The controllers that the credential named: <c>host:port</c>.</param>
/// <param name="Certificates">The node's TLS certificate in DER and the authority's that issued it.</param>
/// <param name="Down">Whether <c>mesh down</c> was the last word.</param>
/// <param name="KeySince">Since when the tunnel key is in use, as far as is known.</param>
sealed record NetworkRecord(
    NetworkId Network,
    NodeId Node,
    string Name,
    SigningPublicKey Root,
    IReadOnlyList<string> Controllers,
    IReadOnlyList<byte[]> Certificates,
    bool Down = false,
    WallTime? KeySince = null);

/// <summary>Remembers where peers were last reached, so that a node finds them again when no controller answers.</summary>
/// <param name="Peers">UDP endpoints by node, best first.</param>
sealed record EndpointRecord(IReadOnlyDictionary<NodeId, IReadOnlyList<string>> Peers);
