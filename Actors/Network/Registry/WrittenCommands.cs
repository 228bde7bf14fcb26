using System.Collections.Immutable;

namespace Mesh.Actors.Registry;

/// <summary>
/// Remembers which commands an entity's newest events were caused by. A command whose write had an unknown outcome is decided again, and
/// other events may have come in between: what it wrote is not written a second time over them. Immutable.
/// </summary>
public sealed record WrittenCommands
{
    // A command is decided again within its time of seconds: far fewer events of one entity are written in that.
    const int Most = 256;

    ImmutableQueue<string> _order = [];
    ImmutableHashSet<string> _ids = ImmutableHashSet.Create<string>(StringComparer.Ordinal);

    WrittenCommands() { }

    /// <summary>Gets that of an entity without events.</summary>
    public static WrittenCommands None { get; } = new();

    /// <summary>Tells whether a command wrote one of the newest events.</summary>
    public bool Contain(Cause cause) => _ids.Contains(cause.CommandId);

    /// <summary>Takes in the command of the next event.</summary>
    public WrittenCommands With(string commandId)
    {
        if (_ids.Contains(commandId))
            return this;
        var (order, ids) = (_order, _ids);
        if (ids.Count == Most)
        {
            order = order.Dequeue(out var oldest);
            ids = ids.Remove(oldest);
        }
        return new() { _order = order.Enqueue(commandId), _ids = ids.Add(commandId) };
    }
}
