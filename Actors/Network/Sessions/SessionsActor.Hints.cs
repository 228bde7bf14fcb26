using Mesh.Protocol;
using Mesh.Protocol.Control;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Actors.Sessions;

sealed partial class SessionsActor
{
    // Some 40 KiB.
    const int HintsPerLine = 64;

    // Where nodes are and whether they are here, as last signed: what somebody who comes later is told.
    readonly Dictionary<NodeId, (DsseEnvelope Envelope, WallTime Expires)> _endpoints = [];
    readonly Dictionary<NodeId, (DsseEnvelope Envelope, WallTime Issued, WallTime Expires)> _presences = [];
    // Attached to any controller, as far as this one knows.
    readonly HashSet<NodeId> _online = [];

    void On(NodeMoved moved)
    {
        if (Current(moved.Handle) is not { IsReady: true })
            return;
        _endpoints[moved.Handle.Node] = (moved.Envelope, moved.Hint.Expires);
        TellPeers(moved.Handle.Node, moved.Envelope);
        TellMoved(moved.Handle.Node, moved.Envelope, moved.Hint.Issued);
    }

    void GoOnline(NodeId node, Attachment attachment)
    {
        Arrive(node);
        _services.Presence.Update(node, presence => presence with { Online = true });
        if (_online.Add(node))
            TellPeers(node, SignPresence(node, true));
        Introduce(attachment, [.. _view.PeersOf(node).Keys]);
    }

    void GoOffline(NodeId node)
    {
        _services.Presence.Update(node, presence => presence with { Online = false });
        if (_online.Remove(node) && !_isClosing && _view.Nodes.GetValueOrDefault(node) is { IsPresent: true })
            TellPeers(node, SignPresence(node, false));
    }

    void RenewPresence()
    {
        var now = Clock.Now;
        foreach (var node in _online.Where(node => _view.Nodes.GetValueOrDefault(node) is { IsPresent: true }).ToList())
        {
            if (!_presences.TryGetValue(node, out var known) || now - known.Issued > _services.Options.PresenceValidFor / 2)
                TellPeers(node, SignPresence(node, true));
        }
    }

    // Tells a node what is known of peers, in few lines. Both directions in one pass: each of two nodes that meet gets the other's hints
    // through its own delta.
    void Introduce(Attachment attachment, IReadOnlyCollection<NodeId> peers)
    {
        if (attachment.IsBehind)
        {
            attachment.MissedHints.UnionWith(peers);
            return;
        }
        var now = Clock.Now;
        var hints = new List<DsseEnvelope>();
        var missed = new List<NodeId>();
        foreach (var peer in peers)
        {
            missed.Add(peer);
            if (_presences.TryGetValue(peer, out var presence) && presence.Expires > now)
                hints.Add(presence.Envelope);
            if (_endpoints.TryGetValue(peer, out var endpoints) && endpoints.Expires > now)
                hints.Add(endpoints.Envelope);
            if (hints.Count >= HintsPerLine)
                Flush();
        }
        Flush();

        void Flush()
        {
            if (hints.Count > 0 && !TrySend(attachment, new DownFrame(Hints: [.. hints])))
                attachment.MissedHints.UnionWith(missed);
            hints.Clear();
            missed.Clear();
        }
    }

    void Forget(NodeId node)
    {
        _endpoints.Remove(node);
        _presences.Remove(node);
        _hintIssued.Remove(node);
    }

    void TellPeers(NodeId node, DsseEnvelope hint)
    {
        var frame = new DownFrame(Hint: hint);
        foreach (var peer in _view.PeersOf(node).Keys)
        {
            if (_attachments.TryGetValue(peer, out var attachment) && attachment.IsReady && !TrySend(attachment, frame))
                attachment.MissedHints.Add(node);
        }
    }

    DsseEnvelope SignPresence(NodeId node, bool online)
    {
        var now = Clock.Now;
        var hint = new PresenceHint(
            _view.Network!.Id, node, online, _services.Presence.Get(node).LastSeen ?? now, now, now + _services.Options.PresenceValidFor);
        var envelope = _services.Signer.Sign(PayloadTypes.PresenceHint, ProtocolJson.Encode(hint, ProtocolJson.Default.PresenceHint));
        _presences[node] = (envelope, hint.Issued, hint.Expires);
        return envelope;
    }
}
