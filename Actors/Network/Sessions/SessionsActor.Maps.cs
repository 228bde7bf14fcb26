using System.Collections.Immutable;
using Mesh.Actors.Enrollment;
using Mesh.Actors.Projection;
using Mesh.Actors.Registry;
using Mesh.Protocol.Control;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;

namespace Mesh.Actors.Sessions;

sealed partial class SessionsActor
{
    static readonly TimeSpan FullAtMostEvery = TimeSpan.FromSeconds(10);

    readonly RecentBodies _lastBodies = new();

    // What the bodies of present nodes hash to, where that was computed and no commit has changed it since: a node that comes back
    // with just that costs no body.
    readonly Dictionary<NodeId, Digest256> _hashes = [];

    void On(NodeAttached attached)
    {
        if (Current(attached.Handle) is not { } attachment)
            return;
        if (IsAhead(attached))
            return;
        var (node, frame) = (attached.Handle.Node, attached.Frame);
        if (_view.Nodes.GetValueOrDefault(node) is not { IsPresent: true })
        {
            Remove(node, attachment);
            return;
        }
        attachment.IsReady = true;
        Send([Settle(attachment, frame.Epoch == _services.Signer.Epoch ? frame.BodyHash : null)]);
        GoOnline(node, attachment);
        RecordAnnounced(node, frame.Suites ?? []);
        RecordKey(_view.Nodes[node], frame.TunnelKey);
    }

    // The least that leads a node from the body that it has, if any, to the one that it should have.
    Share Settle(Attachment attachment, Digest256? known)
    {
        var node = attachment.Handle.Node;
        if (known is { } same && _hashes.TryGetValue(node, out var current) && current == same)
            return Renewal(attachment, attachment.Body?.Hash == same ? attachment.Body : null, same);
        var body = BodyOf(node);
        if (known == body.Hash)
            return Renewal(attachment, body, body.Hash);
        var last = attachment.Body is { } sent && sent.Hash == known ? sent : _lastBodies.Find(node);
        return last is not null && last.Hash == known && body.EncodeDelta(last, out var set) is { } delta
            ? new Share(attachment, delta, body, body.Hash) { Introduced = set }
            : new Share(attachment, body.EncodeFull(), body, body.Hash) { IsFull = true };
    }

    static Share Renewal(Attachment attachment, EncodedBody? body, Digest256 hash) =>
        new(attachment, MapCommit.Encode(new MapLeaf(attachment.Handle.Node, Renewal: new MapRenewal(hash))), body, hash);

    // Of a present node.
    EncodedBody BodyOf(NodeId node)
    {
        var body = _view.EncodedBodyFor(node)!;
        _hashes[node] = body.Hash;
        return body;
    }

    // What this version does not know is left out: it would say nothing to a node, and anybody's text would stay in the journal for ever.
    void RecordAnnounced(NodeId node, IReadOnlyList<string> announced)
    {
        string[] suites = [.. announced.Where(name => CipherSuites.TryParseAnnounced(name, out _)).Distinct().Order(StringComparer.Ordinal)];
        if (!suites.SequenceEqual(_view.Nodes[node].Suites ?? [], StringComparer.Ordinal))
            _services.Nodes.Tell(new EntityRequest(node.ToString(), new AnnounceSuites(Cause.Of($"node:{node}", _services.Entropy), node, suites)));
    }

    // A node that rotated its key after the backup was taken that this journal was restored from: it has the former one no more.
    void RecordKey(NodeView node, TunnelPublicKey? announced)
    {
        if (announced is { } key && key != node.Node.TunnelKey && !key.Value.IsZero && !node.IsExpired)
            _services.Singletons.Tell(new EntityRequest("allocations", new RotateAllocation(
                Cause.Of($"node:{node.Id}", _services.Entropy), node.Id, node.Node.SigningKey, node.Node.TunnelKey, key)));
    }

    void On(ViewCommitted committed)
    {
        var before = _view;
        _view = committed.View;
        var now = Clock.Now;
        var removed = committed.Removals.Keys.Where(node => _view.Nodes.GetValueOrDefault(node) is not { IsPresent: true }).ToList();
        foreach (var node in removed)
            Track(node, committed.Removals[node], now);

        var shares = new List<Share>();
        foreach (var node in WhomToTell(committed))
        {
            _hashes.Remove(node);
            if (!_attachments.TryGetValue(node, out var attachment) || !attachment.IsReady)
                continue;
            if (_view.Nodes.GetValueOrDefault(node) is not { IsPresent: true })
                Remove(node, attachment);
            else if (attachment.IsBehind)
                attachment.MissedMap = true;
            else if (Change(attachment, before) is { } share)
                shares.Add(share);
        }
        Send(shares);
        OnWithdrawals(committed.Before);
        foreach (var share in shares)
            Introduce(share.Attachment, [.. share.Introduced.Select(peer => peer.Entry.Id)]);
        LetIn();
        foreach (var node in removed)
            Forget(node);
        TakeEarly();
        CompleteCuts();
    }

    // While a long journal is read back nobody is here yet, and whom its changes concern need not be computed.
    IEnumerable<NodeId> WhomToTell(ViewCommitted committed) => _attachments.Count == 0 && _hashes.Count == 0 ? [] : committed.Affected();

    // What a commit changes for an attached node; null where the changes of several events cancel each other out.
    Share? Change(Attachment attachment, NetworkView before)
    {
        var body = BodyOf(attachment.Handle.Node);
        if (body.Hash == attachment.BodyHash)
            return null;
        // One that attached with what it should have never had its body computed; it is what the last view says.
        var sent = attachment.Body ?? before.EncodedBodyFor(attachment.Handle.Node);
        return sent?.Hash == attachment.BodyHash && body.EncodeDelta(sent, out var set) is { } delta
            ? new Share(attachment, delta, body, body.Hash) { Introduced = set }
            : new Share(attachment, body.EncodeFull(), body, body.Hash) { IsFull = true };
    }

    // One signature for all of them; each gets its own part. What a stream does not take was not sent: its node is settled later.
    void Send(IReadOnlyList<Share> shares)
    {
        if (shares.Count == 0 || _view.Network is not { } network)
            return;
        var now = Clock.Now;
        var (frames, validUntil) = MapCommit.Sign(
            [.. shares.Select(share => share.Leaf)], network.Id, _view.Revision, _view.Audit, _services.Signer, now, _services.Options);
        for (var i = 0; i < frames.Count; i++)
        {
            var (attachment, _, body, hash) = shares[i];
            if (!attachment.Stream.TrySend(new DownFrame(Map: frames[i])))
            {
                FallBehind(attachment);
                attachment.MissedMap = true;
                continue;
            }
            (attachment.Body, attachment.BodyHash, attachment.Revision, attachment.LastMap) = (body, hash, _view.Revision, now);
            if (shares[i].IsFull)
                attachment.LastFull = now;
            _services.Presence.Update(attachment.Handle.Node, presence => presence with { ValidUntil = validUntil });
        }
    }

    void Remove(NodeId node, Attachment attachment)
    {
        // What is not there any more was deleted.
        var reason = _view.Nodes.GetValueOrDefault(node)?.Removed ?? Removal.Deleted;
        attachment.IsReady = false;
        if (_view.Network is { } network)
        {
            var (frames, _) = MapCommit.Sign(
                [MapCommit.Encode(new MapLeaf(node, Removal: new MapRemoval(reason)))], network.Id, _view.Revision, _view.Audit, _services.Signer,
                Clock.Now, _services.Options);
            attachment.Stream.TrySend(new DownFrame(Map: frames[0]));
        }
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
        OnTaken(node, attachment, frame.Revision);
        TellAcknowledged(node, frame.Revision);
    }

    void On(NodeRefused refused)
    {
        if (Current(refused.Handle) is { IsReady: true } attachment)
            SendFull(refused.Handle.Node, attachment);
    }

    void SendFull(NodeId node, Attachment attachment)
    {
        // Where even a full map is refused, sending it again and again helps nobody.
        if (attachment.IsBehind || attachment.LastFull is { } last && Clock.Now - last < FullAtMostEvery)
            return;
        if (_view.Nodes.GetValueOrDefault(node) is not { IsPresent: true })
            return;
        var body = BodyOf(node);
        Send([new Share(attachment, body.EncodeFull(), body, body.Hash) { IsFull = true }]);
    }

    // Each node is renewed an hour after its last map, not all of them at one moment.
    void Renew()
    {
        var due = Clock.Now - _services.Options.RenewalInterval;
        Send([
            .. _attachments.Values
                .Where(one => one is { IsReady: true, IsBehind: false } && one.LastMap <= due)
                .Select(one => Renewal(one, one.Body, one.BodyHash)),
        ]);
        RenewPresence();
    }

    void On(SignFullMap sign)
    {
        if (_view.Network is not { } network || _view.Nodes.GetValueOrDefault(sign.Node) is not { IsPresent: true })
        {
            Sender.Tell(new Refusal(RefusalKind.Denied, Mesh.Protocol.Enrollment.RefusalCodes.NodeRevoked, "this machine was taken out of the network"));
            return;
        }
        var body = BodyOf(sign.Node);
        var (frames, validUntil) = MapCommit.Sign(
            [body.EncodeFull()], network.Id, _view.Revision, _view.Audit, _services.Signer, Clock.Now, _services.Options);
        _services.Presence.Update(sign.Node, presence => presence with { ValidUntil = validUntil });
        _lastBodies.Add(sign.Node, body);
        Sender.Tell(frames[0]);
    }

    /// <summary>Is what one node gets of a commit.</summary>
    /// <param name="Attachment">The node.</param>
    /// <param name="Leaf">The bytes of its <see cref="MapLeaf"/>.</param>
    /// <param name="Body">The body that it has afterwards; null where nobody needed to compute it.</param>
    /// <param name="Hash">That body's hash.</param>
    sealed record Share(Attachment Attachment, byte[] Leaf, EncodedBody? Body, Digest256 Hash)
    {
        /// <summary>Gets whether the leaf brings the whole body.</summary>
        public bool IsFull { get; init; }

        /// <summary>Gets the peers that are new or different.</summary>
        public ImmutableArray<EncodedPeer> Introduced { get; init; } = [];
    }

    /// <summary>Keeps the bodies that nodes had last, so that a short absence costs a delta and not a whole map. Bounded.</summary>
    sealed class RecentBodies
    {
        const int Maximum = 512;

        readonly Dictionary<NodeId, EncodedBody> _bodies = [];
        readonly Queue<NodeId> _order = new();

        public EncodedBody? Find(NodeId node) => _bodies.GetValueOrDefault(node);

        public void Add(NodeId node, EncodedBody body)
        {
            if (!_bodies.ContainsKey(node))
                _order.Enqueue(node);
            _bodies[node] = body;
            if (_order.Count > Maximum)
                _bodies.Remove(_order.Dequeue());
        }
    }
}
