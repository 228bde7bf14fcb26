using System.Collections.Concurrent;
using System.Globalization;

namespace Mesh.Tests.Engine.Persistence.Chaos;

/// <summary>How storage deceives, once, to prove that a deception is seen.</summary>
internal enum ChaosLie
{
    None,
    AcknowledgeWithoutStoring,
    StoreTwice,
    SwapTwoEvents,
    StoreHalfABatch,
    StoreWhatIsRejected,
    LeaveOneOutOfReplay,
    ReplayOneTwice,
    ForgetTheLast,
    NumberASnapshotTooHigh,
    AnswerBeforeTheWriteEnds,
    AnswerTwice,
}

/// <summary>What the actors of one run share: seed, odds, history, figures. Plugins find it by the name in their configuration.</summary>
internal sealed class ChaosWorld : IDisposable
{
    private static readonly ConcurrentDictionary<string, ChaosWorld> Worlds = new(StringComparer.Ordinal);

    private readonly ConcurrentDictionary<string, int> _draws = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> _entities = new(StringComparer.Ordinal);
    private readonly string _name = Guid.NewGuid().ToString("N");
    private readonly ChaosOdds _odds;
    private readonly CancellationTokenSource _calm = new();
    private ChaosLie _lie;
    private int _incarnations;
    private int _outage;
    private int _calls;

    public ChaosWorld(long seed, ChaosOdds odds, ChaosFigures figures, ChaosLie lie = ChaosLie.None)
    {
        Seed = seed;
        _odds = odds;
        _lie = lie;
        Figures = figures;
        Worlds[_name] = this;
        figures.Seed();
    }

    public string Name => _name;

    public long Seed { get; }

    public ChaosHistory History { get; } = new();

    public ChaosFigures Figures { get; }

    /// <summary>What is likely now: once the world is calm, nothing bad.</summary>
    public ChaosOdds Odds => _calm.IsCancellationRequested ? ChaosOdds.None with { CallTimeout = _odds.CallTimeout } : _odds;

    /// <summary>Cancelled when the world becomes calm.</summary>
    public CancellationToken Calm => _calm.Token;

    public static ChaosWorld Of(Config config) => Worlds[config.GetString("world")!];

    public void BecomeCalm() => _calm.Cancel();

    public int NextIncarnation(string entity)
    {
        if (!_entities.TryAdd(entity, true))
            Figures.Restarted();
        return Interlocked.Increment(ref _incarnations);
    }

    /// <summary>Dice for the next occasion of a kind.</summary>
    public ChaosDice Draw(string purpose)
    {
        var count = _draws.AddOrUpdate(purpose, 1, static (_, before) => before + 1);
        return ChaosDice.For(Seed, string.Create(CultureInfo.InvariantCulture, $"{purpose}#{count}"));
    }

    /// <summary>Waits a while, perhaps.</summary>
    public Task PauseAsync(ChaosDice dice, double odds) => dice.Rolls(odds) ? Task.Delay(dice.UpTo(Odds.Slowness)) : Task.CompletedTask;

    /// <summary>
    /// True while calls fail one after the other, and for the one that begins it. Where there are outages at all, some begin at calls
    /// that do not depend on the dice, so that no run is without one.
    /// </summary>
    public bool IsOut(ChaosDice dice)
    {
        var call = Interlocked.Increment(ref _calls);
        if (Volatile.Read(ref _outage) > 0 && Interlocked.Decrement(ref _outage) >= 0)
            return !Calm.IsCancellationRequested;
        var odds = Odds.Outage;
        if (!dice.Rolls(odds) && (odds == 0 || call % 200 != 0))
            return false;
        Figures.OutageBegan();
        Volatile.Write(ref _outage, 8);
        return true;
    }

    /// <summary>True for the first that asks, if that is the lie of this world.</summary>
    public bool Lies(ChaosLie lie)
    {
        if (lie == ChaosLie.None || _lie != lie)
            return false;
        _lie = ChaosLie.None;
        return true;
    }

    public void Dispose()
    {
        Worlds.TryRemove(_name, out _);
        _calm.Dispose();
    }
}
