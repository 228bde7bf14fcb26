using Mesh.Actors.Engine.Pattern;

namespace Mesh.Tests.Engine;

public sealed class BackoffDelayTests
{
    public static TheoryData<int, TimeSpan, TimeSpan, TimeSpan> Delays => new()
    {
        { 0, TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero },
        { 0, TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(7), TimeSpan.FromMinutes(5) },
        { 2, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(7), TimeSpan.FromSeconds(7) },
        { 2, TimeSpan.FromSeconds(5), TimeSpan.FromDays(7), TimeSpan.FromSeconds(20) },
        { 29, TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(10) },
        { 29, TimeSpan.FromDays(10_000), TimeSpan.FromDays(10_000), TimeSpan.FromDays(10_000) },
        { int.MaxValue, TimeSpan.FromDays(10_000), TimeSpan.FromDays(10_000), TimeSpan.FromDays(10_000) },
    };

    [Theory]
    [MemberData(nameof(Delays))]
    public void BackoffSupervisor_must_correctly_calculate_the_delay(int restarts, TimeSpan min, TimeSpan max, TimeSpan expected) =>
        Assert.Equal(expected, BackoffSupervisorBase.Delay(Settings(min, max, 0), restarts));

    [Fact]
    public void The_random_share_is_added_and_bounded()
    {
        var settings = Settings(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(8), 0.5);
        var delays = Enumerable.Range(0, 1_000).Select(_ => BackoffSupervisorBase.Delay(settings, 2)).ToList();
        Assert.All(delays, delay => Assert.InRange(delay, TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(6)));
        Assert.True(delays.Distinct().Count() > 1);
    }

    static BackoffSettings Settings(TimeSpan min, TimeSpan max, double random) => new(false, Props.Empty, "child", min, max, random);
}
