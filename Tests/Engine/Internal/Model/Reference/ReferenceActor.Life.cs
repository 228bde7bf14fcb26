namespace Mesh.Tests.Engine.Model;

/// <summary>Start, failure, resume and end.</summary>
sealed partial class ReferenceActor
{
    Phase _phase = Phase.Normal;
    Incarnation? _instance;
    int _incarnations;

    /// <summary>True from a failure until the supervisor's answer to it.</summary>
    bool _hasFailed;

    /// <summary>The child whose failure this one passed on.</summary>
    ReferenceActor? _culprit;

    /// <summary>What the actor waits for its children to do before it goes on.</summary>
    enum Phase
    {
        Normal,
        BeforeCreation,
        BeforeRestart,

        /// <summary>Once here, an actor ends, whatever it is told.</summary>
        BeforeEnd,
    }

    /// <summary>Brings the guardian up, of which nothing is to be seen.</summary>
    public void StartSilently()
    {
        _behaviours.Add(0);
        _instance = new Incarnation(this, 0);
    }

    void Create()
    {
        try
        {
            _instance = MakeInstance();
            World.Write(Line.PreStart(Number));
            World.Performer.PerformHook(_instance, Spec.PreStart, _instance.Number);
            ArmTimeout(true);
        }
        catch (ReferenceFailure cause)
        {
            if (_instance is not null)
                Release(_instance);
            _instance = null;
            _inHand = null;
            throw new ReferenceFailure(FailureKind.Initialization, Line.StartFailed(cause.Message));
        }
    }

    /// <summary>Starts with the first behaviour; if the constructor throws, there is no instance.</summary>
    Incarnation MakeInstance()
    {
        if (!World.Breaks(Mutation.RestartKeepsBehaviour) || _behaviours.Count == 0)
        {
            _behaviours.Clear();
            _behaviours.Add(0);
        }
        var made = new Incarnation(this, ++_incarnations);
        World.Write(Line.Made(Number, made.Number));
        World.Performer.PerformHook(made, Spec.Constructor, made.Number);
        return made;
    }

    /// <summary>
    /// The actor and all below it stand still until the supervisor has decided. Children that stand still already are not suspended twice:
    /// the one whose failure is passed on, and those that wait to be restarted with their parent. If that restart fails, the one that
    /// caused it is still to be answered.
    /// </summary>
    void Fail(ReferenceFailure cause, List<ReferenceActor>? suspendedAlready = null, ReferenceActor? unanswered = null)
    {
        if (_hasFailed)
            return;
        _hasFailed = true;
        _suspended++;
        _culprit = (_inHand as FailedNotice)?.Child ?? unanswered;
        if (!World.Breaks(Mutation.FailureSparesChildren))
        {
            foreach (var child in _children)
            {
                if (child.Actor != _culprit && suspendedAlready?.Contains(child.Actor) != true)
                    child.Actor.Send(new SuspendNotice());
            }
        }
        Parent?.Send(new FailedNotice(this, cause));
    }

    void Suspend()
    {
        _suspended++;
        foreach (var child in _children)
            child.Actor.Send(new SuspendNotice());
    }

    /// <summary>Every word to go on answers one to stand still.</summary>
    void Unsuspend()
    {
        if (_suspended > (_waiting is null ? 0 : 1))
            _suspended--;
        else if (World.IsSound)
            throw new InvalidOperationException($"#{Number} is to go on though nothing holds it.");
    }

    void Resume(ReferenceFailure? ownFailure)
    {
        if (_instance is null && _phase != Phase.BeforeEnd)
        {
            // Nothing to go on with: it is made now.
            World.Log("error", this, Line.ResumeIntoCreate);
            CreateAgain();
            return;
        }
        if (_instance is { IsOver: true } && ownFailure is not null && _phase != Phase.BeforeEnd)
        {
            Restart(ownFailure);
            return;
        }
        Balance(ownFailure);
    }

    void Balance(ReferenceFailure? ownFailure)
    {
        Unsuspend();
        var culprit = _culprit;
        if (ownFailure is not null && _phase != Phase.BeforeEnd)
        {
            _hasFailed = false;
            _culprit = null;
            _inHand = null;
        }
        foreach (var child in _children)
        {
            var isCulprit = child.Actor == culprit && !World.Breaks(Mutation.ResumeForgetsCulprit);
            child.Actor.Send(new ResumeNotice(isCulprit ? ownFailure : null));
        }
    }

    void PostStop(Incarnation instance)
    {
        if (this == World.Guardian)
            return;
        World.Write(Line.PostStop(Number));
        World.Performer.PerformHook(instance, Spec.PostStop, instance.Number);
    }

    /// <summary>Lets go of an instance: its timers end, its stash goes back to the front of the mailbox, it is disposed of.</summary>
    void Release(Incarnation instance)
    {
        if (!World.Breaks(Mutation.TimersOutliveRestart))
            instance.CancelTimer(null);
        instance.UnstashAll(null);
        instance.IsOver = true;
        if (this != World.Guardian)
            World.Write(Line.Disposed(Number, instance.Number));
    }

    /// <summary>A start that failed is tried again once the children that it left behind are gone.</summary>
    void CreateAgain()
    {
        SetTimeout(null);
        foreach (var child in _children)
            StopChild(child.Actor);
        if (_children.Count > 0)
            _phase = Phase.BeforeCreation;
        else
            FinishCreation();
    }

    void FinishCreation()
    {
        _phase = Phase.Normal;
        Unsuspend();
        _hasFailed = false;
        _culprit = null;
        try
        {
            Create();
        }
        catch (ReferenceFailure failure)
        {
            Fail(failure);
        }
    }

    /// <summary>Children first.</summary>
    void Stop()
    {
        SetTimeout(null);
        ForgetWatched();
        foreach (var child in _children)
            StopChild(child.Actor);
        if (_children.Count == 0)
        {
            End();
            return;
        }
        if (_phase != Phase.BeforeEnd)
        {
            _suspended++;
            // How it fails from now on is nobody's business.
            _hasFailed = true;
        }
        _phase = Phase.BeforeEnd;
    }

    void End()
    {
        _phase = Phase.BeforeEnd;
        if (_instance is { IsOver: false } instance)
        {
            instance.CancelTimer(null);
            try
            {
                PostStop(instance);
            }
            catch (ReferenceFailure failure)
            {
                World.Log("error", this, failure.Message);
            }
            if (World.Breaks(Mutation.StopLosesStash))
                instance.ClearStash();
            Release(instance);
        }
        SetTimeout(null);
        World.Counts.Stops++;
        IsDead = true;
        // What an answer to one of them adds comes after the others.
        while (_messages.Count > 0)
        {
            World.DeadLetter(_messages[0].Message, _messages[0].Sender, Number);
            _messages.RemoveAt(0);
        }
        Parent?.Send(new EndedNotice(this, true));
        foreach (var watcher in _watchers)
        {
            // The parent is told in any case.
            if (watcher != Parent)
                watcher.Send(new EndedNotice(this, true));
        }
        // Whoever began to watch too late is told that there is nobody.
        foreach (var notice in _notices)
            Send(notice);
        ForgetWatched();
    }
}
