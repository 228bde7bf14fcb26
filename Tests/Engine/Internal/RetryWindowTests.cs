using Mesh.Actors.Engine.Actor;

namespace Mesh.Tests.Engine;

public sealed class RetryWindowTests
{
    static readonly LocalActorRef NoChild = null!;

    [Fact]
    public void Minus_one_without_window_grants_any_number()
    {
        var stats = new ChildRestartStats(NoChild);
        Assert.All(Enumerable.Range(0, 1000), _ => Assert.True(stats.RequestRestartPermission(-1, -1, TimeSpan.Zero)));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1000)]
    public void Zero_grants_none(int window)
    {
        var stats = new ChildRestartStats(NoChild);
        Assert.False(stats.RequestRestartPermission(0, window, TimeSpan.Zero));
    }

    [Fact]
    public void A_count_without_window_is_for_life()
    {
        var stats = new ChildRestartStats(NoChild);
        Assert.True(stats.RequestRestartPermission(2, -1, TimeSpan.Zero));
        Assert.True(stats.RequestRestartPermission(2, -1, TimeSpan.FromDays(1)));
        Assert.False(stats.RequestRestartPermission(2, -1, TimeSpan.FromDays(2)));
        Assert.False(stats.RequestRestartPermission(2, -1, TimeSpan.FromDays(400)));
    }

    [Fact]
    public void A_window_without_count_grants_one()
    {
        var stats = new ChildRestartStats(NoChild);
        Assert.True(stats.RequestRestartPermission(-1, 1000, At(0)));
        Assert.False(stats.RequestRestartPermission(-1, 1000, At(1000)));
        Assert.True(stats.RequestRestartPermission(-1, 1000, At(1001)));
    }

    [Fact]
    public void The_window_is_inclusive_and_an_attempt_after_it_resets_the_count_to_one()
    {
        var stats = new ChildRestartStats(NoChild);
        Assert.True(stats.RequestRestartPermission(2, 1000, At(50)));
        Assert.True(stats.RequestRestartPermission(2, 1000, At(1050)));
        Assert.False(stats.RequestRestartPermission(2, 1000, At(1050)));
        Assert.True(stats.RequestRestartPermission(2, 1000, At(1051)));
        Assert.True(stats.RequestRestartPermission(2, 1000, At(2000)));
        Assert.False(stats.RequestRestartPermission(2, 1000, At(2051)));
        Assert.True(stats.RequestRestartPermission(2, 1000, At(2052)));
    }

    [Fact]
    public void A_refused_attempt_does_not_open_a_new_window()
    {
        var stats = new ChildRestartStats(NoChild);
        Assert.True(stats.RequestRestartPermission(1, 1000, At(0)));
        Assert.False(stats.RequestRestartPermission(1, 1000, At(900)));
        Assert.True(stats.RequestRestartPermission(1, 1000, At(1001)));
    }

    static TimeSpan At(int milliseconds) => TimeSpan.FromMilliseconds(milliseconds);
}
