using Mesh.Actors.Projection;
using Mesh.Protocol.Identity;

namespace Mesh.Actors.Sessions;

// What several controllers make necessary: one of them may be withdrawn, and one may be behind another.
sealed partial class SessionsActor
{
    // How long a node waits here for what it has seen elsewhere. A controller that follows the journal is there in a moment.
    static readonly TimeSpan CatchUpPatience = TimeSpan.FromSeconds(2);

    readonly Dictionary<ControlStreamHandle, NodeAttached> _ahead = [];

    bool IsWithdrawn(ControllerId? controller) => controller is { } id && _view.Controllers.GetValueOrDefault(id) is { Withdrawn: true };

    // Behind the map that says so: the node attaches again, and gets a certificate of a controller that counts.
    void CloseWithdrawn(NetworkView before)
    {
        if (ReferenceEquals(before.Controllers, _view.Controllers))
            return;
        foreach (var attachment in _attachments.Values.Where(one => IsWithdrawn(one.Handle.Issuer)))
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

    sealed record CatchUpOverdue(ControlStreamHandle Handle);
}
