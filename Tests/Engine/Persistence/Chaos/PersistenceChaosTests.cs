using Xunit.Abstractions;

namespace Mesh.Tests.Engine.Persistence.Chaos;

public sealed class PersistenceChaosTests(ITestOutputHelper output)
{
    [Fact]
    public async Task What_is_acknowledged_is_recovered_once_and_in_order_whatever_the_journal_does()
    {
        var series = new ChaosSeries(output);
        await series.RunAsync(
            seed => new ChaosWorld(seed, ChaosOdds.Wild, series.Figures), world => ChaosRun.PlayAsync(world, new ChaosStage()));
        if (series.IsRerun)
            return;

        // A run in which nothing went wrong would prove nothing.
        var figures = series.Figures;
        Assert.All(
            [
                figures.Acknowledged, figures.Unknown, figures.Rejected, figures.FailedWrites, figures.LostReplies, figures.Restarts,
                figures.FailedRecoveries, figures.SnapshotsUsed, figures.Opened, figures.Closed,
            ],
            count => Assert.NotEqual(0, count));
    }
}
