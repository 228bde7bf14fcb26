namespace Mesh.Tests.Engine;

public sealed class SupervisorStrategySpecs
{
    public static TheoryData<int?, int> Retries => new() { { null, -1 }, { -1, -1 }, { 0, 0 }, { 5, 5 } };

    public static TheoryData<TimeSpan?, int> Windows => new()
    {
        { null, -1 }, { Timeout.InfiniteTimeSpan, -1 }, { TimeSpan.Zero, 0 }, { TimeSpan.FromMilliseconds(100), 100 },
        { TimeSpan.FromMilliseconds(100).Add(TimeSpan.FromTicks(75)), 100 },
    };

    [Theory]
    [MemberData(nameof(Retries))]
    public void Nullable_retries_mean_what_they_say(int? retries, int expected)
    {
        Assert.Equal(expected, new OneForOneStrategy(retries, null, _ => Directive.Restart).MaxNumberOfRetries);
        Assert.Equal(expected, new OneForOneStrategy(retries, null, SupervisorStrategy.DefaultDecider).MaxNumberOfRetries);
        Assert.Equal(expected, new AllForOneStrategy(retries, null, _ => Directive.Restart).MaxNumberOfRetries);
        Assert.Equal(expected, new AllForOneStrategy(retries, null, SupervisorStrategy.DefaultDecider).MaxNumberOfRetries);
    }

    [Theory]
    [MemberData(nameof(Windows))]
    public void Nullable_windows_mean_what_they_say(TimeSpan? window, int expected)
    {
        Assert.Equal(expected, new OneForOneStrategy(-1, window, _ => Directive.Restart).WithinTimeRangeMilliseconds);
        Assert.Equal(expected, new OneForOneStrategy(-1, window, SupervisorStrategy.DefaultDecider).WithinTimeRangeMilliseconds);
        Assert.Equal(expected, new AllForOneStrategy(-1, window, _ => Directive.Restart).WithinTimeRangeMilliseconds);
        Assert.Equal(expected, new AllForOneStrategy(-1, window, SupervisorStrategy.DefaultDecider).WithinTimeRangeMilliseconds);
    }

    [Fact]
    public void The_default_decider_stops_what_cannot_go_on_and_restarts_the_rest()
    {
        var decider = SupervisorStrategy.DefaultDecider;
        Assert.Equal(Directive.Stop, decider.Decide(new ActorInitializationException("")));
        Assert.Equal(Directive.Stop, decider.Decide(new ActorKilledException("")));
        Assert.Equal(Directive.Stop, decider.Decide(new DeathPactException(ActorRefs.Nobody)));
        Assert.Equal(Directive.Restart, decider.Decide(new ExpectedException()));
        Assert.Equal(Directive.Restart, decider.Decide(new IllegalActorStateException("")));
    }
}
