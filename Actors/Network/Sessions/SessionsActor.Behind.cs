using Mesh.Protocol.Control;

namespace Mesh.Actors.Sessions;

// Nodes that read more slowly than they are written to. Such a node costs what its stream holds and a set of its peers, however much
// changes meanwhile, and nobody waits for it; once it has read that, one part leads it to where it should be.
sealed partial class SessionsActor
{
    bool TrySend(Attachment attachment, DownFrame frame)
    {
        if (attachment.IsBehind)
            return false;
        if (attachment.Stream.TrySend(frame))
            return true;
        FallBehind(attachment);
        return false;
    }

    void FallBehind(Attachment attachment)
    {
        if (!attachment.IsBehind)
            _log.Debug("node {0} reads slowly: what changes waits until it has read", attachment.Handle.Node);
        attachment.IsBehind = true;
    }

    void CatchUp(Attachment attachment)
    {
        attachment.IsBehind = false;
        if (attachment.MissedMap)
        {
            attachment.MissedMap = false;
            // The node will have taken in all that its stream took: what it then has is what it goes on from.
            var share = Settle(attachment, attachment.Revision == 0 ? null : attachment.BodyHash);
            Send([share]);
        }
        var peers = _view.PeersOf(attachment.Handle.Node);
        var missed = attachment.MissedHints.Where(peers.ContainsKey).ToList();
        attachment.MissedHints.Clear();
        Introduce(attachment, missed);
    }
}
