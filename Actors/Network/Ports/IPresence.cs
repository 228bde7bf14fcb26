using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Ports;

/// <summary>Says what is known of a node beside the journal; it may be lost.</summary>
/// <param name="Online">Whether a control stream of the node is open at any controller, as far as this one knows.</param>
/// <param name="LastSeen">When something of it was last received; null: never.</param>
/// <param name="Os">The operating system as it reported it last.</param>
/// <param name="Version">The program's version as it reported it last.</param>
/// <param name="ValidUntil">Until when the newest map sent to it may be acted on; null: none was sent since the start.</param>
/// <param name="Revision">The newest revision that it acknowledged.</param>
/// <param name="CopiedAt">When two machines were last seen to live with its identity; null: never.</param>
/// <param name="CopiedFrom">The two addresses that they came from.</param>
public sealed record NodePresence(
    bool Online = false,
    WallTime? LastSeen = null,
    string? Os = null,
    string? Version = null,
    WallTime? ValidUntil = null,
    long Revision = 0,
    WallTime? CopiedAt = null,
    string? CopiedFrom = null);

/// <summary>Keeps the presence of nodes. Safe for concurrent use.</summary>
public interface IPresence
{
    /// <summary>Gets what is known of a node; an empty record where nothing is.</summary>
    NodePresence Get(NodeId node);

    /// <summary>Changes what is known of a node, atomically.</summary>
    void Update(NodeId node, Func<NodePresence, NodePresence> change);
}
