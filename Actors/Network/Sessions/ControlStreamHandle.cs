using Mesh.Protocol.Control;

namespace Mesh.Actors.Sessions;

/// <summary>Is the way up of one open control stream. Safe for concurrent use; frames keep the order of the calls.</summary>
public sealed class ControlStreamHandle
{
    /// <summary>Hands over a line that the node sent; the first must carry an <see cref="AttachFrame"/>.</summary>
    public void Post(UpFrame frame) => throw new NotImplementedException();

    /// <summary>Says that the stream is over, whoever ended it.</summary>
    public void Closed() => throw new NotImplementedException();
}
