namespace Mesh.Actors.Registry;

/// <summary>Asks a parent to have an entity decide a command; answered by the decision's reply or a <see cref="Refusal"/>.</summary>
public sealed record EntityRequest(string Id, IEntityCommand Command);

/// <summary>Tells a parent how far the journal of an entity has got, whoever wrote it.</summary>
sealed record JournalAdvanced(string Id, long SequenceNr);

/// <summary>Hands a command from the parent to the entity.</summary>
sealed record EntityDelivery(long Number, IEntityCommand Command);

/// <summary>Brings the entity's answer to the parent.</summary>
sealed record EntityReply(string Id, long Number, object Reply);

/// <summary>Tells the parent that an entity has nothing to do.</summary>
sealed record EntityIdle(string Id);

/// <summary>Tells an entity how far its journal has got.</summary>
sealed record EntityAdvanced(long SequenceNr) : INotInfluenceReceiveTimeout;

/// <summary>
/// Tells the parent that an entity ends because the journal holds, or may hold, what it does not know. Its commands are the next
/// incarnation's.
/// </summary>
/// <param name="Id">The entity.</param>
/// <param name="IsRace">Whether another controller is known to have been first; else the journal failed.</param>
sealed record EntityYielded(string Id, bool IsRace);
