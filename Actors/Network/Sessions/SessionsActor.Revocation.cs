using Mesh.Actors.Projection;
using Mesh.Actors.Registry;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Sessions;

sealed partial class SessionsActor
{
    const int TrackersKept = 256;

    readonly Queue<RevocationTracker> _trackers = new();
    readonly List<(NodeId Node, IActorRef Asker)> _waitingForCut = [];

    void Track(NodeId node, TakenOut removal, WallTime now)
    {
        var peers = removal.Peers
            .Where(peer => _view.Nodes.GetValueOrDefault(peer) is { IsPresent: true })
            .ToDictionary(peer => peer, peer => _view.Nodes[peer].Name);
        var tracker = new RevocationTracker(node, removal.Name, removal.Ordering, now, peers);
        // Another controller may have been faster, and its nodes too.
        foreach (var peer in peers.Keys)
            tracker.Acknowledge(peer, _services.Presence.Get(peer).Revision, now);
        _trackers.Enqueue(tracker);
        if (_trackers.Count > TrackersKept)
            _trackers.Dequeue();
    }

    void Acknowledge(NodeId peer, long revision)
    {
        var now = Clock.Now;
        var isNews = false;
        foreach (var tracker in _trackers)
            isNews |= tracker.Acknowledge(peer, revision, now);
        if (isNews)
            CompleteCuts();
    }

    void On(AwaitCut wait)
    {
        if (Find(wait.Node) is not { } tracker)
        {
            Sender.Tell(new Refusal(RefusalKind.NotFound, "not-found", $"node {wait.Node} was not taken out since this controller started"));
            return;
        }
        if (tracker.IsComplete(IsAttachedAnywhere) || wait.AtMost <= TimeSpan.Zero)
        {
            Sender.Tell(Progress(tracker));
            return;
        }
        _waitingForCut.Add((wait.Node, Sender));
        var overdue = new CutOverdue(wait.Node, Sender);
        Timers.StartSingleTimer(overdue, overdue, wait.AtMost);
    }

    void On(CutOverdue overdue)
    {
        if (_waitingForCut.Remove((overdue.Node, overdue.Asker)) && Find(overdue.Node) is { } tracker)
            overdue.Asker.Tell(Progress(tracker));
    }

    void CompleteCuts()
    {
        foreach (var (node, asker) in _waitingForCut.ToList())
        {
            if (Find(node) is not { } tracker || !tracker.IsComplete(IsAttachedAnywhere))
                continue;
            _waitingForCut.Remove((node, asker));
            Timers.Cancel(new CutOverdue(node, asker));
            asker.Tell(Progress(tracker));
        }
    }

    RevocationTracker? Find(NodeId node) => _trackers.LastOrDefault(tracker => tracker.Node == node);

    // Nothing was sent since the start, or another controller may have sent something: no map was signed for longer than a map lasts.
    RevocationProgress Progress(RevocationTracker tracker) => tracker.Progress(
        IsAttachedAnywhere, node => IsAlone && _services.Presence.Get(node).ValidUntil is { } until ? until : Clock.Now + _services.Options.MapValidFor);
}
