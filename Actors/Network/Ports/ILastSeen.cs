using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Ports;

/// <summary>Is what is kept of a node beside the journal.</summary>
/// <param name="Node">The node.</param>
/// <param name="SeenAt">When it was last heard of.</param>
/// <param name="Revision">The newest revision that it acknowledged.</param>
/// <param name="Os">The operating system as it reported it last.</param>
/// <param name="Version">The program's version as it reported it last.</param>
/// <param name="Controller">The controller that it is attached to; null: none.</param>
/// <param name="AttachedAt">Since when.</param>
public sealed record SeenRow(
    NodeId Node, WallTime SeenAt, long Revision, string? Os = null, string? Version = null, ControllerId? Controller = null, WallTime? AttachedAt = null);

/// <summary>
/// Keeps when nodes were last heard of, so that it survives a restart and is the same at every controller; while two controllers have no link
/// it is also how they know where nodes are. It may be lost. Calls throw what the store throws. Used by one caller at a time.
/// </summary>
public interface ILastSeen
{
    /// <summary>Begins: nothing is attached to this controller any more. Reads what is known of every node.</summary>
    Task<IReadOnlyList<SeenRow>> BeginAsync(CancellationToken cancellationToken);

    /// <summary>Writes what is news of nodes that are attached to this controller, or have left it (without a controller).</summary>
    Task WriteAsync(IReadOnlyList<SeenRow> rows, CancellationToken cancellationToken);

    /// <summary>Reads which nodes are attached to some controllers.</summary>
    Task<IReadOnlyList<SeenRow>> ReadAttachedAsync(IReadOnlyCollection<ControllerId> controllers, CancellationToken cancellationToken);
}
