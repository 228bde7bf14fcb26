using System.Collections.Immutable;
using Mesh.Actors.Events;
using Mesh.Actors.Ports;
using Mesh.Actors.Projection;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Retention;

/// <summary>
/// Holds a journal to what it says of its own pruning, while it is read from the beginning. Content may only be gone of whole entities of the
/// kinds that end, and only where a later <see cref="HistoryPruned"/> says so: whoever can write to the database could else undo a
/// revocation by taking its content away. Immutable.
/// </summary>
sealed record PrunedEntities
{
    // Whose content is gone, and when their newest such event was stored; until the word that it may be.
    ImmutableDictionary<string, WallTime> _unexplained = ImmutableDictionary.Create<string, WallTime>(StringComparer.Ordinal);

    PrunedEntities() { }

    /// <summary>Is what is known before the first event.</summary>
    public static PrunedEntities None { get; } = new();

    /// <summary>Gets how many events without content there were.</summary>
    public long Events { get; private init; }

    /// <summary>Takes in the next event.</summary>
    /// <param name="journaled">The event in the journal.</param>
    /// <param name="happened">What it says.</param>
    /// <param name="view">The network before it: of whom it knows, the beginning was there, so the end must be too. A program that stood
    /// still in between, for a month, finds that out here, and has to be started anew.</param>
    /// <exception cref="InvalidDataException">Content is missing that must be there.</exception>
    public PrunedEntities Apply(JournalEvent journaled, INetworkEvent happened, NetworkView view)
    {
        if (journaled.IsPruned)
        {
            if (!RetentionPlan.CanEnd(journaled.PersistenceId) || view.Knows(journaled.PersistenceId))
                throw Missing(journaled.PersistenceId);
            return this with { Events = Events + 1, _unexplained = _unexplained.SetItem(journaled.PersistenceId, happened.At) };
        }
        if (_unexplained.IsEmpty)
            return this;
        if (happened is HistoryPruned(_, _, _, var before))
            return this with { _unexplained = _unexplained.RemoveRange(_unexplained.Where(one => one.Value < before).Select(one => one.Key)) };
        return _unexplained.ContainsKey(journaled.PersistenceId) ? throw Missing(journaled.PersistenceId) : this;
    }

    /// <summary>Makes sure, at the end of the journal, that nothing is missing that must be there.</summary>
    /// <exception cref="InvalidDataException">It is.</exception>
    public void End()
    {
        if (!_unexplained.IsEmpty)
            throw Missing(_unexplained.Keys.Order(StringComparer.Ordinal).First());
    }

    static InvalidDataException Missing(string persistenceId) =>
        new($"the content of events of {persistenceId} is gone and no retention says so: restore the database from a backup");
}
