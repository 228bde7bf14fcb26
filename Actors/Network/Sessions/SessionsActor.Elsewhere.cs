using Mesh.Actors.Cluster;
using Mesh.Actors.Ports;
using Mesh.Actors.Registry;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Actors.Sessions;

/// <summary>What this controller tells the others of its nodes, and what it makes of what they tell.</summary>
sealed partial class SessionsActor
{
    // Between a change and telling it: an acknowledgement of many is one line, and nobody waits that long for one.
    static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(20);

    const int MaximumEarly = 4096;
    const int StoredAtOnce = 500;

    readonly Whereabouts _where = new();
    readonly Dictionary<ControllerId, MemberLinkHandle> _links = [];
    readonly Outbox _outbox = new();
    // Who left and was not seen elsewhere yet, in the order in which their time is up.
    readonly Queue<(NodeId Node, long DueAt)> _leaving = new();
    readonly Dictionary<NodeId, long> _leavingUntil = [];
    // When the newest hint of a node was issued that is carried: the same may come from two controllers.
    readonly Dictionary<NodeId, WallTime> _hintIssued = [];
    readonly Dictionary<NodeId, NodeHere> _early = [];
    readonly List<IActorRef> _waitingForLinks = [];
    // Who came or left since the store was told last.
    readonly HashSet<NodeId> _unstored = [];
    ClusterView _cluster = ClusterView.Empty;

    ControllerId ThisController => _services.Signer.Controller;

    // Somebody else may have the node that has just left, or will.
    bool IsAlone => _links.Count == 0
        && !_cluster.Members.Any(member => member.Id != ThisController && member.State is MemberState.Alive or MemberState.Stopping or MemberState.Late);

    void ReceiveElsewhere()
    {
        Receive<LinkOpened>(On);
        Receive<LinkReceived>(On);
        Receive<LinkEnded>(On);
        Receive<ClusterSeen>(On);
        Receive<FlushTick>(_ => Flush());
        Receive<LeaveTick>(_ => LetGo());
        Receive<SeenTick>(_ => TellSeen());
        Receive<StoredAttached>(On);
        Receive<AwaitLinks>(On);
        Receive<LinksOverdue>(overdue => AnswerSettled(asker => ReferenceEquals(asker, overdue.Asker)));
    }

    void StartElsewhere() => Timers.StartPeriodicTimer("seen", new SeenTick(), _services.Options.SeenInterval, _services.Options.SeenInterval);

    // The other ends hear of it at once, and keep what this one said while its row does.
    protected override void PostStop()
    {
        foreach (var link in _links.Values)
            link.Link.Close("stopping");
        _unstored.UnionWith(_where.Here.Keys);
        foreach (var node in _where.Here.Keys.ToList())
            _where.Detach(node);
        StoreNews();
    }

    bool IsAttachedAnywhere(NodeId node) => IsAttached(node) || _where.IsElsewhere(node);

    // From the sessions of this controller.

    void Arrive(NodeId node)
    {
        _where.Attach(node, Clock.Now);
        _services.Attached.Count = _where.Here.Count;
        _leavingUntil.Remove(node);
        _unstored.Add(node);
        _outbox.Here.Add(node);
        FlushSoon();
    }

    void Depart(NodeId node)
    {
        if (_where.Detach(node) is { } since)
        {
            _outbox.Here.Remove(node);
            _outbox.Left[node] = since;
            _unstored.Add(node);
            FlushSoon();
        }
        _services.Attached.Count = _where.Here.Count;
        if (!_online.Contains(node))
            return;
        if (_view.Nodes.GetValueOrDefault(node) is { IsPresent: true })
            Leave(node);
        else
            GoOffline(node);
    }

    void TellAcknowledged(NodeId node, long revision)
    {
        _outbox.Acks[node] = revision;
        FlushSoon();
    }

    void TellMoved(NodeId node, DsseEnvelope envelope, WallTime issued)
    {
        _hintIssued[node] = issued;
        _outbox.Hints[node] = envelope;
        FlushSoon();
    }

    // A node that is nowhere for a moment has most likely only moved, or lost its connection: its peers hear nothing of that.
    void Leave(NodeId node)
    {
        if (_where.IsAnywhere(node) || _leavingUntil.ContainsKey(node))
            return;
        var due = Environment.TickCount64 + (long)_services.Options.MoveGrace.TotalMilliseconds;
        _leavingUntil[node] = due;
        _leaving.Enqueue((node, due));
        if (!Timers.IsTimerActive("leave"))
            Timers.StartSingleTimer("leave", new LeaveTick(), _services.Options.MoveGrace);
    }

    void LetGo()
    {
        var now = Environment.TickCount64;
        while (_leaving.TryPeek(out var next) && next.DueAt <= now)
        {
            _leaving.Dequeue();
            // Back since, and perhaps gone again: then there is a later entry.
            if (!_leavingUntil.TryGetValue(next.Node, out var due) || due != next.DueAt)
                continue;
            _leavingUntil.Remove(next.Node);
            if (!_where.IsAnywhere(next.Node))
                GoOffline(next.Node);
        }
        if (_leaving.TryPeek(out var later))
            Timers.StartSingleTimer("leave", new LeaveTick(), TimeSpan.FromMilliseconds(Math.Max(1, later.DueAt - now)));
        CompleteCuts();
    }

    // From the other controllers.

    void On(LinkOpened opened)
    {
        var handle = opened.Handle;
        if (_links.Remove(handle.Member, out var former))
            former.Link.Close("replaced");
        _links[handle.Member] = handle;
        _where.Begin(handle.Member);
        foreach (var part in _where.Here.Keys.Chunk(MemberFrame.MaximumNodes))
        {
            if (!Send(handle, new MemberFrame(Here: [.. part.Select(Describe)])))
                return;
        }
        Send(handle, new MemberFrame(Whole: true));
    }

    void On(LinkEnded ended)
    {
        // What it said stays until the board says that it is gone: it may only be the link.
        if (_links.TryGetValue(ended.Handle.Member, out var current) && ReferenceEquals(current, ended.Handle))
            _links.Remove(ended.Handle.Member);
        DropWhoIsGone();
    }

    void On(ClusterSeen seen)
    {
        _cluster = seen.View;
        foreach (var member in _cluster.Members)
        {
            if (member.State == MemberState.Withdrawn && _links.Remove(member.Id, out var link))
                link.Link.Close("withdrawn");
        }
        DropWhoIsGone();
        UseStore();
        if (IsSettled)
            AnswerSettled(_ => true);
    }

    // A controller that is up but cannot be reached is told through the store, and heard through it: later, but as well. Who came and left
    // is stored soon in any case, so that it is there when a link breaks; a storm waits for the next batch.
    void UseStore()
    {
        if (_services.LastSeen is not { } store)
            return;
        ControllerId[] unlinked = [.. _cluster.Members.Where(one => one.IsUp && one.Id != ThisController && !_links.ContainsKey(one.Id)).Select(one => one.Id)];
        if (unlinked.Length > 0 || _unstored.Count <= StoredAtOnce)
            StoreNews();
        if (unlinked.Length > 0)
            store.Tell(new ReadAttached(unlinked));
    }

    void StoreNews()
    {
        if (_unstored.Count > 0 && _services.LastSeen is { } store)
            store.Tell(new StoreSeen([.. _unstored.Select(Row)]));
        _unstored.Clear();

        SeenRow Row(NodeId node)
        {
            var presence = _services.Presence.Get(node);
            var isHere = _where.Here.TryGetValue(node, out var since);
            return new SeenRow(
                node, presence.LastSeen ?? Clock.Now, presence.Revision, presence.Os, presence.Version, isHere ? ThisController : null, isHere ? since : null);
        }
    }

    void On(StoredAttached stored)
    {
        foreach (var member in stored.Controllers.Where(member => !_links.ContainsKey(member)))
        {
            _where.Begin(member);
            foreach (var row in stored.Rows.Where(row => row.Controller == member && row.AttachedAt is not null))
                Take(member, new NodeHere(row.Node, row.AttachedAt!.Value, row.SeenAt, row.Revision, row.Os, row.Version));
            foreach (var node in _where.Complete(member))
                Leave(node);
        }
    }

    void DropWhoIsGone()
    {
        foreach (var member in _where.Members.ToList())
        {
            if (_links.ContainsKey(member) || _cluster.Members.Any(one => one.Id == member && one.IsUp))
                continue;
            foreach (var node in _where.Drop(member))
                Leave(node);
        }
    }

    void On(LinkReceived received)
    {
        received.Handle.DealtWith();
        if (!_links.TryGetValue(received.Handle.Member, out var current) || !ReferenceEquals(current, received.Handle))
            return;
        var (member, frame) = (received.Handle.Member, received.Frame);
        foreach (var node in frame.Here ?? [])
            Take(member, node);
        foreach (var left in frame.Left ?? [])
        {
            Hear(left.Node, left.SeenAt);
            if (_where.Take(member, left) && _online.Contains(left.Node))
                Leave(left.Node);
        }
        foreach (var seen in frame.Seen ?? [])
            Hear(seen.Node, seen.At);
        foreach (var ack in frame.Acks ?? [])
            TakeAck(ack.Node, ack.Revision);
        foreach (var hint in frame.Hints ?? [])
            TakeHint(hint);
        if (frame.Whole == true)
        {
            foreach (var node in _where.Complete(member))
                Leave(node);
            if (IsSettled)
                AnswerSettled(_ => true);
        }
    }

    // Every controller that is up has said itself which nodes it has: what the store says may be some seconds old.
    bool IsSettled => _cluster.Members.All(
        member => member.Id == ThisController || !member.IsUp || _links.ContainsKey(member.Id) && _where.IsWhole(member.Id));

    void On(AwaitLinks wait)
    {
        if (IsSettled)
        {
            Sender.Tell(Accepted.Instance);
            return;
        }
        _waitingForLinks.Add(Sender);
        Timers.StartSingleTimer(Sender, new LinksOverdue(Sender), wait.AtMost);
    }

    void AnswerSettled(Func<IActorRef, bool> whom)
    {
        foreach (var asker in _waitingForLinks.Where(whom).ToList())
        {
            _waitingForLinks.Remove(asker);
            asker.Tell(Accepted.Instance);
        }
    }

    void Take(ControllerId member, NodeHere node)
    {
        if (!_where.Take(member, node, _view.Nodes.Count))
            return;
        _leavingUntil.Remove(node.Node);
        // A controller that this node has left since is not asked about its machine.
        var isNewest = !_where.Here.TryGetValue(node.Node, out var here) || here < node.AttachedAt;
        _services.Presence.Update(node.Node, presence => presence with
        {
            Online = true,
            LastSeen = Later(presence.LastSeen, node.SeenAt),
            Os = isNewest ? node.Os ?? presence.Os : presence.Os,
            Version = isNewest ? node.Version ?? presence.Version : presence.Version,
        });
        TakeAck(node.Node, node.Revision);
        if (_view.Nodes.ContainsKey(node.Node))
            Greet(node);
        else if (_early.Count < MaximumEarly)
            _early[node.Node] = node;
    }

    // The other controller may have read the journal further: what it says of a new node waits for its event.
    void TakeEarly()
    {
        foreach (var (id, node) in _early.Where(pair => _view.Nodes.ContainsKey(pair.Key)).ToList())
        {
            _early.Remove(id);
            if (_where.IsAnywhere(id))
                Greet(node);
        }
    }

    void Greet(NodeHere node)
    {
        if (_view.Nodes.GetValueOrDefault(node.Node) is { IsPresent: true } && _online.Add(node.Node))
            TellPeers(node.Node, SignPresence(node.Node, true));
        if (node.Hint is { } hint)
            TakeHint(hint);
    }

    void Hear(NodeId node, WallTime at) =>
        _services.Presence.Update(node, presence => presence with { LastSeen = Later(presence.LastSeen, at) });

    void TakeAck(NodeId node, long revision)
    {
        _services.Presence.Update(node, presence => presence with { Revision = Math.Max(presence.Revision, revision) });
        Acknowledge(node, revision);
    }

    // The other controller has verified it as this one does; it is verified again because it costs little and nobody need be believed.
    void TakeHint(DsseEnvelope envelope)
    {
        if (_view.Network is not { } network || HintRules.NodeOf(envelope) is not { } node || _view.Nodes.GetValueOrDefault(node) is not { IsPresent: true } known
            || HintRules.Check(envelope, network.Id, node, known.Node.SigningKey, _hintIssued.GetValueOrDefault(node), Clock.Now, out var hint) is not null)
            return;
        _hintIssued[node] = hint.Issued;
        _endpoints[node] = (envelope, hint.Expires);
        TellPeers(node, envelope);
    }

    // To the other controllers.

    void FlushSoon()
    {
        if (_links.Count == 0)
            _outbox.Clear();
        else if (!Timers.IsTimerActive("flush"))
            Timers.StartSingleTimer("flush", new FlushTick(), Gather);
    }

    void Flush()
    {
        foreach (var frame in _outbox.Take(Describe, node => _services.Presence.Get(node).LastSeen ?? Clock.Now))
            SendAll(frame);
    }

    void TellSeen()
    {
        _unstored.UnionWith(_where.Here.Keys);
        StoreNews();
        if (_links.Count == 0)
            return;
        foreach (var part in _where.Here.Keys.Chunk(MemberFrame.MaximumNodes * 8))
            SendAll(new MemberFrame(Seen: [.. part.Select(node => new NodeSeen(node, _services.Presence.Get(node).LastSeen ?? Clock.Now))]));
    }

    void SendAll(MemberFrame frame)
    {
        foreach (var link in _links.Values.ToList())
            Send(link, frame);
    }

    // Who does not read gets nothing more; with the next link it is told the whole state.
    bool Send(MemberLinkHandle handle, MemberFrame frame)
    {
        if (handle.Link.TrySend(frame))
            return true;
        handle.Link.Close("overrun");
        _links.Remove(handle.Member);
        return false;
    }

    NodeHere Describe(NodeId node)
    {
        var presence = _services.Presence.Get(node);
        var now = Clock.Now;
        return new NodeHere(
            node, _where.Here[node], presence.LastSeen ?? now, presence.Revision, presence.Os, presence.Version,
            _endpoints.TryGetValue(node, out var hint) && hint.Expires > now ? hint.Envelope : null);
    }

    static WallTime Later(WallTime? one, WallTime other) => one is { } known && known > other ? known : other;

    /// <summary>Gathers what the other controllers are told next; each node once, as it is then.</summary>
    sealed class Outbox
    {
        public HashSet<NodeId> Here { get; } = [];

        public Dictionary<NodeId, WallTime> Left { get; } = [];

        public Dictionary<NodeId, long> Acks { get; } = [];

        public Dictionary<NodeId, DsseEnvelope> Hints { get; } = [];

        public void Clear()
        {
            Here.Clear();
            Left.Clear();
            Acks.Clear();
            Hints.Clear();
        }

        // Who is here is told before who has acknowledged: a node's whole is described as it is now.
        public IReadOnlyList<MemberFrame> Take(Func<NodeId, NodeHere> describe, Func<NodeId, WallTime> seen)
        {
            var frames = new List<MemberFrame>();
            foreach (var part in Left.Chunk(MemberFrame.MaximumNodes))
                frames.Add(new MemberFrame(Left: [.. part.Select(pair => new NodeLeft(pair.Key, pair.Value, seen(pair.Key)))]));
            foreach (var part in Here.Chunk(MemberFrame.MaximumNodes))
                frames.Add(new MemberFrame(Here: [.. part.Select(describe)]));
            foreach (var part in Acks.Chunk(MemberFrame.MaximumNodes * 8))
                frames.Add(new MemberFrame(Acks: [.. part.Select(pair => new NodeAck(pair.Key, pair.Value))]));
            foreach (var part in Hints.Chunk(MemberFrame.MaximumNodes))
                frames.Add(new MemberFrame(Hints: [.. part.Select(pair => pair.Value)]));
            Clear();
            return frames;
        }
    }

    sealed record LinksOverdue(IActorRef Asker);

    sealed record FlushTick;

    sealed record LeaveTick;

    sealed record SeenTick;
}
