using Mesh.Actors.Events;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Registry;

/// <summary>Is what a command leads to: the events to write, all or none, and the answer once they are written.</summary>
/// <param name="Events">The events; empty where nothing changes.</param>
/// <param name="Reply">The answer: <see cref="Accepted"/>, a <see cref="Refusal"/>, or what the command's own documentation says.</param>
public sealed record Decision(IReadOnlyList<INetworkEvent> Events, object Reply)
{
    /// <summary>Changes nothing.</summary>
    public static Decision Answer(object reply) => new([], reply);

    /// <summary>Writes one event and says done.</summary>
    public static Decision Write(INetworkEvent happened) => new([happened], Accepted.Instance);
}

/// <summary>Says that a command is carried out, by this delivery of it or an earlier one.</summary>
public sealed record Accepted
{
    /// <summary>Gets the only value.</summary>
    public static Accepted Instance { get; } = new();

    Accepted() { }
}

/// <summary>Is something to be decided by one entity.</summary>
public interface IEntityCommand
{
    /// <summary>Gets who wants it, and its id.</summary>
    Cause Cause { get; }
}

/// <summary>Is the state of an entity: a pure fold of its events, and the rules by which commands lead to events. Immutable.</summary>
public interface IEntityState<TSelf> where TSelf : IEntityState<TSelf>
{
    /// <summary>Decides a command at a moment; nothing is changed. The same command decided again, after its events were applied,
    /// gives the same answer and no event.</summary>
    Decision Decide(IEntityCommand command, WallTime now);

    /// <summary>Takes an event in; events of other entities are ignored.</summary>
    TSelf Apply(INetworkEvent happened);
}
