using Mesh.Actors.Engine.Actor;

namespace Mesh.Tests.Engine.Model;

/// <summary>The engine under test: turns one at a time, time at a standstill, everything that can be seen written down.</summary>
sealed class EngineWorld : HostWorld, ITwin
{
    readonly SteppedSystem _stepped = new();
    readonly List<HostRecord> _actors = [];
    readonly List<string> _trace = [];
    readonly List<TaskCompletionSource> _gates = [];

    public EngineWorld() => TraceListener.Attach(this);

    public override ActorSystemImpl System => _stepped.System;

    public IReadOnlyList<string> Trace => _trace;

    public override int Spawned => _actors.Count;

    public override int Alive => _actors.Count(static actor => !actor.Reference.IsTerminated);

    public IReadOnlyList<int> Living =>
        [.. _actors.Where(static actor => !actor.Reference.IsTerminated).Select(static actor => actor.Number)];

    public int Gates => _gates.Count;

    public IReadOnlyList<int> Runnable =>
        [.. _stepped.Dispatcher.Scheduled.Select(mailbox => NumberOf(mailbox.Cell.Self)).Where(static number => number >= 0).Order()];

    public override void Write(string line) => _trace.Add(line);

    public override IActorRef ReferenceOf(int actor) => actor switch
    {
        Nobodies.Guardian => System.Guardian,
        Nobodies.DeadLetters => System.DeadLetters,
        Nobodies.Nobody => ActorRefs.Nobody,
        _ => _actors[actor - 1].Reference,
    };

    public override void Register(HostRecord actor)
    {
        _actors.Add(actor);
        actor.Number = _actors.Count;
        base.Register(actor);
    }

    /// <summary>Returns what an errand waits for. Its continuation is queued where the gate is opened.</summary>
    public override Task Gate()
    {
        _gates.Add(new TaskCompletionSource());
        return _gates[^1].Task;
    }

    public void RunTurn(int actor)
    {
        _stepped.Turn(ReferenceOf(actor));
        // The guardians above are nobody's concern, but must not pile up.
        while (_stepped.Dispatcher.Scheduled.FirstOrDefault(mailbox => NumberOf(mailbox.Cell.Self) == Nobodies.Engine) is { } mailbox)
            _stepped.Dispatcher.RunTurn(mailbox);
    }

    public void Tell(int to, Errand errand, int from) =>
        ReferenceOf(to).Tell(errand, from == Nobodies.DeadLetters ? ActorRefs.NoSender : ReferenceOf(from));

    public void Send(int to, Signal signal) => ReferenceOf(to).Tell(MessageOf(signal), ActorRefs.NoSender);

    public int Spawn(ActorSpec spec, string? name) => Spawn(System, spec, name, depth: 1);

    public void Stop(int actor) => System.Stop(ReferenceOf(actor));

    public void Publish(Announcement announcement) => System.EventStream.Publish(announcement);

    public void Advance(TimeSpan time) => _stepped.Advance(time);

    public void OpenGate(int gate, FailureKind? failure)
    {
        if (failure is { } kind)
            _gates[gate].TrySetException(new ScriptedException(kind, gate));
        else
            _gates[gate].TrySetResult();
    }

    public void StopAll() => System.FinalTerminate();

    public string? Stuck()
    {
        var stuck = _actors.Find(static actor =>
            !actor.Reference.IsTerminated && (actor.Mailbox.Suspensions > 0 || actor.Mailbox.HasMessages));
        return stuck is null ? null : $"#{stuck.Number} is suspended {stuck.Mailbox.Suspensions} times for good";
    }
}
