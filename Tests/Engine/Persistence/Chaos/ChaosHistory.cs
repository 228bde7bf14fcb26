using System.Collections.Immutable;

namespace Mesh.Tests.Engine.Persistence.Chaos;

/// <summary>Something that happened to an entity.</summary>
internal abstract record Entry(string Entity);

/// <summary>A client sent a command, perhaps again.</summary>
internal sealed record Sent(string Entity, string Client, string Command) : Entry(Entity);

/// <summary>An instance of the actor was made. Incarnations are numbered across all entities.</summary>
internal sealed record Born(string Entity, int Incarnation) : Entry(Entity);

/// <summary>A snapshot was offered.</summary>
internal sealed record Offered(string Entity, int Incarnation, long SequenceNr, ImmutableList<ChaosEvent> State) : Entry(Entity)
{
    public override string ToString() => $"Offered {{ {Incarnation}, up to {SequenceNr}, {State.Count} events }}";
}

/// <summary>An event was replayed.</summary>
internal sealed record Replayed(string Entity, int Incarnation, long SequenceNr, ChaosEvent Event) : Entry(Entity);

/// <summary>Recovery was over, with that state.</summary>
internal sealed record Recovered(string Entity, int Incarnation, long SequenceNr, ImmutableList<ChaosEvent> State) : Entry(Entity)
{
    public override string ToString() => $"Recovered {{ {Incarnation}, up to {SequenceNr}, {State.Count} events }}";
}

/// <summary>Recovery failed; the actor stops.</summary>
internal sealed record NotRecovered(string Entity, int Incarnation, string Reason) : Entry(Entity);

/// <summary>A command's handler began.</summary>
internal sealed record Taken(string Entity, int Incarnation, string Client, string Command, int Number) : Entry(Entity);

/// <summary>An event was handed to a call of the persist kind; commands wait for it or not.</summary>
internal sealed record Called(string Entity, int Incarnation, ChaosEvent Event, bool CommandsWait) : Entry(Entity);

/// <summary>A message was deferred.</summary>
internal sealed record DeferCalled(string Entity, int Incarnation, string Token) : Entry(Entity);

/// <summary>The handler of a stored event began.</summary>
internal sealed record Handled(string Entity, int Incarnation, long SequenceNr, ChaosEvent Event) : Entry(Entity);

/// <summary>The handler of a deferred message began.</summary>
internal sealed record DeferHandled(string Entity, int Incarnation, string Token) : Entry(Entity);

/// <summary>The actor heard that an event was rejected.</summary>
internal sealed record Rejected(string Entity, int Incarnation, long SequenceNr, ChaosEvent Event) : Entry(Entity);

/// <summary>The actor heard that nobody knows whether an event is stored.</summary>
internal sealed record Broken(string Entity, int Incarnation, long SequenceNr, ChaosEvent Event) : Entry(Entity);

/// <summary>A client was told that its event is stored; with <paramref name="Again"/>, out of recovered state.</summary>
internal sealed record Acknowledged(string Entity, string Client, string Command, string Token, long SequenceNr, bool Again)
    : Entry(Entity);

/// <summary>A writer, that is one instance of the actor, sent a write to the journal.</summary>
internal sealed record WriteSent(string Entity, string Writer) : Entry(Entity);

/// <summary>A writer was told how its write ended.</summary>
internal sealed record WriteAnswered(string Entity, string Writer) : Entry(Entity);

/// <summary>The journal said that it rejects an event, whether or not anybody heard.</summary>
internal sealed record Spent(string Entity, long SequenceNr, ChaosEvent Event) : Entry(Entity);

/// <summary>The journal said that it does not know whether it has an event, whether or not anybody heard.</summary>
internal sealed record Doubted(string Entity, long SequenceNr, ChaosEvent Event) : Entry(Entity);

/// <summary>What the journal holds in the end, in its order.</summary>
internal sealed record Stored(string Entity, long SequenceNr, ChaosEvent Event) : Entry(Entity);

/// <summary>Something that has no place: an exception nobody meant, a message nobody sent.</summary>
internal sealed record Strange(string Entity, string What) : Entry(Entity);

/// <summary>Collects what happened, in order. Safe for concurrent use.</summary>
internal sealed class ChaosHistory
{
    private readonly Lock _lock = new();
    private readonly List<Entry> _entries = [];

    public IReadOnlyList<Entry> Entries
    {
        get
        {
            lock (_lock)
                return [.. _entries];
        }
    }

    public void Add(Entry entry)
    {
        lock (_lock)
            _entries.Add(entry);
    }
}
