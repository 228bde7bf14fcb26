namespace Mesh.Tests.Engine.Model;

/// <summary>Makes up actors and errands. All it knows is its random numbers, so one seed always makes up the same.</summary>
sealed class Generator(Random random, int lastNumber = 0)
{
    // Few and round, so that moments coincide: windows that close just when something fails, timers that fire together.
    static readonly int[] Moments = [5, 10, 20, 30, 50, 100];

    int _lastNumber = lastNumber;

    /// <summary>One of the moments in milliseconds.</summary>
    public TimeSpan Moment() => TimeSpan.FromMilliseconds(Moments[random.Next(Moments.Length)]);

    public Target Known() => new(TargetKind.Known, random.Next(1 << 20));

    public string? Name()
    {
        if (Chance(2))
            return "$illegal";
        return Chance(55) ? Names.At(random.Next(Names.Count)) : null;
    }

    public FailureKind Fruit() => (FailureKind)random.Next(3);

    public Announcement Announcement() =>
        Chance(50) ? new LoudAnnouncement(++_lastNumber) : new Announcement(++_lastNumber);

    /// <param name="depth">How far errands may still carry errands and actors.</param>
    public Errand Errand(int depth)
    {
        var number = ++_lastNumber;
        var colour = random.Next(Model.Errand.Colours);
        var ops = Ops(depth, Place.Handler, 4);
        if (Chance(9))
            ops.Insert(random.Next(ops.Count + 1), new AwaitOp());
        // What cannot be followed by anything comes last, most of the time.
        if (Chance(22))
            ops.Add(new ThrowOp(Fruit(), ++_lastNumber));
        return random.Next(10) switch
        {
            0 or 1 => new QuietErrand(number, colour, ops),
            2 => new FaintErrand(number, colour, ops),
            _ => new Errand(number, colour, ops),
        };
    }

    /// <summary>Has its receiver watch others, and think better of some.</summary>
    public Errand Vigil()
    {
        var ops = new List<Op>();
        for (var left = 1 + random.Next(6); left > 0; left--)
        {
            ops.Add(new WatchOp(Known(), Chance(25) ? Errand(1) : null));
            if (Chance(20))
                ops.Add(new UnwatchOp(Known()));
        }
        return new Errand(++_lastNumber, random.Next(Model.Errand.Colours), ops);
    }

    public ActorSpec Actor(int depth)
    {
        var behaviours = new BehaviourSpec[1 + random.Next(3)];
        for (var index = 0; index < behaviours.Length; index++)
        {
            var colours = Chance(70) ? (1 << Model.Errand.Colours) - 1 : random.Next(1 << Model.Errand.Colours);
            behaviours[index] = new BehaviourSpec(colours, Chance(88), Chance(85), Chance(70));
        }
        return new ActorSpec
        {
            Strategy = Chance(25) ? null : Strategy(),
            StashCapacity = Chance(70) ? -1 : 1 + random.Next(3),
            Behaviours = behaviours,
            Constructor = Hook(depth, Place.Constructor, 25, 7),
            PreStart = Hook(depth, Place.Hook, 45, 7),
            PostStop = Hook(depth, Place.Hook, 20, 8),
            PreRestart = Hook(depth, Place.PreRestart, 35, 8),
            PostRestart = Hook(depth, Place.Hook, 30, 10),
            OnTerminated = Ops(depth, Place.Handler, 2),
            OnTimeout = Ops(depth, Place.Handler, 2),
        };
    }

    /// <summary>An actor that starts others when it starts, and these others.</summary>
    public ActorSpec Tree(int levels)
    {
        var root = Actor(2);
        if (levels == 0)
            return root;
        var starts = new List<Op>();
        for (var left = 1 + random.Next(3); left > 0; left--)
            starts.Add(new AttemptOp(new SpawnOp(Tree(levels - 1), Name())));
        return root with
        {
            Strategy = root.Strategy ?? Strategy(),
            PreStart = root.PreStart with { Ops = [.. starts, .. root.PreStart.Ops], Lively = 1 + random.Next(6) },
        };
    }

    StrategySpec Strategy()
    {
        var directives = new Directive[Enum.GetValues<FailureKind>().Length];
        for (var kind = 0; kind < directives.Length; kind++)
        {
            directives[kind] = random.Next(100) switch
            {
                < 45 => Directive.Restart,
                < 68 => Directive.Resume,
                < 88 => Directive.Escalate,
                _ => Directive.Stop,
            };
        }
        var retries = random.Next(7) - 1;
        return new StrategySpec(
            Chance(40), retries > 3 ? -1 : retries, Chance(55) ? -1 : Moments[random.Next(Moments.Length)], directives, Chance(30));
    }

    HookSpec Hook(int depth, Place place, int lively, int failing)
    {
        var ops = Chance(lively) ? Ops(depth, place, 2) : [];
        var throws = Chance(failing) ? 1 + random.Next(3) : 0;
        var callsBase = Chance(70) ? Chance(70) ? BaseCall.First : BaseCall.Last : BaseCall.Never;
        return new HookSpec(ops, 1 + random.Next(4), throws, Fruit(), ++_lastNumber, callsBase);
    }

    List<Op> Ops(int depth, Place place, int most)
    {
        var ops = new List<Op>();
        for (var left = random.Next(most + 1); left > 0; left--)
            ops.Add(Op(depth, place));
        return ops;
    }

    Op Op(int depth, Place place)
    {
        var op = Plain(depth, place);
        // Most refusals are caught; some fail the actor.
        return op is SpawnOp or StashOp && Chance(75) ? new AttemptOp(op) : op;
    }

    Op Plain(int depth, Place place) => random.Next(100) switch
    {
        < 22 when depth > 0 => new TellOp(Target(), Errand(depth - 1), Chance(15)),
        < 28 when depth > 0 => new SpawnOp(Actor(depth - 1), Name()),
        < 30 when place == Place.Handler => new ForwardOp(Target()),
        < 33 => new SignalOp(Target(), Chance(60) ? Signal.Identify : Chance(50) ? Signal.Pill : Signal.Kill),
        < 36 => new StopOp(Chance(60) ? new Target(TargetKind.Child, random.Next(100)) : Target()),
        < 48 => new WatchOp(Target(), depth > 0 && Chance(35) ? Errand(depth - 1) : null),
        < 53 => new UnwatchOp(Target()),
        < 57 => new BecomeOp(random.Next(3), Chance(50)),
        < 59 => new UnbecomeOp(),
        < 70 when place is Place.Handler or Place.PreRestart => Stashing(place),
        < 80 when place != Place.Constructor => Timing(depth),
        < 83 => new TimeoutOp(Chance(75) ? Moment() : null),
        < 86 => new SubscribeOp((Channel)random.Next(3), Chance(65)),
        < 89 => new PublishOp(Announcement()),
        < 90 => new ThrowOp(Fruit(), ++_lastNumber),
        _ when place != Place.Constructor => new InspectOp(),
        _ => new UnwatchOp(Target()),
    };

    Op Stashing(Place place) => random.Next(12) switch
    {
        < 6 => new StashOp(),
        < 7 when place == Place.Handler => new ClearStashOp(),
        < 8 => new UnstashAllOp(random.Next(Model.Errand.Colours)),
        < 10 => new UnstashOp(),
        _ => new UnstashAllOp(null),
    };

    Op Timing(int depth)
    {
        var key = Chance(50) ? "k" : "l";
        if (Chance(20))
            return new CancelTimerOp(Chance(70) ? key : null);
        object payload = depth > 0 && !Chance(8) ? Errand(depth - 1) : Chance(50) ? Signal.Pill : Signal.Kill;
        return new TimerOp(key, payload, Moment(), Chance(35) ? Moment() : null);
    }

    Target Target() => random.Next(100) switch
    {
        < 15 => new(TargetKind.Self),
        < 28 => new(TargetKind.Parent),
        < 42 => new(TargetKind.Sender),
        < 62 => new(TargetKind.Child, random.Next(100)),
        < 68 => new(TargetKind.Named, random.Next(Names.Count)),
        < 97 => Known(),
        _ => new(TargetKind.DeadLetters),
    };

    bool Chance(int percent) => random.Next(100) < percent;

    /// <summary>Where operations are to run; not everything can be done everywhere.</summary>
    enum Place
    {
        Handler,

        /// <summary>Stash and timers are not there yet.</summary>
        Constructor,
        Hook,

        /// <summary>The message that failed can still be stashed.</summary>
        PreRestart,
    }
}
