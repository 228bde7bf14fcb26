namespace Mesh.Tests.Engine.Persistence.Chaos;

/// <summary>Storage that lies once, in a quiet world, is found out, and for what it did.</summary>
public sealed class LyingStorageTests
{
    private const long Seed = 20;

    private static readonly ChaosOdds Quiet = new()
    {
        // Long enough that no machine is too slow for it.
        CallTimeout = TimeSpan.FromSeconds(20),
        Slowness = TimeSpan.FromMilliseconds(2),
        SlowWrite = 0.5,
        Reject = 0.1,
        Snapshot = 0.1,
    };

    [Theory]
    [InlineData(ChaosLie.AcknowledgeWithoutStoring, Breach.AcknowledgedNotStored)]
    [InlineData(ChaosLie.AcknowledgeWithoutStoring, Breach.HandledNotStored)]
    [InlineData(ChaosLie.AcknowledgeWithoutStoring, Breach.Gap)]
    [InlineData(ChaosLie.StoreTwice, Breach.StoredTwice)]
    [InlineData(ChaosLie.SwapTwoEvents, Breach.OutOfOrder)]
    [InlineData(ChaosLie.SwapTwoEvents, Breach.Renumbered)]
    [InlineData(ChaosLie.StoreHalfABatch, Breach.TornBatch)]
    [InlineData(ChaosLie.StoreHalfABatch, Breach.AcknowledgedNotStored)]
    [InlineData(ChaosLie.StoreWhatIsRejected, Breach.RejectedButStored)]
    [InlineData(ChaosLie.LeaveOneOutOfReplay, Breach.RecoveredWrongly)]
    [InlineData(ChaosLie.ReplayOneTwice, Breach.SeenTwice)]
    [InlineData(ChaosLie.ForgetTheLast, Breach.AcknowledgedNotRecovered)]
    [InlineData(ChaosLie.NumberASnapshotTooHigh, Breach.WrongSnapshot)]
    [InlineData(ChaosLie.AnswerBeforeTheWriteEnds, Breach.TwoWritesOut)]
    internal async Task A_lie_is_named(ChaosLie lie, Breach breach) => Assert.Contains(breach, await TellAsync(lie));

    [Fact]
    public async Task An_answer_that_comes_twice_is_taken_for_another_or_for_none_at_all() =>
        Assert.NotEmpty(new[] { Breach.HandlersOutOfOrder, Breach.SomethingStrange }.Intersect(await TellAsync(ChaosLie.AnswerTwice)));

    [Fact]
    public async Task Without_a_lie_there_is_nothing_to_name() => Assert.Empty(await TellAsync(ChaosLie.None));

    private static async Task<IReadOnlyList<Breach>> TellAsync(ChaosLie lie)
    {
        using var world = new ChaosWorld(Seed, Quiet, new ChaosFigures(), lie);
        var violations = await ChaosRun.PlayAsync(world, new ChaosStage { Entities = 1 });
        Assert.False(world.Lies(lie), "the run gave no occasion to lie");
        return [.. violations.Select(violation => violation.Breach).Distinct()];
    }
}
