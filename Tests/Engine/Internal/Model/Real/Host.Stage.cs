using Mesh.Actors.Engine.Actor;

namespace Mesh.Tests.Engine.Model;

/// <summary>Scripts call the engine's published surface here, and nothing else.</summary>
sealed partial class Host : IStage
{
    public bool IsOver { get; private set; }

    int IStage.Self => _me.Number;

    int IStage.Depth => _me.Depth;

    int IStage.Sender => _world.NumberOf(Sender);

    int IStage.Parent => _world.NumberOf(Context.Parent);

    IReadOnlyList<int> IStage.Children => [.. Context.GetChildren().Select(_world.NumberOf).Order()];

    IStash Stashed => ((IActorStash)this).Stash;

    int IStage.Child(string name) => _world.NumberOf(Context.Child(name));

    void IStage.Tell(int to, Errand errand, bool anonymous)
    {
        var receiver = _world.ReferenceOf(to);
        receiver.Tell(Addressed(receiver, to, errand), anonymous ? ActorRefs.NoSender : Self);
    }

    void IStage.Forward(int to, Errand errand)
    {
        var receiver = _world.ReferenceOf(to);
        receiver.Forward(Addressed(receiver, to, errand));
    }

    void IStage.Send(int to, Signal signal) => _world.ReferenceOf(to).Tell(HostWorld.MessageOf(signal), Self);

    int IStage.Spawn(ActorSpec spec, string? name) => _world.Spawn(Context, spec, name, _me.Depth + 1);

    void IStage.Stop(int actor)
    {
        if (_world.ReferenceOf(actor) is LocalActorRef doomed)
            Context.Stop(doomed);
    }

    void IStage.Watch(int actor, Errand? with)
    {
        var subject = _world.ReferenceOf(actor);
        if (subject.IsNobody())
            return;
        _world.Witness.Watching(_me, actor);
        if (with is null)
            Context.Watch(subject);
        else
            Context.WatchWith(subject, _world.Witness.SendingAtEnd(actor, with));
    }

    void IStage.Unwatch(int actor)
    {
        _world.Witness.Unwatching(_me, actor);
        Context.Unwatch(_world.ReferenceOf(actor));
    }

    void IStage.Become(int behaviour, bool stacked)
    {
        var chosen = behaviour % _me.Spec.Behaviours.Count;
        if (stacked)
            BecomeStacked(() => Configure(chosen));
        else
            Become(() => Configure(chosen));
    }

    void IStage.Unbecome() => UnbecomeStacked();

    void IStage.Stash()
    {
        var message = ActorCell.Current!.CurrentMessage;
        if (!_world.Witness.MayStash(message))
            return;
        Stashed.Stash();
        _world.Witness.Stashed(message);
    }

    void IStage.Unstash() => Stashed.Unstash();

    void IStage.UnstashAll(int? colour)
    {
        if (colour is null)
        {
            Stashed.UnstashAll();
            return;
        }
        Stashed.UnstashAll(envelope =>
        {
            if (envelope.Message is Errand errand && errand.Colour == colour)
                return true;
            _world.Witness.ThrownAway(envelope.Message);
            return false;
        });
    }

    int IStage.ClearStash()
    {
        var count = 0;
        foreach (var envelope in Stashed.ClearStash())
        {
            _world.Witness.ThrownAway(envelope.Message);
            count++;
        }
        return count;
    }

    void IStage.StartTimer(string key, object payload, TimeSpan initial, TimeSpan? interval)
    {
        if (_world.Witness.IsCalm)
            return;
        var message = payload is Signal signal ? HostWorld.MessageOf(signal) : payload;
        if (interval is { } each)
            Timers.StartPeriodicTimer(key, message, initial, each);
        else
            Timers.StartSingleTimer(key, message, initial);
    }

    void IStage.CancelTimer(string? key)
    {
        if (key is null)
            Timers.CancelAll();
        else
            Timers.Cancel(key);
    }

    void IStage.SetReceiveTimeout(TimeSpan? timeout) => SetReceiveTimeout(_world.Witness.IsCalm ? null : timeout);

    void IStage.Subscribe(Channel channel, bool on)
    {
        var type = channel switch
        {
            Channel.All => typeof(Announcement),
            Channel.Loud => typeof(LoudAnnouncement),
            _ => typeof(ILoud),
        };
        if (on)
            Context.System.EventStream.Subscribe(Self, type);
        else
            Context.System.EventStream.Unsubscribe(Self, type);
    }

    void IStage.Publish(Announcement announcement) => Context.System.EventStream.Publish(announcement);

    string IStage.Inspect() =>
        Line.Inspection(Stashed.Count, Timers.ActiveTimers.Select(static key => $"{key}"), Context.ReceiveTimeout);

    void IStage.Throw(FailureKind kind, int number) => throw new ScriptedException(kind, number);

    string IStage.Describe(Exception failure) => _world.Describe(failure);

    Errand Addressed(IActorRef receiver, int to, Errand errand) =>
        _world.Witness.Sending(_me, receiver.IsNobody() ? Nobodies.Nobody : to, errand);
}
