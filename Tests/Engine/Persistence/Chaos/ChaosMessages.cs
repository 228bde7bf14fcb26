namespace Mesh.Tests.Engine.Persistence.Chaos;

/// <summary>What an entity is asked to do with its journal.</summary>
internal enum ChaosShape
{
    /// <summary>One event.</summary>
    One,

    /// <summary>Several events by as many calls.</summary>
    Several,

    /// <summary>Several events, all or none.</summary>
    All,

    /// <summary>One event that keeps no command waiting.</summary>
    OneAsync,

    /// <summary>Several events, all or none, that keep no command waiting.</summary>
    AllAsync,

    /// <summary>An event, and another from its handler.</summary>
    Nested,

    /// <summary>An event that keeps no command waiting, and from its handler one that does.</summary>
    NestedInAsync,

    /// <summary>All kinds of calls in one command.</summary>
    Mixed,

    /// <summary>An event and a deferred message behind it.</summary>
    Deferring,

    /// <summary>Set aside once, then as <see cref="One"/>.</summary>
    Later,

    /// <summary>As <see cref="One"/>, after a turn of the scheduler.</summary>
    Awaiting,
}

/// <summary>Where an entity throws.</summary>
internal enum ChaosMishap
{
    None,

    /// <summary>In the command's handler, once everything has been persisted.</summary>
    AfterCalls,

    /// <summary>In the first event's handler, before state has it.</summary>
    BeforeApplying,

    /// <summary>In the first event's handler, after the reply.</summary>
    AfterReply,
}

/// <summary>A command with an id. A careful one may come again under the same id, and stores one batch.</summary>
internal sealed record ChaosCommand(string Entity, string Client, int Number, ChaosShape Shape)
{
    public string Id => $"{Client}-{Number}";

    /// <summary>How many events, where the shape leaves that open.</summary>
    public int Size { get; init; } = 1;

    public bool IsCareful { get; init; }

    /// <summary>Takes back what was set aside, in the event's handler.</summary>
    public bool TakesBack { get; init; }

    /// <summary>No journal stores its events.</summary>
    public bool IsUnfit { get; init; }

    public ChaosMishap Mishap { get; init; }

    /// <summary>What the supervisor does about the mishap.</summary>
    public Directive Directive { get; init; }

    /// <summary>How many events it stores when all goes well.</summary>
    public int Parts => Shape switch
    {
        ChaosShape.Several or ChaosShape.All or ChaosShape.AllAsync => Size,
        ChaosShape.Nested or ChaosShape.NestedInAsync => 2,
        ChaosShape.Mixed => Size + 2,
        _ => 1,
    };
}

/// <summary>Makes a supervisor, or an entity that has none, throw.</summary>
internal sealed record Stumble(string Entity);

/// <summary>Asks an entity whether it takes commands; answered by itself.</summary>
internal sealed record AreYouThere(string Entity);

/// <summary>An event. Its token names one call of one incarnation, so that storing it twice shows.</summary>
/// <param name="Token">Unlike any other.</param>
/// <param name="Command">The command that caused it.</param>
/// <param name="Part">Its place among the events of the command, from 0.</param>
/// <param name="Batch">The token of the first event that is stored with it.</param>
/// <param name="Size">How many events are stored together.</param>
public sealed record ChaosEvent(string Token, string Command, int Part, string Batch, int Size)
{
    public override string ToString() => Token;
}

/// <summary>Stands for an event that cannot be stored: the memory journal rejects it, and no serializer knows it.</summary>
internal sealed record UnfitEvent(ChaosEvent Event);

/// <summary>What a client hears of one event of its command.</summary>
internal abstract record ChaosReply(string Command);

/// <summary>The event is stored; with <paramref name="Again"/>, it was found in recovered state.</summary>
internal sealed record StoredReply(string Command, string Token, long SequenceNr, bool Again) : ChaosReply(Command);

/// <summary>The journal rejected the event.</summary>
internal sealed record RejectedReply(string Command) : ChaosReply(Command);

/// <summary>Nobody knows whether the event is stored.</summary>
internal sealed record UnknownReply(string Command) : ChaosReply(Command);

/// <summary>An entity throws it on purpose, and says what is to come of it.</summary>
internal sealed class MishapException(string where, Directive directive) : Exception($"mishap {where}, {directive}")
{
    public Directive Directive { get; } = directive;
}

/// <summary>Storage throws it on purpose.</summary>
internal sealed class ChaosException(string what) : Exception(what);
