using Mesh.Actors.Projection;
using Mesh.Actors.Registry;
using Mesh.Protocol.Control;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Sessions;

sealed partial class SessionsActor
{
    static readonly TimeSpan FullAtMostEvery = TimeSpan.FromSeconds(10);

    readonly RecentBodies _lastBodies = new();

    void On(NodeAttached attached)
    {
        if (Current(attached.Handle) is not { } attachment)
            return;
        if (IsAhead(attached))
            return;
        var (node, frame) = (attached.Handle.Node, attached.Frame);
        if (_view.BodyFor(node) is not { } body)
        {
            Remove(node, attachment);
            return;
        }
        var hash = MapChange.Hash(body);
        var leaf = new MapLeaf(node, Full: body);
        if (frame.Epoch == _services.Signer.Epoch && frame.BodyHash is { } known)
        {
            if (known == hash)
                leaf = new MapLeaf(node, Renewal: new MapRenewal(hash));
            else if (_lastBodies.Find(node) is { } last && MapChange.Hash(last) == known && MapChange.Between(last, body) is { } delta)
                leaf = new MapLeaf(node, Delta: delta);
        }
        attachment.IsReady = true;
        Send([(attachment, leaf, body, hash)]);
        GoOnline(node, attachment);
        RecordAnnounced(node, frame.Suites ?? []);
    }

    // What this version does not know is left out: it would say nothing to a node, and anybody's text would stay in the journal for ever.
    void RecordAnnounced(NodeId node, IReadOnlyList<string> announced)
    {
        string[] suites = [.. announced.Where(name => CipherSuites.TryParseAnnounced(name, out _)).Distinct().Order(StringComparer.Ordinal)];
        if (!suites.SequenceEqual(_view.Nodes[node].Suites ?? [], StringComparer.Ordinal))
            _services.Nodes.Tell(new EntityRequest(node.ToString(), new AnnounceSuites(Cause.Of($"node:{node}", _services.Entropy), node, suites)));
    }

    void On(ViewCommitted committed)
    {
        _view = committed.View;
        var now = Clock.Now;
        var removed = committed.Affected.Where(node => _view.Nodes[node].Removed is not null && committed.Before.Nodes.GetValueOrDefault(node) is { IsPresent: true }).ToList();
        foreach (var node in removed)
            Track(committed.Before, node, now);

        var changes = new List<(Attachment, MapLeaf, MapBody?, Digest256)>();
        var introduced = new List<(Attachment, MapDelta)>();
        foreach (var node in committed.Affected)
        {
            if (!_attachments.TryGetValue(node, out var attachment) || !attachment.IsReady)
                continue;
            if (_view.BodyFor(node) is not { } body)
            {
                Remove(node, attachment);
                continue;
            }
            if (attachment.Body is not { } before)
                changes.Add((attachment, new MapLeaf(node, Full: body), body, MapChange.Hash(body)));
            else if (MapChange.Between(before, body) is { } delta)
            {
                changes.Add((attachment, new MapLeaf(node, Delta: delta), body, delta.ResultHash));
                introduced.Add((attachment, delta));
            }
        }
        Send(changes);
        CloseWithdrawn(committed.Before);
        foreach (var (attachment, delta) in introduced)
            Introduce(attachment, delta.Set ?? []);
        LetIn();
        foreach (var node in removed)
            Forget(node);
        CompleteCuts();
    }

    // One signature for all of them; each gets its own part.
    void Send(IReadOnlyList<(Attachment Attachment, MapLeaf Leaf, MapBody? Body, Digest256 Hash)> changes)
    {
        if (changes.Count == 0 || _view.Network is not { } network)
            return;
        var now = Clock.Now;
        var (frames, validUntil) = MapCommit.Sign(
            [.. changes.Select(change => change.Leaf)], network.Id, _view.Revision, _services.Signer, now, _services.Options);
        for (var i = 0; i < frames.Count; i++)
        {
            var (attachment, leaf, body, hash) = changes[i];
            (attachment.Body, attachment.BodyHash, attachment.Revision) = (body, hash, _view.Revision);
            if (leaf.Full is not null)
                attachment.LastFull = now;
            if (body is not null)
                _services.Presence.Update(leaf.Node, presence => presence with { ValidUntil = validUntil });
            attachment.Session.Tell(new SendDown(new DownFrame(Map: frames[i])));
        }
    }

    void Remove(NodeId node, Attachment attachment)
    {
        var reason = _view.Nodes.GetValueOrDefault(node)?.Removed ?? "unknown";
        attachment.IsReady = false;
        Send([(attachment, new MapLeaf(node, Removal: new MapRemoval(reason)), null, default)]);
        attachment.Session.Tell(new EndStream(reason));
    }

    void On(NodeAcknowledged acknowledged)
    {
        if (Current(acknowledged.Handle) is not { IsReady: true } attachment || acknowledged.Frame.Epoch != _services.Signer.Epoch)
            return;
        var (node, frame) = (acknowledged.Handle.Node, acknowledged.Frame);
        if (frame.Revision > attachment.Revision)
            return;
        if (frame.Revision == attachment.Revision && frame.BodyHash != attachment.BodyHash)
        {
            SendFull(node, attachment);
            return;
        }
        _services.Presence.Update(node, presence => presence with { Revision = Math.Max(presence.Revision, frame.Revision) });
        Acknowledge(node, frame.Revision);
    }

    void On(NodeRefused refused)
    {
        if (Current(refused.Handle) is { IsReady: true } attachment)
            SendFull(refused.Handle.Node, attachment);
    }

    void SendFull(NodeId node, Attachment attachment)
    {
        // Where even a full map is refused, sending it again and again helps nobody.
        if (attachment.LastFull is { } last && Clock.Now - last < FullAtMostEvery)
            return;
        if (_view.BodyFor(node) is { } body)
            Send([(attachment, new MapLeaf(node, Full: body), body, MapChange.Hash(body))]);
    }

    void Renew()
    {
        Send([
            .. _attachments
                .Where(pair => pair.Value is { IsReady: true, Body: not null })
                .Select(pair => (pair.Value, new MapLeaf(pair.Key, Renewal: new MapRenewal(pair.Value.BodyHash)), pair.Value.Body, pair.Value.BodyHash)),
        ]);
        RenewPresence();
    }

    void On(SignFullMap sign)
    {
        if (_view.Network is not { } network || _view.BodyFor(sign.Node) is not { } body)
        {
            Sender.Tell(new Refusal(RefusalKind.Denied, Mesh.Protocol.Enrollment.RefusalCodes.NodeRevoked, "this machine was taken out of the network"));
            return;
        }
        var (frames, validUntil) = MapCommit.Sign(
            [new MapLeaf(sign.Node, Full: body)], network.Id, _view.Revision, _services.Signer, Clock.Now, _services.Options);
        _services.Presence.Update(sign.Node, presence => presence with { ValidUntil = validUntil });
        _lastBodies.Add(sign.Node, body);
        Sender.Tell(frames[0]);
    }

    /// <summary>Keeps the bodies that nodes had last, so that a short absence costs a delta and not a whole map. Bounded.</summary>
    sealed class RecentBodies
    {
        const int Maximum = 512;

        readonly Dictionary<NodeId, MapBody> _bodies = [];
        readonly Queue<NodeId> _order = new();

        public MapBody? Find(NodeId node) => _bodies.GetValueOrDefault(node);

        public void Add(NodeId node, MapBody body)
        {
            if (!_bodies.ContainsKey(node))
                _order.Enqueue(node);
            _bodies[node] = body;
            if (_order.Count > Maximum)
                _bodies.Remove(_order.Dequeue());
        }
    }
}
