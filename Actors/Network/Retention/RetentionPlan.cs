using Mesh.Actors.Events;
using Mesh.Actors.Ports;
using Mesh.Actors.Projection;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Retention;

/// <summary>
/// Finds, in one reading of the journal, whose events may lose their content: credentials, nodes and tokens of which nothing happened since a
/// moment and nothing is known any more, and only together with all that they are tied to, so that no event that stays speaks of one that
/// goes. Holds one entry for each of them. For one thread.
/// </summary>
sealed class RetentionPlan(WallTime before)
{
    readonly Dictionary<string, Entity> _entities = new(StringComparer.Ordinal);

    /// <summary>Tells whether an entity, by its persistence id, is of a kind that ends.</summary>
    public static bool CanEnd(string persistenceId) => persistenceId.Split('-', 2)[0] is "credential" or "node" or "token";

    /// <summary>Takes in the next event.</summary>
    public void Take(JournalEvent journaled, INetworkEvent happened)
    {
        if (!CanEnd(journaled.PersistenceId))
            return;
        var entity = Find(journaled.PersistenceId);
        var stored = new WallTime(journaled.CreatedMs);
        entity.Newest = Later(entity.Newest, Later(stored, happened.At));
        if (journaled.IsPruned)
            return;
        entity.Events++;
        switch (happened)
        {
            case CredentialUsed used:
                Tie(entity, $"node-{used.Node.Id}");
                break;
            case NodeRegistered registered:
                Tie(entity, $"credential-{registered.Credential}");
                break;
            case TokenCreated { Parent: { } parent }:
                Tie(entity, $"token-{parent}");
                break;
        }
    }

    /// <summary>Lists, after the last event, the persistence ids whose events may lose their content, with how many events they have.</summary>
    /// <param name="view">The network at the end of the journal, with what ended before the moment forgotten.</param>
    public IReadOnlyDictionary<string, int> Ended(NetworkView view) => _entities
        .GroupBy(pair => Root(pair.Value))
        .Where(tied => tied.All(pair => pair.Value.Newest < before && !view.Knows(pair.Key)))
        .SelectMany(tied => tied)
        .Where(pair => pair.Value.Events > 0)
        .ToDictionary(pair => pair.Key, pair => pair.Value.Events, StringComparer.Ordinal);

    Entity Find(string persistenceId)
    {
        if (!_entities.TryGetValue(persistenceId, out var entity))
            _entities[persistenceId] = entity = new Entity();
        return entity;
    }

    void Tie(Entity one, string other)
    {
        var (left, right) = (Root(one), Root(Find(other)));
        if (left != right)
            left.Above = right;
    }

    static Entity Root(Entity entity)
    {
        while (entity.Above is { } above)
        {
            // Halves the way for whoever asks next.
            if (above.Above is { } further)
                entity.Above = further;
            entity = above;
        }
        return entity;
    }

    static WallTime Later(WallTime left, WallTime right) => left < right ? right : left;

    sealed class Entity
    {
        public WallTime Newest { get; set; }

        public int Events { get; set; }

        public Entity? Above { get; set; }
    }
}
