namespace Mesh.Actors.Ports;

/// <summary>Takes content out of a journal for good. Safe for concurrent use.</summary>
public interface IJournalPruning
{
    /// <summary>
    /// Replaces the content of all events of some entities by its SHA-256, those of one entity in one transaction. Done again it changes nothing.
    /// </summary>
    /// <param name="persistenceIds">The entities.</param>
    /// <param name="upTo">The last ordering that is looked at.</param>
    Task PruneAsync(IReadOnlyCollection<string> persistenceIds, long upTo);
}
