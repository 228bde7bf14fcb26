using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Protocol.Map;

/// <summary>Says where a node may be reached now. Signed by the node itself; the controller only carries it.</summary>
/// <param name="Network">The network.</param>
/// <param name="Node">The node that it speaks of.</param>
/// <param name="Endpoints">UDP endpoints as <c>a.b.c.d:p</c> or <c>[v6]:p</c>, best first, at most eight.</param>
/// <param name="Issued">When it was signed; a newer one replaces an older one.</param>
/// <param name="Expires">The last moment at which it counts.</param>
public sealed record EndpointHint(NetworkId Network, NodeId Node, IReadOnlyList<string> Endpoints, WallTime Issued, WallTime Expires);

/// <summary>Says whether a node is attached to a controller. Signed by that controller.</summary>
/// <param name="Network">The network.</param>
/// <param name="Node">The node that it speaks of.</param>
/// <param name="Online">Whether it is attached.</param>
/// <param name="LastSeen">When it was last heard of.</param>
/// <param name="Issued">When it was signed.</param>
/// <param name="Expires">The last moment at which it counts.</param>
public sealed record PresenceHint(NetworkId Network, NodeId Node, bool Online, WallTime LastSeen, WallTime Issued, WallTime Expires);
