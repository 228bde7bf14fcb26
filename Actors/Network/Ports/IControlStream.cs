using Mesh.Protocol.Control;

namespace Mesh.Actors.Ports;

/// <summary>
/// Is the way down to one node over its open control stream. Calls never block and never throw; the frames go out in the order of
/// the calls. Safe for concurrent use.
/// </summary>
public interface IControlStream
{
    /// <summary>
    /// Queues a frame; false where the bounded queue is full or the stream is over, and then the frame is not sent. An empty queue
    /// takes a frame of any size. Whoever was told false by a full queue is told by <see cref="Sessions.ControlStreamHandle.Drained"/>
    /// when it has room again.
    /// </summary>
    bool TrySend(DownFrame frame);

    /// <summary>
    /// Ends the stream: what is queued goes out, then a <see cref="DownFrame.Close"/> with the reason, then the end. Further calls
    /// do nothing.
    /// </summary>
    void Close(string reason);
}
