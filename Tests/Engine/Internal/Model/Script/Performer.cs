using System.Collections.Concurrent;

namespace Mesh.Tests.Engine.Model;

/// <summary>Performs scripts on a stage. Everything is bounded, so that every run comes to rest.</summary>
sealed class Performer(IWorld world)
{
    const int MaxDepth = 4;
    const int MaxAlive = 60;
    const int MaxSpawned = 250;

    /// <summary>How often one errand is performed; after that it is only received.</summary>
    const int MaxPerformances = 3;

    readonly ConcurrentDictionary<int, int> _performances = new();

    /// <summary>Returns what an errand still has its receiver do.</summary>
    public IReadOnlyList<Op> Take(Errand errand) =>
        _performances.AddOrUpdate(errand.Number, 1, static (_, before) => before + 1) > MaxPerformances ? [] : errand.Ops;

    /// <summary>Performs the operations of a hook, then fails if it is to fail.</summary>
    public void PerformHook(IStage stage, HookSpec hook, int incarnation)
    {
        if (incarnation <= hook.Lively)
            Perform(stage, hook.Ops, 0, null);
        if (incarnation <= hook.Throws)
            stage.Throw(hook.Kind, hook.Number);
    }

    /// <summary>Performs operations up to the next wait and returns its place, or the count of the operations.</summary>
    public int Perform(IStage stage, IReadOnlyList<Op> ops, int from, Errand? inHand)
    {
        for (var place = from; place < ops.Count; place++)
        {
            if (ops[place] is AwaitOp)
                return place;
            Perform(stage, ops[place], inHand);
        }
        return ops.Count;
    }

    void Perform(IStage stage, Op op, Errand? inHand)
    {
        // What goes on after a wait may belong to an instance that was replaced meanwhile; stash and timers are not its any more.
        if (stage.IsOver && op is not (TellOp or SignalOp or ThrowOp))
            return;
        switch (op)
        {
            case TellOp { To: var target, Errand: var errand, Anonymous: var anonymous }:
                On(stage, target, true, to => stage.Tell(to, errand, anonymous));
                break;
            case ForwardOp { To: var target } when inHand is not null:
                On(stage, target, true, to => stage.Forward(to, inHand));
                break;
            case SignalOp { To: var target, Signal: var signal }:
                On(stage, target, signal == Signal.Identify, to => stage.Send(to, signal));
                break;
            case SpawnOp { Spec: var spec, Name: var name }:
                Spawn(stage, spec, name);
                break;
            case StopOp { Whom: var target }:
                On(stage, target, false, stage.Stop);
                break;
            case WatchOp { Whom: var target, With: var message }:
                On(stage, target, false, to => stage.Watch(to, message));
                break;
            case UnwatchOp { Whom: var target }:
                On(stage, target, false, stage.Unwatch);
                break;
            case ThrowOp { Kind: var kind, Number: var number }:
                stage.Throw(kind, number);
                break;
            case AttemptOp { Tried: var tried }:
                Attempt(stage, tried, inHand);
                break;
            default:
                PerformOnSelf(stage, op);
                break;
        }
    }

    void PerformOnSelf(IStage stage, Op op)
    {
        switch (op)
        {
            case BecomeOp { Behaviour: var behaviour, Stacked: var stacked }:
                stage.Become(behaviour, stacked);
                break;
            case UnbecomeOp:
                stage.Unbecome();
                break;
            case StashOp:
                stage.Stash();
                break;
            case UnstashOp:
                stage.Unstash();
                break;
            case UnstashAllOp { Colour: var colour }:
                stage.UnstashAll(colour);
                break;
            case ClearStashOp:
                world.Write($"#{stage.Self} throws {stage.ClearStash()} stashed away");
                break;
            case TimerOp { Key: var key, Payload: var payload, Initial: var initial, Interval: var interval }:
                stage.StartTimer(key, payload, initial, interval);
                break;
            case CancelTimerOp { Key: var key }:
                stage.CancelTimer(key);
                break;
            case TimeoutOp { After: var after }:
                stage.SetReceiveTimeout(after);
                break;
            case SubscribeOp { Channel: var channel, On: var on }:
                stage.Subscribe(channel, on);
                break;
            case PublishOp { Announcement: var announcement }:
                stage.Publish(announcement);
                break;
            case InspectOp:
                world.Write($"#{stage.Self} has children [{string.Join(" ", stage.Children)}], {stage.Inspect()}");
                break;
            default:
                break;
        }
    }

    void Attempt(IStage stage, Op tried, Errand? inHand)
    {
        try
        {
            Perform(stage, tried, inHand);
        }
        catch (Exception refusal)
        {
            world.Write($"#{stage.Self} is refused: {stage.Describe(refusal)}");
        }
    }

    void Spawn(IStage stage, ActorSpec spec, string? name)
    {
        if (stage.Depth >= MaxDepth || world.Alive >= MaxAlive || world.Spawned >= MaxSpawned)
            return;
        var number = stage.Spawn(spec, name);
        world.Write($"#{stage.Self} starts #{number} {world.PathOf(number)}");
    }

    /// <summary>Acts on a target if there is one. The guardian and those who are no actors are only spoken to.</summary>
    void On(IStage stage, Target target, bool harmless, Action<int> act)
    {
        var number = Resolve(stage, target);
        if (number > Nobodies.Guardian || (harmless && number is Nobodies.Guardian or Nobodies.DeadLetters or Nobodies.Nobody))
            act(number);
    }

    int Resolve(IStage stage, Target target)
    {
        switch (target.Kind)
        {
            case TargetKind.Self:
                return stage.Self;
            case TargetKind.Parent:
                return stage.Parent;
            case TargetKind.Sender:
                return stage.Sender;
            case TargetKind.Child:
                var children = stage.Children;
                return children.Count == 0 ? Nobodies.Nobody : children[target.Index % children.Count];
            case TargetKind.Named:
                return stage.Child(Names.At(target.Index));
            case TargetKind.Known:
                return Known(target.Index);
            default:
                return Nobodies.DeadLetters;
        }
    }

    /// <summary>One of those ever started; three times out of four the next that is alive.</summary>
    int Known(int index)
    {
        var count = world.Spawned;
        if (count == 0)
            return Nobodies.Nobody;
        for (var step = 0; index % 4 > 0 && step < count; step++)
        {
            var number = 1 + ((index + step) % count);
            if (world.IsAlive(number))
                return number;
        }
        return 1 + (index % count);
    }
}

/// <summary>The few names that actors are given, so that they meet.</summary>
static class Names
{
    static readonly string[] All = ["a", "b", "c", "d"];

    public static int Count => All.Length;

    public static string At(int index) => All[index % All.Length];
}
