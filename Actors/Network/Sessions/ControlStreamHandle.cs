using Mesh.Protocol.Control;
using Mesh.Protocol.Identity;

namespace Mesh.Actors.Sessions;

/// <summary>Is the way up of one open control stream. Safe for concurrent use; frames keep the order of the calls.</summary>
public sealed class ControlStreamHandle
{
    /// <summary>How many lines may wait to be dealt with.</summary>
    public const int MaximumWaiting = 256;

    readonly IActorRef _sessions;
    int _waiting;

    internal ControlStreamHandle(NodeId node, long number, IActorRef sessions, ControllerId? issuer = null, StreamOrigin? origin = null)
    {
        Origin = origin;
        Node = node;
        Issuer = issuer;
        Number = number;
        _sessions = sessions;
    }

    /// <summary>Gets the node whose stream it is.</summary>
    public NodeId Node { get; }

    internal long Number { get; }

    // Whose certificate the node was authenticated with; null: that is not known.
    internal ControllerId? Issuer { get; }

    // Where it comes from; null: that is not known.
    internal StreamOrigin? Origin { get; }

    /// <summary>
    /// Hands over a line that the node sent; the first must carry an <see cref="AttachFrame"/>. False where the node sends faster than
    /// its lines are dealt with: the caller then ends the stream.
    /// </summary>
    public bool Post(UpFrame frame)
    {
        if (Interlocked.Increment(ref _waiting) > MaximumWaiting)
        {
            Interlocked.Decrement(ref _waiting);
            return false;
        }
        _sessions.Tell(new StreamReceived(this, frame), ActorRefs.NoSender);
        return true;
    }

    /// <summary>Says that a stream which did not take a frame, because its node had not read enough, has room again.</summary>
    public void Drained() => _sessions.Tell(new StreamDrained(this), ActorRefs.NoSender);

    /// <summary>Says that the stream is over, whoever ended it.</summary>
    public void Closed() => _sessions.Tell(new StreamEnded(this), ActorRefs.NoSender);

    internal void DealtWith() => Interlocked.Decrement(ref _waiting);
}

/// <summary>Says where a control stream comes from.</summary>
/// <param name="Instance">The text that the node's program drew at its start; not of this controller's making, so never shown.</param>
/// <param name="Address">The address that it came from.</param>
public sealed record StreamOrigin(string Instance, string Address);
