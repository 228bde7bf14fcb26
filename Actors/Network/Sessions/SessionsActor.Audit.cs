using Mesh.Actors.Audit;
using Mesh.Protocol.Control;

namespace Mesh.Actors.Sessions;

// What a node has seen of the history is compared whatever becomes of its attach: where it has seen more than this controller, above all.
sealed partial class SessionsActor
{
    void ShowHead(NodeAttached attached)
    {
        if (attached.Frame is { Audit: { } held } frame && frame.Epoch == _services.Signer.Epoch
            && _view.Nodes.GetValueOrDefault(attached.Handle.Node) is { } node)
            _services.Audit.Tell(new CompareHead(attached.Handle, node.Name, held));
    }

    void On(HeadCompared compared)
    {
        if (Current(compared.Handle) is { } attachment)
            TrySend(attachment, new DownFrame(Audit: compared.Answer));
    }
}
