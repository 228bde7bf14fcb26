using Mesh.Actors.Projection;
using Mesh.Actors.Registry;
using Mesh.Protocol.Identity;

namespace Mesh.Actors.Sessions;

// What several controllers make necessary: one of them may be withdrawn, and one may be behind another.
sealed partial class SessionsActor
{
    // How long a node waits here for what it has seen elsewhere. A controller that follows the journal is there in a moment.
    static readonly TimeSpan CatchUpPatience = TimeSpan.FromSeconds(2);

    static readonly TimeSpan FarewellPatience = TimeSpan.FromSeconds(1);

    const string CertificateKey = "certificate";

    readonly Dictionary<ControlStreamHandle, NodeAttached> _ahead = [];
    readonly Dictionary<ControllerId, RemovalTracker> _removals = [];
    readonly List<(ControllerId Controller, IActorRef Asker)> _waitingForTold = [];

    bool IsWithdrawn(ControllerId? controller) => controller is { } id && _view.Controllers.GetValueOrDefault(id) is { Withdrawn: true };

    // A stream whose certificate counts no longer ends behind the map that says why: once the node has it, and in a moment in any case.
    // The node attaches again then, with a certificate of a controller that counts.
    void OnWithdrawals(NetworkView before)
    {
        if (ReferenceEquals(before.Controllers, _view.Controllers))
            return;
        var gone = _view.Controllers.Values.Where(one => one.Withdrawn && before.Controllers.GetValueOrDefault(one.Id) is not { Withdrawn: true }).ToList();
        if (gone.Count == 0)
            return;
        var ready = _attachments.Where(one => one.Value.IsReady).Select(one => one.Key).ToList();
        foreach (var one in gone)
            _removals[one.Id] = new RemovalTracker(_view.Revision, Clock.Now, ready);
        foreach (var attachment in _attachments.Values.Where(one => IsWithdrawn(one.Handle.Issuer)))
        {
            if (attachment.IsReady)
                Timers.StartSingleTimer((CertificateKey, attachment.Handle), new CertificateOver(attachment.Handle), FarewellPatience);
            else
                attachment.Session.Tell(new EndStream("certificate"));
        }
    }

    void On(CertificateOver over)
    {
        if (Current(over.Handle) is { } attachment)
            attachment.Session.Tell(new EndStream("certificate"));
    }

    // A node acts on a map up to a revision.
    void OnTaken(NodeId node, Attachment attachment, long revision)
    {
        if (_removals.Count == 0)
            return;
        foreach (var removal in _removals.Values)
            removal.Acknowledge(node, revision, Clock.Now);
        AnswerTold();
        if (IsWithdrawn(attachment.Handle.Issuer) && revision == attachment.Revision)
            attachment.Session.Tell(new EndStream("certificate"));
    }

    // A node that was attached to a controller that is further would refuse what this one signs, as it must.
    bool IsAhead(NodeAttached attached)
    {
        if (attached.Frame.Epoch != _services.Signer.Epoch || attached.Frame.Revision <= _view.Revision)
            return false;
        _ahead[attached.Handle] = attached;
        Timers.StartSingleTimer(attached.Handle, new CatchUpOverdue(attached.Handle), CatchUpPatience);
        return true;
    }

    void LetIn()
    {
        foreach (var (handle, attached) in _ahead.Where(one => one.Value.Frame.Revision <= _view.Revision).ToList())
        {
            _ahead.Remove(handle);
            Timers.Cancel(handle);
            On(attached);
        }
    }

    void On(CatchUpOverdue overdue)
    {
        if (!_ahead.Remove(overdue.Handle, out var attached) || Current(overdue.Handle) is not { } attachment)
            return;
        _log.Warning(
            "node {0} has seen revision {1}, this controller has seen {2} of the journal: another may serve it; where there is none, was a backup restored without a new epoch?",
            overdue.Handle.Node, attached.Frame.Revision, _view.Revision);
        attachment.Session.Tell(new EndStream("behind"));
    }

    void ForgetAhead(ControlStreamHandle handle)
    {
        if (_ahead.Remove(handle))
            Timers.Cancel(handle);
    }

    void OnGone(NodeId node, ControlStreamHandle handle)
    {
        ForgetAhead(handle);
        Timers.Cancel((CertificateKey, handle));
        foreach (var removal in _removals.Values)
            removal.Forget(node);
        AnswerTold();
    }

    void On(AwaitTold wait)
    {
        _waitingForTold.Add((wait.Controller, Sender));
        var overdue = new ToldOverdue(wait.Controller, Sender);
        Timers.StartSingleTimer(overdue, overdue, wait.AtMost);
        AnswerTold();
    }

    void On(ToldOverdue overdue)
    {
        if (_waitingForTold.Remove((overdue.Controller, overdue.Asker)))
            overdue.Asker.Tell(_removals[overdue.Controller].Progress());
    }

    void AnswerTold()
    {
        foreach (var (controller, asker) in _waitingForTold.ToList())
        {
            var removal = _removals.GetValueOrDefault(controller);
            if (removal is { IsComplete: false })
                continue;
            _waitingForTold.Remove((controller, asker));
            Timers.Cancel(new ToldOverdue(controller, asker));
            // Of one that was withdrawn before this controller started everybody was told at the attach.
            var attached = _attachments.Values.Count(one => one.IsReady);
            asker.Tell(removal?.Progress() ?? new NodesTold(attached, attached, TimeSpan.Zero));
        }
    }

    sealed record ToldOverdue(ControllerId Controller, IActorRef Asker);

    sealed record CertificateOver(ControlStreamHandle Handle);

    sealed record CatchUpOverdue(ControlStreamHandle Handle);
}
