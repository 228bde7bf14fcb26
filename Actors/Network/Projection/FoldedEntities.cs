using Mesh.Actors.Enrollment;
using Mesh.Actors.Events;
using Mesh.Actors.Policy;
using Mesh.Actors.Ports;
using Mesh.Actors.Registry;

namespace Mesh.Actors.Projection;

/// <summary>
/// Is the state of the few entities with long histories that every enrollment or many commands ask, as the journal tells it up to a
/// revision. Such an entity starts from here and replays only what came after: what it costs to lose a race does not grow with the
/// network. Immutable.
/// </summary>
sealed record FoldedEntities
{
    Fold<AllocationState> _allocations = new(0, AllocationState.New);
    Fold<PolicyState> _policy = new(0, PolicyState.New);
    Fold<NetworkState> _network = new(0, NetworkState.New);

    FoldedEntities() { }

    /// <summary>Is what an empty journal tells.</summary>
    public static FoldedEntities Empty { get; } = new();

    /// <summary>Gets the ordering of the newest event taken in.</summary>
    public long Revision { get; private init; }

    /// <summary>Takes in the next event of the journal; one that is in already changes nothing.</summary>
    public FoldedEntities Apply(JournalEvent journaled, INetworkEvent happened)
    {
        if (journaled.Ordering <= Revision)
            return this;
        var next = this with { Revision = journaled.Ordering };
        return journaled.PersistenceId switch
        {
            "allocations" => next with { _allocations = _allocations.Apply(journaled.SequenceNr, happened) },
            "policy" => next with { _policy = _policy.Apply(journaled.SequenceNr, happened) },
            "network" => next with { _network = _network.Apply(journaled.SequenceNr, happened) },
            _ => next,
        };
    }

    /// <summary>Finds an entity's state and the number of its last event in it; null where it is not kept or has no event.</summary>
    public (long SequenceNr, object State)? Find(string persistenceId) => persistenceId switch
    {
        "allocations" => _allocations.Found,
        "policy" => _policy.Found,
        "network" => _network.Found,
        _ => null,
    };

    sealed record Fold<TState>(long SequenceNr, TState State) where TState : IEntityState<TState>
    {
        public (long SequenceNr, object State)? Found => SequenceNr == 0 ? null : (SequenceNr, State);

        public Fold<TState> Apply(long sequenceNr, INetworkEvent happened) => new(sequenceNr, State.Apply(happened));
    }
}
