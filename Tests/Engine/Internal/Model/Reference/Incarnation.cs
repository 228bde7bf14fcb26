namespace Mesh.Tests.Engine.Model;

/// <summary>One instance of an actor: what restarts replace, with its stash and its timers.</summary>
sealed class Incarnation(ReferenceActor actor, int number) : IStage
{
    readonly List<(object Message, int Sender)> _stash = [];
    readonly List<Timer> _timers = [];
    int _lastStashed;
    int _lastGeneration;

    public int Number { get; } = number;

    public bool IsOver { get; set; }

    public int Self => actor.Number;

    public int Depth => actor.Depth;

    public int Sender => actor.Sender;

    public int Parent => actor.Parent!.Number;

    public IReadOnlyList<int> Children => [.. actor.ChildNumbers];

    ReferenceModel World => actor.World;

    public int Child(string name) => actor.ChildOf(name)?.Number ?? Nobodies.Nobody;

    public void Tell(int to, Errand errand, bool anonymous) => World.Deliver(to, errand, anonymous ? Nobodies.DeadLetters : Self);

    public void Forward(int to, Errand errand) => World.Deliver(to, errand, Sender);

    public void Send(int to, Signal signal) => World.Deliver(to, signal, Self);

    public int Spawn(ActorSpec spec, string? name) => actor.Spawn(spec, name).Number;

    public void Stop(int target) => actor.StopChild(World.Actor(target));

    public void Watch(int target, Errand? with) => actor.Watch(World.Actor(target), with);

    public void Unwatch(int target) => actor.Unwatch(World.Actor(target));

    public void Become(int behaviour, bool stacked) => actor.Become(behaviour, stacked);

    public void Unbecome() => actor.Unbecome();

    public void Stash()
    {
        if (actor.InHand is not { } message || _lastStashed == actor.MessageCount)
            throw new ReferenceFailure(FailureKind.Complaint, Line.IllegalState);
        if (actor.Spec.StashCapacity > 0 && _stash.Count >= actor.Spec.StashCapacity)
            throw new ReferenceFailure(FailureKind.Complaint, Line.StashFull);
        _lastStashed = actor.MessageCount;
        _stash.Add((message, actor.Sender));
    }

    public void Unstash()
    {
        if (_stash.Count == 0)
            return;
        var (message, sender) = _stash[0];
        _stash.RemoveAt(0);
        PutBack(message, sender);
    }

    public void UnstashAll(int? colour)
    {
        // From the last to the first, each before the others.
        if (!World.Breaks(Mutation.UnstashReverses))
            _stash.Reverse();
        foreach (var (message, sender) in _stash)
        {
            if (colour is null || (message is Errand errand && errand.Colour == colour))
                PutBack(message, sender);
        }
        _stash.Clear();
    }

    public int ClearStash()
    {
        var count = _stash.Count;
        _stash.Clear();
        return count;
    }

    public void StartTimer(string key, object payload, TimeSpan initial, TimeSpan? interval)
    {
        CancelTimer(key);
        var tick = new Tick(this, key, ++_lastGeneration, payload is INotInfluenceReceiveTimeout);
        var appointment = World.Clock.Schedule(initial, interval, () =>
        {
            World.Counts.TimersFired++;
            actor.Receive(tick, Self);
        });
        _timers.Add(new Timer(key, payload, tick.Generation, interval is not null, appointment));
    }

    public void CancelTimer(string? key)
    {
        foreach (var timer in _timers.Where(timer => key is null || timer.Key == key).ToArray())
        {
            timer.Appointment.IsCancelled = true;
            _timers.Remove(timer);
        }
    }

    /// <summary>Returns what a tick stands for, or null if its timer was cancelled, replaced, or another instance's.</summary>
    public object? Expect(Tick tick)
    {
        var timer = _timers.Find(timer => timer.Key == tick.Key);
        if (timer is null || tick.Owner != this)
            return null;
        if (timer.Generation != tick.Generation && !World.Breaks(Mutation.ReplacedTimerTicks))
            return null;
        if (!timer.IsPeriodic)
            _timers.Remove(timer);
        return timer.Payload;
    }

    public void SetReceiveTimeout(TimeSpan? timeout) => actor.SetTimeout(timeout);

    public void Subscribe(Channel channel, bool on) => World.Subscribe(actor, channel, on);

    public void Publish(Announcement announcement) => World.Publish(announcement);

    public string Inspect() => Line.Inspection(_stash.Count, _timers.Select(static timer => timer.Key), actor.Timeout);

    public void Throw(FailureKind kind, int failure) => throw new ReferenceFailure(kind, Line.Thrown(kind, failure));

    public string Describe(Exception failure) => failure is ReferenceFailure ? failure.Message : $"{failure}";

    void PutBack(object message, int sender)
    {
        actor.PutFirst(message, sender);
        if (message is Ended ended)
            actor.ReceiveAgain(ended);
    }

    sealed record Timer(string Key, object Payload, int Generation, bool IsPeriodic, Appointment Appointment);
}
