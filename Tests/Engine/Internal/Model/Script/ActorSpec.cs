namespace Mesh.Tests.Engine.Model;

/// <summary>All that makes one kind of actor: what its hooks do, what it takes, how it treats its children.</summary>
sealed record ActorSpec
{
    /// <summary>Null for the engine's default.</summary>
    public StrategySpec? Strategy { get; init; }

    /// <summary>-1 is unbounded.</summary>
    public int StashCapacity { get; init; } = -1;

    public IReadOnlyList<BehaviourSpec> Behaviours { get; init; } = [BehaviourSpec.TakesAll];

    public HookSpec Constructor { get; init; } = HookSpec.Empty;

    public HookSpec PreStart { get; init; } = HookSpec.Empty;

    public HookSpec PostStop { get; init; } = HookSpec.Empty;

    public HookSpec PreRestart { get; init; } = HookSpec.Empty;

    public HookSpec PostRestart { get; init; } = HookSpec.Empty;

    public IReadOnlyList<Op> OnTerminated { get; init; } = [];

    public IReadOnlyList<Op> OnTimeout { get; init; } = [];
}

/// <summary>A supervisor strategy by kind of failure.</summary>
sealed record StrategySpec(bool AllForOne, int Retries, int WindowMilliseconds, IReadOnlyList<Directive> Directives, bool FromProps)
{
    public Directive Decide(FailureKind kind) => Directives[(int)kind];
}

/// <summary>What one behaviour takes; the rest is unhandled.</summary>
sealed record BehaviourSpec(int Colours, bool TakesTerminated, bool TakesTimeout, bool TakesNews)
{
    public static BehaviourSpec TakesAll { get; } = new((1 << Errand.Colours) - 1, true, true, true);

    public bool Takes(Errand errand) => (Colours >> errand.Colour & 1) != 0;
}

/// <summary>When an overridden hook runs what it overrides.</summary>
enum BaseCall
{
    First,
    Last,
    Never,
}

/// <summary>
/// A hook: its operations run for the first <paramref name="Lively"/> incarnations, and it throws in the first <paramref name="Throws"/>,
/// so that no actor goes on failing for ever.
/// </summary>
sealed record HookSpec(IReadOnlyList<Op> Ops, int Lively, int Throws, FailureKind Kind, int Number, BaseCall Base)
{
    public static HookSpec Empty { get; } = new([], 0, 0, FailureKind.Apple, 0, BaseCall.First);
}
