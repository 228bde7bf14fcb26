using System.Diagnostics;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Tests.E2E.Chaos;

/// <summary>Is one stream of a node: to whom, from when, and until when.</summary>
sealed class StreamLife(string controller, WallTime from)
{
    /// <summary>Gets the controller's address.</summary>
    public string Controller => controller;

    /// <summary>Gets when it was let in.</summary>
    public WallTime From => from;

    /// <summary>Gets or sets when it was over; null while it is open.</summary>
    public WallTime? To { get; set; }
}

/// <summary>Is a blow at the streams of some nodes; how long each took to be back is noted.</summary>
/// <param name="kind">The kind of fault.</param>
/// <param name="fromTheBlow">Whether the time counts from the blow, since from then on the stream is dead; else from when the node lost it.</param>
sealed class Blow(string kind, bool fromTheBlow)
{
    readonly Dictionary<NodeId, long?> _since = [];

    /// <summary>Gets the kind of fault.</summary>
    public string Kind => kind;

    /// <summary>Gets how many were hit.</summary>
    public int Hit { get; private set; }

    /// <summary>Gets how many kept their streams all the while.</summary>
    public int Kept { get; private set; }

    /// <summary>Gets how long each that lost its stream took to have one again.</summary>
    public List<(TimeSpan Took, string Node)> Back { get; } = [];

    /// <summary>Gets who is neither back nor known to have kept its stream.</summary>
    public IReadOnlyCollection<NodeId> Waiting => _since.Keys;

    /// <summary>Notes a node that is hit.</summary>
    public void Strike(NodeId node)
    {
        Hit++;
        _since[node] = fromTheBlow ? Stopwatch.GetTimestamp() : null;
    }

    /// <summary>Notes that a node lost its stream; false where this blow did not hit it.</summary>
    public bool Lost(NodeId node, long ticks)
    {
        if (!_since.TryGetValue(node, out var since))
            return false;
        _since[node] = since ?? ticks;
        return true;
    }

    /// <summary>Notes that a node has a stream again.</summary>
    public void Attached(NodeId node, long ticks, string name)
    {
        if (_since.Remove(node, out var since) && since is { } from)
            Back.Add((Stopwatch.GetElapsedTime(from, ticks), name));
    }

    /// <summary>Takes out who leaves by intent.</summary>
    public void Forget(NodeId node) => _since.Remove(node);

    /// <summary>Ends the waiting for those whose stream is open still: they never lost it.</summary>
    public void Settle(Func<NodeId, bool> isAttached)
    {
        foreach (var node in _since.Keys.Where(isAttached).ToList())
        {
            _since.Remove(node);
            Kept++;
        }
    }
}
