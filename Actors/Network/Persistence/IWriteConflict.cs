namespace Mesh.Actors.Persistence;

/// <summary>
/// Marks the failure of a write that did not take place because another writer's event has its number: an ordinary lost race, after
/// which the entity recovers and decides again.
/// </summary>
public interface IWriteConflict;
