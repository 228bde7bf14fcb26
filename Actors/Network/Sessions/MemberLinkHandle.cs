using Mesh.Actors.Cluster;
using Mesh.Protocol.Identity;

namespace Mesh.Actors.Sessions;

/// <summary>Is the way in of one open link to another controller. Safe for concurrent use; frames keep the order of the calls.</summary>
public sealed class MemberLinkHandle
{
    /// <summary>How many lines may wait to be dealt with: the state of a hundred thousand nodes.</summary>
    public const int MaximumWaiting = 1024;

    readonly IActorRef _sessions;
    int _waiting;

    internal MemberLinkHandle(ControllerId member, IMemberLink link, IActorRef sessions) => (Member, Link, _sessions) = (member, link, sessions);

    /// <summary>Gets the controller at the other end.</summary>
    public ControllerId Member { get; }

    internal IMemberLink Link { get; }

    /// <summary>
    /// Hands over a line of the other controller; false where it sends faster than its lines are dealt with: the caller then ends the link.
    /// </summary>
    public bool Post(MemberFrame frame)
    {
        if (Interlocked.Increment(ref _waiting) > MaximumWaiting)
        {
            Interlocked.Decrement(ref _waiting);
            return false;
        }
        _sessions.Tell(new LinkReceived(this, frame), ActorRefs.NoSender);
        return true;
    }

    /// <summary>Says that the link is over, whoever ended it.</summary>
    public void Closed() => _sessions.Tell(new LinkEnded(this), ActorRefs.NoSender);

    internal void DealtWith() => Interlocked.Decrement(ref _waiting);
}

/// <summary>Brings a link to another controller.</summary>
sealed record LinkOpened(MemberLinkHandle Handle);

/// <summary>Brings a line of another controller.</summary>
sealed record LinkReceived(MemberLinkHandle Handle, MemberFrame Frame);

/// <summary>Says that a link is over.</summary>
sealed record LinkEnded(MemberLinkHandle Handle);

/// <summary>Brings a new view of the controllers.</summary>
sealed record ClusterSeen(ClusterView View);

/// <summary>Waits until every other controller that is up has said which nodes it has, at most for a time; answered by <see cref="Registry.Accepted"/>.</summary>
sealed record AwaitLinks(TimeSpan AtMost);
