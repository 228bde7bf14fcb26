using Mesh.Actors.Engine.Actor;

namespace Mesh.Actors.Engine.Persistence;

/// <summary>Finds the persistence extension of an actor system, and makes it at first use.</summary>
public sealed class Persistence : ExtensionIdProvider<PersistenceExtension>
{
    /// <summary>The one instance.</summary>
    public static Persistence Instance { get; } = new();

    /// <inheritdoc/>
    public override PersistenceExtension CreateExtension(ExtendedActorSystem system) => new(system);
}
