namespace Mesh.Tests.Engine.Model;

/// <summary>Restart: the end of one instance, the wait for the children that it stopped, and the next.</summary>
sealed partial class ReferenceActor
{
    ReferenceFailure? _restartCause;

    void Restart(ReferenceFailure cause)
    {
        if (_phase == Phase.BeforeEnd)
        {
            Balance(null);
            return;
        }
        if (_instance is null)
        {
            World.Log("error", this, Line.RecreateIntoCreate);
            CreateAgain();
            return;
        }
        if (!_instance.IsOver)
            EndInstance(_instance, cause);
        _restartCause = cause;
        if (_children.Exists(static child => child.IsToldToStop) && !World.Breaks(Mutation.RestartDoesNotWait))
            _phase = Phase.BeforeRestart;
        else
            FinishRestart();
    }

    void EndInstance(Incarnation instance, ReferenceFailure cause)
    {
        // A child's failure that was passed on is no message.
        var message = _inHand is FailedNotice ? null : _inHand;
        try
        {
            if (!World.Breaks(Mutation.TimersOutliveRestart))
                instance.CancelTimer(null);
            World.Write(Line.PreRestart(Number, cause.Message, ReferenceMessages.Describe(message), _sender));
            var hook = Spec.PreRestart;
            if (hook.Base == BaseCall.First)
                DefaultPreRestart(instance);
            World.Performer.PerformHook(instance, hook, instance.Number);
            if (hook.Base == BaseCall.Last)
                DefaultPreRestart(instance);
        }
        catch (ReferenceFailure failure)
        {
            World.Log("error", this, Line.EndFailed(failure.Message));
        }
        if (World.Breaks(Mutation.RestartLosesStash))
            instance.ClearStash();
        if (World.Breaks(Mutation.RestartRetriesMessage) && message is Errand)
            _messages.Insert(0, (message, _sender));
        Release(instance);
        _inHand = null;
    }

    void DefaultPreRestart(Incarnation instance)
    {
        foreach (var child in _children.ToArray())
        {
            instance.Unwatch(child.Actor.Number);
            instance.Stop(child.Actor.Number);
        }
        PostStop(instance);
    }

    void FinishRestart()
    {
        var cause = _restartCause!;
        _phase = Phase.Normal;
        // Those that the new instance starts are not restarted with it.
        var survivors = _children.ConvertAll(static child => child.Actor);
        var culprit = World.Breaks(Mutation.FailedRestartForgetsCulprit) ? null : _culprit;
        try
        {
            Unsuspend();
            _hasFailed = false;
            _culprit = null;
            _instance = MakeInstance();
            World.Counts.Restarts++;
            World.Write(Line.PostRestart(Number, cause.Message));
            var hook = Spec.PostRestart;
            if (hook.Base == BaseCall.First)
                DefaultPostRestart(_instance);
            World.Performer.PerformHook(_instance, hook, _instance.Number);
            if (hook.Base == BaseCall.Last)
                DefaultPostRestart(_instance);
            ArmTimeout(true);
            foreach (var survivor in survivors)
                survivor.Send(World.Breaks(Mutation.SurvivorsAreNotRestarted) ? new ResumeNotice(null) : new RestartNotice(cause));
        }
        catch (ReferenceFailure failure)
        {
            _inHand = null;
            var restartFailed = new ReferenceFailure(FailureKind.Initialization, Line.RestartFailed(failure.Message, cause.Message));
            Fail(restartFailed, survivors, culprit);
        }
    }

    void DefaultPostRestart(Incarnation instance)
    {
        World.Write(Line.PreStart(Number));
        World.Performer.PerformHook(instance, Spec.PreStart, instance.Number);
    }
}
