namespace Mesh.Tests.Engine.Model;

/// <summary>Children: names, failures and what becomes of them; and the ends of others.</summary>
sealed partial class ReferenceActor
{
    const string NameDigits = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+~";

    readonly List<Child> _children = [];
    readonly List<ReferenceActor> _watchers = [];

    /// <summary>Whom this actor watches, and what to say instead of Terminated.</summary>
    readonly List<(ReferenceActor Subject, Errand? With)> _watched = [];

    /// <summary>Whose end is in the mailbox to be received, and what to say instead.</summary>
    readonly List<(ReferenceActor Subject, Errand? With)> _announced = [];

    int _unnamed;

    public IEnumerable<int> ChildNumbers => _children.Select(static child => child.Actor.Number).Order();

    public ReferenceActor? ChildOf(string name) => _children.Find(child => child.Actor.Name == name)?.Actor;

    public ReferenceActor Spawn(ActorSpec spec, string? name)
    {
        if (name is not null && name.StartsWith('$'))
            throw new ReferenceFailure(FailureKind.Complaint, Line.BadName);
        // A made up name is used up even if nothing comes of it.
        name ??= MakeUpName();
        if (_phase == Phase.BeforeEnd)
            throw new ReferenceFailure(FailureKind.Complaint, Line.Stopping);
        var taken = World.Breaks(Mutation.NameIsFreeEarly)
            ? _children.Exists(child => child.Actor.Name == name && !child.IsToldToStop)
            : ChildOf(name) is not null;
        if (taken)
            throw new ReferenceFailure(FailureKind.Complaint, Line.BadName);
        var actor = World.Add(this, name, spec);
        // Below an actor that stands still everything does.
        if (!World.Breaks(Mutation.FailureSparesNewcomers))
            actor._suspended = _suspended - (_waiting is null ? 0 : 1);
        _children.Add(new Child(actor));
        actor.Send(new CreateNotice());
        return actor;
    }

    /// <summary>Stops an actor; if it is a child, what waits for children waits for it too.</summary>
    public void StopChild(ReferenceActor actor)
    {
        if (_children.Find(child => child.Actor == actor) is { } found)
            found.IsToldToStop = true;
        actor.Send(new StopNotice());
    }

    /// <summary>Nobody watches itself, and a second watch changes nothing.</summary>
    public void Watch(ReferenceActor subject, Errand? with)
    {
        if (subject == this)
            return;
        var known = _watched.FindIndex(each => each.Subject == subject);
        if (known >= 0)
        {
            if (World.Breaks(Mutation.SecondWatchCounts))
                _watched[known] = (subject, with);
            return;
        }
        _watched.Add((subject, with));
        subject.Send(new WatchNotice(this));
    }

    public void Unwatch(ReferenceActor subject)
    {
        if (_watched.RemoveAll(each => each.Subject == subject) > 0)
            subject.Send(new UnwatchNotice(this));
        if (!World.Breaks(Mutation.UnwatchLeavesQueuedTerminated))
            _announced.RemoveAll(each => each.Subject == subject);
    }

    /// <summary>A stashed Terminated that goes back into the mailbox can be received once more.</summary>
    public void ReceiveAgain(Ended ended)
    {
        _announced.RemoveAll(each => each.Subject == ended.Actor);
        _announced.Add((ended.Actor, null));
    }

    void ForgetWatched()
    {
        foreach (var (subject, _) in _watched)
            subject.Send(new UnwatchNotice(this));
        _watched.Clear();
        _announced.Clear();
    }

    void LearnOfEnd(ReferenceActor subject, bool confirmed)
    {
        var watch = _watched.FindIndex(each => each.Subject == subject);
        if (watch >= 0)
        {
            var with = _watched[watch].With;
            _watched.RemoveAt(watch);
            if (_phase != Phase.BeforeEnd)
            {
                // By way of the mailbox: after everything that the deceased sent.
                Receive(new Ended(subject, confirmed), subject.Number);
                _announced.RemoveAll(each => each.Subject == subject);
                _announced.Add((subject, with));
            }
        }

        if (_children.Find(child => child.Actor == subject) is not { } buried)
            return;
        _children.Remove(buried);
        if (!buried.IsToldToStop || _children.Exists(static child => child.IsToldToStop))
            return;
        switch (_phase)
        {
            case Phase.BeforeCreation:
                FinishCreation();
                break;
            case Phase.BeforeRestart:
                FinishRestart();
                break;
            case Phase.BeforeEnd:
                End();
                break;
            default:
                break;
        }
    }

    void DecideOn(FailedNotice failed)
    {
        if (_children.Find(child => child.Actor == failed.Child) is not { } culprit)
            return;
        var (inHand, sender) = (_inHand, _sender);
        _inHand = failed;
        _sender = failed.Child.Number;
        var cause = failed.Cause;
        var directive = Spec.Strategy is { } strategy ? strategy.Decide(cause.Kind) : DefaultDirective(cause.Kind);
        if (directive == Directive.Escalate)
            throw cause;
        World.Log(directive == Directive.Resume ? "warning" : "error", failed.Child, cause.Message);
        if (directive == Directive.Resume)
            failed.Child.Send(new ResumeNotice(cause));
        else
            RestartOrStop(culprit, cause, directive == Directive.Restart);
        (_inHand, _sender) = (inHand, sender);
    }

    void RestartOrStop(Child culprit, ReferenceFailure cause, bool restart)
    {
        var concerned = Spec.Strategy?.AllForOne == true ? _children : [culprit];
        foreach (var child in World.Breaks(Mutation.SiblingsSpendNothing) ? [culprit] : concerned)
        {
            if (restart && !child.Spend(Spec.Strategy, World))
                restart = false;
        }
        if (!restart && World.Breaks(Mutation.SpentBudgetEscalates) && Spec.Strategy?.Decide(cause.Kind) == Directive.Restart)
            throw cause;
        foreach (var child in concerned)
        {
            if (!restart)
            {
                StopChild(child.Actor);
                continue;
            }
            if (child != culprit)
                child.Actor.Send(new SuspendNotice());
            child.Actor.Send(new RestartNotice(cause));
        }
    }

    static Directive DefaultDirective(FailureKind kind) =>
        kind is FailureKind.Initialization or FailureKind.Killed or FailureKind.DeathPact ? Directive.Stop : Directive.Restart;

    /// <summary>$a, $b, ..., the lowest digit first.</summary>
    string MakeUpName()
    {
        var name = "$";
        var rest = _unnamed++;
        do
        {
            name += NameDigits[rest % NameDigits.Length];
            rest /= NameDigits.Length;
        }
        while (rest > 0);
        return name;
    }

    /// <summary>A child as its parent sees it.</summary>
    sealed class Child(ReferenceActor actor)
    {
        int _spent;
        TimeSpan? _windowOpened;

        public ReferenceActor Actor { get; } = actor;

        public bool IsToldToStop { get; set; }

        /// <summary>
        /// Spends one restart and says whether there was one left. Without a window the budget is for life; with one, the first restart
        /// after it has closed opens the next. A window without a budget grants one restart.
        /// </summary>
        public bool Spend(StrategySpec? strategy, ReferenceModel world)
        {
            if (strategy is null)
                return true;
            var budget = strategy.Retries;
            if (budget == 0)
                return false;
            var extra = world.Breaks(Mutation.BudgetIsOneLarger) ? 1 : 0;
            if (strategy.WindowMilliseconds <= 0)
                return budget < 0 || ++_spent <= budget + extra;

            var now = world.Clock.Now;
            _windowOpened ??= now;
            var open = (now - _windowOpened.Value).TotalMilliseconds;
            if (open > strategy.WindowMilliseconds || (world.Breaks(Mutation.WindowEndsEarly) && open == strategy.WindowMilliseconds))
            {
                _windowOpened = now;
                _spent = 0;
            }
            return ++_spent <= Math.Max(budget, 1) + extra;
        }
    }
}
