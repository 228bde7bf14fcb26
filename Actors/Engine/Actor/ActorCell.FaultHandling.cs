using System.Runtime.ExceptionServices;
using Mesh.Actors.Engine.Dispatch;

namespace Mesh.Actors.Engine.Actor;

sealed partial class ActorCell
{
    /// <summary>Who caused the failure that this cell is suspended for; null if it has not failed.</summary>
    IActorRef? _failedBy;
    Exception? _recreateCause;

    /// <summary>True while the instance has been through its last hook and none has taken its place.</summary>
    bool _isSpent;

    void CreateActor()
    {
        try
        {
            _actor = NewActor();
            _actor.AroundPreStart();
            RearmReceiveTimeout(true);
        }
        catch (Exception cause)
        {
            if (_actor is { } actor)
            {
                ReleaseActor(actor);
                _actor = null;
            }
            CurrentMessage = null;
            throw new ActorInitializationException(_self, "Exception during creation", cause);
        }
    }

    /// <summary>Suspends the cell and its children and leaves the decision to the supervisor.</summary>
    /// <param name="cause">Why.</param>
    /// <param name="suspended">Children that are suspended already and have not been told to go on; null if there are none.</param>
    /// <param name="unanswered">Who caused an earlier failure that is still to be answered; null if nobody.</param>
    void HandleInvokeFailure(Exception cause, ChildRestartStats[]? suspended, IActorRef? unanswered = null)
    {
        if (_failedBy is not null)
            return;
        Mailbox.SuspendMessages();
        IActorRef? except = null;
        if (CurrentMessage is Failed failed)
        {
            // Escalated: the child that failed is suspended already.
            _failedBy = except = failed.Child;
        }
        else
        {
            _failedBy = unanswered ?? _self;
        }
        SuspendChildren(except, suspended ?? []);
        ParentRef.SendSystemMessage(new Failed(_self, cause, _self.Path.Uid));
    }

    void HandleFailed(Failed failed)
    {
        var (messageBefore, senderBefore) = (CurrentMessage, _sender);
        if (_children?.Find(failed.Child) is not { } stats || stats.Child.Path.Uid != failed.Uid)
        {
            LogDebug($"Dropping Failed({failed.Cause.Message}) from old or unknown child {failed.Child}");
            return;
        }
        CurrentMessage = failed;
        _sender = failed.Child;
        if (!_actor!.SupervisorStrategyInternal.HandleFailure(this, failed.Child, failed.Cause, stats, _children.Snapshot()))
            ExceptionDispatchInfo.Throw(failed.Cause);
        (CurrentMessage, _sender) = (messageBefore, senderBefore);
    }

    void FaultSuspend()
    {
        Mailbox.SuspendMessages();
        SuspendChildren(null, []);
    }

    void FaultResume(Exception? causedByFailure)
    {
        if (IsTerminating)
        {
            // It ends whatever is decided; only the count has to be right.
            Mailbox.ResumeMessages();
            ResumeChildren(null, null);
            return;
        }
        if (_actor is null)
        {
            LogError(null, $"Changing Resume into Create after {causedByFailure}");
            FaultCreate();
            return;
        }
        if (_isSpent && causedByFailure is not null)
        {
            // There is no instance to go on with.
            FaultRecreate(causedByFailure);
            return;
        }
        var perpetrator = _failedBy;
        Mailbox.ResumeMessages();
        if (causedByFailure is not null)
        {
            _failedBy = null;
            CurrentMessage = null;
        }
        ResumeChildren(causedByFailure, perpetrator);
    }

    void FaultRecreate(Exception cause)
    {
        if (!IsNormal)
        {
            // Each Recreate comes with a Suspend that has to be balanced.
            FaultResume(null);
            return;
        }
        if (_actor is not { } failedActor)
        {
            LogError(null, $"Changing Recreate into Create after {cause}");
            FaultCreate();
            return;
        }
        if (!_isSpent)
            EndIncarnation(failedActor, cause);
        _recreateCause = cause;
        if (_children is null || !_children.WaitFor(WaitReason.Recreation))
            FinishRecreate(cause);
    }

    void FinishRecreate(Exception cause)
    {
        _recreateCause = null;
        // Those that the new instance starts are not restarted.
        var survivors = ChildStats();
        var perpetrator = _failedBy;
        try
        {
            Mailbox.ResumeMessages();
            _failedBy = null;
            _actor = NewActor();
            _isSpent = false;
            Restarts++;
            _actor.AroundPostRestart(cause, null);
            RearmReceiveTimeout(true);
            foreach (var survivor in survivors)
                survivor.Child.Restart(cause);
        }
        catch (Exception failure)
        {
            CurrentMessage = null;
            // The survivors still wait for the end of this restart, and the one that caused it for the answer to its own failure.
            HandleInvokeFailure(new PostRestartException(_self, failure, cause), survivors, perpetrator);
        }
    }

    void EndIncarnation(ActorBase failedActor, Exception cause)
    {
        var message = MessageInHand;
        try
        {
            failedActor.AroundPreRestart(cause, message);
        }
        catch (Exception failure)
        {
            // The instance is on its way out; that it left badly is all there is to say.
            LogError(new PreRestartException(_self, failure, cause, message), failure.Message);
        }
        ReleaseActor(failedActor);
        _isSpent = true;
        CurrentMessage = null;
    }

    void FaultCreate()
    {
        SetReceiveTimeout(null);
        StopChildren();
        if (_children is null || !_children.WaitFor(WaitReason.Creation))
            FinishCreate();
    }

    void FinishCreate()
    {
        Mailbox.ResumeMessages();
        _failedBy = null;
        try
        {
            CreateActor();
        }
        catch (Exception cause)
        {
            HandleInvokeFailure(cause, null);
        }
    }

    void HandleTerminate()
    {
        SetReceiveTimeout(null);
        UnwatchWatchedActors();
        var wasTerminating = IsTerminating;
        var children = Interlocked.CompareExchange(ref _children, ChildrenContainer.Terminated, null)?.Terminate() ?? [];
        if (children.Length == 0)
        {
            FinishTerminate();
            return;
        }
        foreach (var stats in children)
            stats.Child.Stop();
        if (wasTerminating)
            return;
        Mailbox.SuspendMessages();
        // Failures on the way out are nobody's business any more.
        _failedBy = _self;
    }

    /// <summary>Ends the cell. A parent that also watches gets the end of its child before the message about it.</summary>
    void FinishTerminate()
    {
        if (_actor is { } actor && !_isSpent)
        {
            try
            {
                actor.AroundPostStop();
            }
            catch (Exception failure)
            {
                LogError(failure, failure.Message);
            }
            ReleaseActor(actor);
            // The last hook may have set it again.
            SetReceiveTimeout(null);
        }
        Mailbox.Close();
        ParentRef.SendSystemMessage(new DeathWatchNotification(_self, existenceConfirmed: true));
        TellWatchersWeDied();
        UnwatchWatchedActors();
        _actor = null;
        _behavior = null;
        _stackedUnder = null;
        _async = null;
        CurrentMessage = null;
        SystemImpl.Census.Retire(this);
        // References to the dead may be kept for long; what made it need not be.
        Props = Props.Empty;
    }

    void HandleChildTerminated(IActorRef child)
    {
        switch (_children!.Remove(child))
        {
            case WaitReason.Recreation:
                FinishRecreate(_recreateCause!);
                break;
            case WaitReason.Creation:
                FinishCreate();
                break;
            case WaitReason.Termination:
                FinishTerminate();
                break;
            default:
                break;
        }
    }
}
