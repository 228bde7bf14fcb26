using Mesh.Protocol.Time;

namespace Mesh.Actors.Events;

/// <summary>
/// <c>history.pruned.v1</c> on <c>network</c>: what had ended before a moment is forgotten. Of the events of those credentials, nodes and
/// tokens the journal keeps place and hash, so that the audit chain holds, and from here on no content.
/// </summary>
/// <param name="CommandId">The command.</param>
/// <param name="By">Who.</param>
/// <param name="At">When.</param>
/// <param name="Before">The moment.</param>
public sealed record HistoryPruned(string CommandId, string By, WallTime At, WallTime Before) : INetworkEvent;

/// <summary>Is what remains of an event whose content was pruned; it is read and never written.</summary>
/// <param name="CommandId">The command; empty where none is known.</param>
/// <param name="At">When it was stored.</param>
public sealed record EventPruned(string CommandId, WallTime At) : INetworkEvent
{
    /// <summary>Gets nobody: that was content.</summary>
    public string By => "";
}
