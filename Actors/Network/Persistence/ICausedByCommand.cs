namespace Mesh.Actors.Persistence;

/// <summary>
/// An event that a command caused. The journal keeps the id beside the event, so that an entity that recovers after an
/// unknown write outcome can tell "mine was written" from "another wrote first".
/// </summary>
public interface ICausedByCommand
{
    /// <summary>The id of the command; unique per command, repeated by every delivery of it.</summary>
    string CommandId { get; }
}
