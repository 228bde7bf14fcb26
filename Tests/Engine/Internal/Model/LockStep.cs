using System.Security.Cryptography;
using System.Text;

namespace Mesh.Tests.Engine.Model;

/// <summary>Drives the engine and the model through the same random steps and compares them after each.</summary>
sealed class LockStep
{
    const int MostTurnsToRest = 50_000;
    const int LinesShown = 30;

    readonly int _seed;
    readonly Random _random;
    readonly Generator _generator;
    readonly EngineWorld _engine = new();
    readonly ReferenceModel _model;
    readonly List<int> _closedGates = [];
    int _gatesSeen;
    int _compared;
    int _steps;
    string? _difference;

    LockStep(int seed, Mutation mutation)
    {
        _seed = seed;
        _random = new Random(seed);
        _generator = new Generator(_random);
        _model = new ReferenceModel(mutation);
    }

    public int Steps => _steps;

    public RunCounts Counts => _model.Counts;

    /// <summary>What was different, with all that is needed to see why; null if nothing was.</summary>
    public string? Difference => _difference;

    /// <summary>True if engine or model threw where nothing may, instead of doing something else than the other.</summary>
    public bool HasBroken { get; private set; }

    public IReadOnlyList<string> Trace => _engine.Trace;

    public string TraceHash => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', Trace))))[..16];

    /// <summary>Runs to the end, or to the first difference.</summary>
    public static LockStep Run(int seed, Mutation mutation = Mutation.None)
    {
        var run = new LockStep(seed, mutation);
        run.Run();
        return run;
    }

    void Run()
    {
        for (var left = 1 + _random.Next(3); left > 0; left--)
            Spawn();
        for (var left = 60 + _random.Next(400); left > 0 && _difference is null; left--)
            RandomStep();
        Rest();
        CheckAtRest();
        Step("everything is stopped", static twin => twin.StopAll());
        Rest();
        CheckAtEnd();
    }

    void RandomStep()
    {
        var runnable = _engine.Runnable;
        var choice = _random.Next(100);
        if (choice < 62 && runnable.Count > 0)
            Turn(runnable);
        else if (choice < 78)
            Inject();
        else if (choice < 91)
            Advance(_generator.Moment());
        else if (choice < 94)
            OpenGate();
        else
            Rare();
    }

    void Turn(IReadOnlyList<int> runnable)
    {
        var actor = runnable[_random.Next(runnable.Count)];
        Step($"turn of #{actor}", twin => twin.RunTurn(actor));
    }

    void Inject()
    {
        if (Known() is not { } to)
            return;
        // A turn has room for many messages; only a crowd shows where it ends.
        var count = _random.Next(25) == 0 ? 40 : 1;
        var errand = _generator.Errand(3);
        var from = _random.Next(3) == 0 ? Nobodies.DeadLetters : Known()!.Value;
        Step($"{errand} to #{to}, {count} times", twin =>
        {
            for (var left = count; left > 0; left--)
                twin.Tell(to, errand, from);
        });
    }

    void Rare()
    {
        if (_random.Next(5) < 2)
        {
            Spawn();
            return;
        }
        if (Known() is not { } actor)
            return;
        switch (_random.Next(4))
        {
            case 0:
                Step($"#{actor} is stopped from outside", twin => twin.Stop(actor));
                break;
            case 1:
                var signal = (Signal)_random.Next(3);
                Step($"{signal} to #{actor}", twin => twin.Send(actor, signal));
                break;
            case 2:
                var announcement = _generator.Announcement();
                Step($"{announcement} from outside", twin => twin.Publish(announcement));
                break;
            default:
                // Far enough that all pending timers fire and all windows close.
                Advance(TimeSpan.FromMilliseconds(250));
                break;
        }
    }

    void Spawn()
    {
        var spec = _generator.Tree(_random.Next(4));
        string? name = null;
        for (var unused = _random.Next(2); unused > 0 && name is null; unused--)
            name = $"top-{_engine.Spawned}";
        Step("an actor is started", twin => twin.Write($"#{twin.Spawn(spec, name)} is started from outside"));
    }

    void Advance(TimeSpan time) => Step($"{time.TotalMilliseconds} ms pass", twin => twin.Advance(time));

    void OpenGate()
    {
        for (; _gatesSeen < _engine.Gates; _gatesSeen++)
            _closedGates.Add(_gatesSeen);
        if (_closedGates.Count == 0)
            return;
        var place = _random.Next(_closedGates.Count);
        var gate = _closedGates[place];
        _closedGates.RemoveAt(place);
        FailureKind? failure = _random.Next(4) == 0 ? _generator.Fruit() : null;
        Step($"gate {gate} opens{(failure is null ? "" : $" with {failure}")}", twin => twin.OpenGate(gate, failure));
    }

    /// <summary>Somebody alive most of the time; null before there was anybody.</summary>
    int? Known()
    {
        var living = _engine.Living;
        if (living.Count > 0 && _random.Next(10) > 0)
            return living[_random.Next(living.Count)];
        return _engine.Spawned == 0 ? null : 1 + _random.Next(_engine.Spawned);
    }

    /// <summary>Lets everything run until nobody has anything to do and nobody waits.</summary>
    void Rest()
    {
        for (var left = MostTurnsToRest; _difference is null; left--)
        {
            if (left == 0)
            {
                Fail("came to no rest", []);
                return;
            }
            var runnable = _engine.Runnable;
            if (runnable.Count > 0)
                Turn(runnable);
            else if (_closedGates.Count > 0 || _gatesSeen < _engine.Gates)
                OpenGate();
            else
                return;
        }
    }

    void CheckAtRest()
    {
        if (_difference is not null)
            return;
        if (_engine.Stuck() is { } engine)
            Fail($"in the engine, {engine}", []);
        else if (_model.Stuck() is { } model)
            Fail($"in the model, {model}", []);
    }

    /// <summary>Nothing is left: nobody alive, and nothing that would still happen.</summary>
    void CheckAtEnd()
    {
        var before = _engine.Trace.Count;
        Step("a minute passes", static twin => twin.Advance(TimeSpan.FromMinutes(1)));
        if (_difference is not null)
            return;
        if (_engine.Alive > 0 || _model.Alive > 0 || _engine.Runnable.Count > 0)
            Fail($"{_engine.Alive} alive in the engine, {_model.Alive} in the model, after the end", []);
        else if (_engine.Trace.Count != before)
            Fail("something still happens after the end", []);
    }

    void Step(string name, Action<ITwin> act)
    {
        if (_difference is not null)
            return;
        _steps++;
        if (!Try(name, _engine, act) || !Try(name, _model, act))
            return;
        var (engine, model) = (_engine.Trace, _model.Trace);
        for (var line = _compared; line < Math.Max(engine.Count, model.Count); line++)
        {
            var (left, right) = (line < engine.Count ? engine[line] : "(nothing)", line < model.Count ? model[line] : "(nothing)");
            if (left == right)
                continue;
            Fail(name, ["the engine said:", $"  {left}", "the model said:", $"  {right}"]);
            return;
        }
        _compared = engine.Count;
        var (awake, meant) = (string.Join(" ", _engine.Runnable), string.Join(" ", _model.Runnable));
        if (awake != meant)
            Fail(name, [$"runnable in the engine: {awake}", $"runnable in the model:  {meant}"]);
        else if (_engine.Gates != _model.Gates)
            Fail(name, [$"{_engine.Gates} gates in the engine, {_model.Gates} in the model"]);
    }

    bool Try(string name, ITwin twin, Action<ITwin> act)
    {
        try
        {
            act(twin);
            return true;
        }
        catch (Exception broken)
        {
            HasBroken = true;
            Fail(name, [$"{twin.GetType().Name} broke: {broken}"]);
            return false;
        }
    }

    void Fail(string step, IEnumerable<string> what)
    {
        var text = new StringBuilder($"seed {_seed}, step {_steps}: {step}\n");
        foreach (var line in what)
            text.Append(line).Append('\n');
        Append("engine", _engine.Trace);
        Append("model", _model.Trace);
        _difference = text.ToString();

        void Append(string title, IReadOnlyList<string> trace)
        {
            text.Append($"-- {title}, the last of {trace.Count} lines\n");
            for (var line = Math.Max(0, trace.Count - LinesShown); line < trace.Count; line++)
                text.Append($"{(line >= _compared ? '>' : ' ')} {trace[line]}\n");
        }
    }
}
