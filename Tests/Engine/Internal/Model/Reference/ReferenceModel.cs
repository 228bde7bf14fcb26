namespace Mesh.Tests.Engine.Model;

/// <summary>
/// The rules of Actors/Engine/SEMANTICS.md once more, as plainly as they can be put: one thread, lists, and no thought of speed. Written
/// from the rules and not from the engine, so that the two can disagree.
/// </summary>
sealed class ReferenceModel : ITwin
{
    readonly List<ReferenceActor> _actors = [];
    readonly List<string> _trace = [];
    readonly List<(Channel Channel, ReferenceActor Subscriber)> _subscriptions = [];
    readonly List<(ReferenceActor Actor, bool Opened)> _gates = [];
    readonly Mutation _mutation;

    public ReferenceModel(Mutation mutation = Mutation.None)
    {
        _mutation = mutation;
        Performer = new Performer(this);
        Clock = new ReferenceClock();
        Guardian = new ReferenceActor(this, Nobodies.Guardian, "user", null, new ActorSpec());
        Guardian.StartSilently();
        _actors.Add(Guardian);
    }

    public ReferenceActor Guardian { get; }

    public ReferenceClock Clock { get; }

    public Performer Performer { get; }

    public IReadOnlyList<string> Trace => _trace;

    public int Spawned => _actors.Count - 1;

    public int Alive => _actors.Count(static actor => !actor.IsDead) - (Guardian.IsDead ? 0 : 1);

    public IReadOnlyList<int> Living =>
        [.. _actors.Where(static actor => !actor.IsDead && actor.Number > 0).Select(static actor => actor.Number)];

    public int Gates => _gates.Count;

    public IReadOnlyList<int> Runnable => [.. _actors.Where(static actor => actor.IsRunnable).Select(static actor => actor.Number)];

    public RunCounts Counts { get; } = new();

    /// <summary>True if the model is to break this rule, to see whether anybody notices.</summary>
    public bool Breaks(Mutation mutation) => _mutation == mutation;

    /// <summary>True if it breaks none.</summary>
    public bool IsSound => _mutation == Mutation.None;

    public bool IsAlive(int actor) => !_actors[actor].IsDead;

    public void Write(string line) => _trace.Add(line);

    public string PathOf(int actor) => _actors[actor].Path;

    public ReferenceActor Actor(int number) => _actors[number];

    public void RunTurn(int actor) => _actors[actor].RunTurn();

    public void Tell(int to, Errand errand, int from) => Deliver(to, errand, from);

    public void Send(int to, Signal signal) => Deliver(to, signal, Nobodies.DeadLetters);

    public int Spawn(ActorSpec spec, string? name) => Guardian.Spawn(spec, name).Number;

    // Asked from outside, the parent counts it as told to stop at once.
    public void Stop(int actor) => _actors[actor].Parent!.StopChild(_actors[actor]);

    public void Advance(TimeSpan time) => Clock.Advance(time);

    public void StopAll() => Guardian.Send(new StopNotice());

    public string? Stuck() => _actors.Find(static actor => actor.IsStuck) is { } stuck ? $"#{stuck.Number} is stuck" : null;

    public ReferenceActor Add(ReferenceActor parent, string name, ActorSpec spec)
    {
        var actor = new ReferenceActor(this, _actors.Count, name, parent, spec);
        _actors.Add(actor);
        return actor;
    }

    /// <summary>Gives a message to whoever has the number; to nobody, it is a dead letter.</summary>
    public void Deliver(int to, object message, int from)
    {
        if (to >= 0)
            _actors[to].Receive(message, from);
        else if (to == Nobodies.DeadLetters)
            DeadLetter(message, from, Nobodies.DeadLetters);
    }

    public void DeadLetter(object message, int from, int to)
    {
        var text = ReferenceMessages.Describe(message);
        if (message is Signal.Identify)
            Deliver(from, new Identity(null), Nobodies.DeadLetters);
        else if (ReferenceMessages.IsMissedByNobody(message))
            Write(Line.SuppressedDeadLetter(text, from, to));
        else
            Write(Line.DeadLetter(text, from, to));
    }

    public void Subscribe(ReferenceActor subscriber, Channel channel, bool on)
    {
        _subscriptions.Remove((channel, subscriber));
        if (on)
            _subscriptions.Add((channel, subscriber));
    }

    /// <summary>Everyone who subscribed gets it once, whatever it subscribed to.</summary>
    public void Publish(Announcement announcement)
    {
        Write(Line.Announced(announcement));
        var subscribers = new List<ReferenceActor>();
        foreach (var (channel, subscriber) in _subscriptions)
        {
            if ((channel == Channel.All || announcement is LoudAnnouncement) && !subscriber.IsDead && !subscribers.Contains(subscriber))
                subscribers.Add(subscriber);
        }
        foreach (var subscriber in subscribers)
            subscriber.Receive(announcement, Nobodies.DeadLetters);
    }

    /// <summary>Returns the number of a new gate that an actor waits at.</summary>
    public int NewGate(ReferenceActor actor)
    {
        _gates.Add((actor, false));
        return _gates.Count - 1;
    }

    public void OpenGate(int gate, FailureKind? failure)
    {
        if (_gates[gate].Opened)
            return;
        _gates[gate] = _gates[gate] with { Opened = true };
        var thrown = failure is { } kind ? new ReferenceFailure(kind, Line.Thrown(kind, gate)) : null;
        _gates[gate].Actor.Send(new GoOnNotice(thrown));
    }

    public void Log(string level, ReferenceActor actor, string what) => Write(Line.Log(level, actor.Path, what));
}

/// <summary>What happened in a run, for the record.</summary>
sealed class RunCounts
{
    public long Messages { get; set; }

    public long Restarts { get; set; }

    public long Stops { get; set; }

    public long TimersFired { get; set; }

    public void Add(RunCounts other)
    {
        Messages += other.Messages;
        Restarts += other.Restarts;
        Stops += other.Stops;
        TimersFired += other.TimersFired;
    }

    public override string ToString() =>
        $"{Messages:N0} messages, {Restarts:N0} restarts, {Stops:N0} stops, {TimersFired:N0} timers fired";
}
