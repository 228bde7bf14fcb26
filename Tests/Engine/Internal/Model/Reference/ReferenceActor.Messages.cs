namespace Mesh.Tests.Engine.Model;

/// <summary>What becomes of a message: behaviours, signals, asynchronous handlers, the receive timeout.</summary>
sealed partial class ReferenceActor
{
    /// <summary>The one on top is in force.</summary>
    readonly List<int> _behaviours = [];

    readonly Allowance _terminations = new(6);
    readonly Allowance _timeouts = new(4);

    /// <summary>What is being handled, or what failed; a notice if that was a child's failure passed on.</summary>
    object? _inHand;
    int _sender = Nobodies.DeadLetters;
    Waiting? _waiting;

    TimeSpan? _timeout;
    TimeSpan _quietSince;
    Appointment? _wakeUp;
    WakeUp? _awaitedWakeUp;

    public object? InHand => _inHand is FailedNotice ? null : _inHand;

    public int Sender => _sender;

    /// <summary>Counts messages, to tell one from another that is equal.</summary>
    public int MessageCount { get; private set; }

    public TimeSpan? Timeout => _timeout;

    public void Become(int behaviour, bool stacked)
    {
        if (!stacked)
            _behaviours.RemoveAt(_behaviours.Count - 1);
        _behaviours.Add(behaviour % Spec.Behaviours.Count);
    }

    public void Unbecome()
    {
        if (_behaviours.Count > 1)
            _behaviours.RemoveAt(_behaviours.Count - 1);
    }

    public void PutFirst(object message, int sender) => _messages.Insert(0, (message, sender));

    public void SetTimeout(TimeSpan? timeout)
    {
        if (_wakeUp is not null)
            _wakeUp.IsCancelled = true;
        _wakeUp = null;
        _awaitedWakeUp = null;
        _timeout = timeout;
        _quietSince = World.Clock.Now;
        if (timeout is { } time)
            WakeUpAfter(time);
    }

    void Handle(object message, int sender)
    {
        _inHand = message;
        _sender = sender;
        MessageCount++;
        var counts = !ReferenceMessages.IsQuiet(message) || World.Breaks(Mutation.QuietMessagesCount);
        if (message is WakeUp wakeUp)
        {
            if (!IsTimeoutDue(wakeUp))
            {
                _inHand = null;
                return;
            }
            _inHand = message = new NothingCame();
        }
        try
        {
            Deliver(message);
            if (!_hasFailed)
                _inHand = null;
        }
        catch (ReferenceFailure failure)
        {
            Fail(failure);
        }
        ArmTimeout(counts);
    }

    void Deliver(object message)
    {
        switch (message)
        {
            case Ended ended:
                // Without a note of it, the watch was taken back.
                var note = _announced.FindIndex(each => each.Subject == ended.Actor);
                if (note < 0)
                    return;
                var with = _announced[note].With;
                _announced.RemoveAt(note);
                if (with is not null)
                    _inHand = with;
                Behave(with ?? (object)ended);
                break;
            case Signal.Kill:
                throw new ReferenceFailure(FailureKind.Killed, Line.Killed);
            case Signal.Pill:
                Send(new StopNotice());
                break;
            case Signal.Identify:
                World.Deliver(_sender, new Identity(Number), Number);
                break;
            case Tick tick:
                if (_instance!.Expect(tick) is not { } payload)
                    return;
                _inHand = payload;
                Deliver(payload);
                break;
            default:
                Behave(message);
                break;
        }
    }

    void Behave(object message)
    {
        if (this == World.Guardian)
        {
            World.DeadLetter(message, _sender, Nobodies.DeadLetters);
            return;
        }
        World.Counts.Messages++;
        var number = _behaviours[^1];
        var behaviour = Spec.Behaviours[number];
        switch (message)
        {
            case Errand errand when behaviour.Takes(errand):
                WriteHandled(number, errand);
                Perform(errand);
                break;
            case Ended when behaviour.TakesTerminated:
                WriteHandled(number, message);
                if (_terminations.Take())
                    World.Performer.Perform(_instance!, Spec.OnTerminated, 0, null);
                break;
            case NothingCame when behaviour.TakesTimeout:
                WriteHandled(number, message);
                if (_timeouts.Take())
                    World.Performer.Perform(_instance!, Spec.OnTimeout, 0, null);
                break;
            case Announcement or Identity when behaviour.TakesNews:
                WriteHandled(number, message);
                break;
            case Ended ended:
                throw new ReferenceFailure(FailureKind.DeathPact, Line.DeathOf(ended.Actor.Number));
            default:
                World.Write(Line.Unhandled(ReferenceMessages.Describe(message), _sender, Number));
                break;
        }
    }

    void WriteHandled(int behaviour, object message) =>
        World.Write(Line.Handles(Number, behaviour, ReferenceMessages.Describe(message), _sender));

    void Perform(Errand errand)
    {
        var ops = World.Performer.Take(errand);
        if (!errand.Waits)
        {
            World.Performer.Perform(_instance!, ops, 0, errand);
            return;
        }
        _suspended++;
        _waiting = new Waiting(errand, _sender, ops, _instance!);
        PerformToNextGate();
    }

    /// <summary>Runs an asynchronous handler to where it waits, or to its end.</summary>
    void PerformToNextGate()
    {
        var waiting = _waiting!;
        try
        {
            waiting.Next = World.Performer.Perform(waiting.Instance, waiting.Ops, waiting.Next, waiting.Errand);
        }
        catch (ReferenceFailure failure)
        {
            EndWaiting(failure);
            return;
        }
        if (waiting.Next == waiting.Ops.Count)
        {
            EndWaiting(null);
            return;
        }
        waiting.Next++;
        World.NewGate(this);
    }

    void EndWaiting(ReferenceFailure? failure)
    {
        var errand = _waiting!.Errand;
        _waiting = null;
        _suspended--;
        if (failure is not null)
            Fail(failure);
        ArmTimeout(!ReferenceMessages.IsQuiet(errand));
    }

    void GoOn(ReferenceFailure? thrown)
    {
        // What the actor has failed on meanwhile stays what it has failed on.
        var (inHand, sender, hadFailed) = (_inHand, _sender, _hasFailed);
        _inHand = _waiting!.Errand;
        _sender = _waiting.Sender;
        if (thrown is null)
        {
            World.Write(Line.GoesOn(Number, $"{_waiting.Errand}"));
            PerformToNextGate();
        }
        else
        {
            EndWaiting(thrown);
        }
        if (hadFailed)
            (_inHand, _sender) = (inHand, sender);
        else if (!_hasFailed)
            _inHand = null;
    }

    /// <summary>
    /// One wake-up at a time is on its way. An actor that is woken looks at how long nothing came: long enough, or it is woken again when
    /// it will have been.
    /// </summary>
    bool IsTimeoutDue(WakeUp wakeUp)
    {
        if (_timeout is not { } timeout || wakeUp != _awaitedWakeUp)
            return false;
        _wakeUp = null;
        var left = _quietSince + timeout - World.Clock.Now;
        if (left <= TimeSpan.Zero)
            return true;
        WakeUpAfter(left);
        return false;
    }

    void ArmTimeout(bool messageCounts)
    {
        if (_timeout is not { } timeout || _waiting is not null)
            return;
        if (messageCounts)
            _quietSince = World.Clock.Now;
        if (_wakeUp is null)
            WakeUpAfter(timeout);
    }

    void WakeUpAfter(TimeSpan time)
    {
        var wakeUp = _awaitedWakeUp = new WakeUp();
        _wakeUp = World.Clock.Schedule(time, null, () => Receive(wakeUp, Number));
    }

    /// <summary>An asynchronous handler that is not done.</summary>
    sealed class Waiting(Errand errand, int sender, IReadOnlyList<Op> ops, Incarnation instance)
    {
        public Errand Errand { get; } = errand;

        public int Sender { get; } = sender;

        public IReadOnlyList<Op> Ops { get; } = ops;

        public Incarnation Instance { get; } = instance;

        public int Next { get; set; }
    }
}
