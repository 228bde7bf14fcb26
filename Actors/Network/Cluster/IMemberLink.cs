namespace Mesh.Actors.Cluster;

/// <summary>
/// Is the way to one other controller over an open link. Calls never block and never throw; the frames go out in the order of the calls.
/// Used by one actor at a time.
/// </summary>
public interface IMemberLink
{
    /// <summary>Queues a frame; false where the bounded queue is full or the link is over, and then the frame is not sent.</summary>
    bool TrySend(MemberFrame frame);

    /// <summary>Ends the link; further calls do nothing.</summary>
    void Close(string reason);
}
