using Mesh.Actors.Cluster;
using Mesh.Actors.Projection;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;
using Mesh.Tests.Actors.Registry;

namespace Mesh.Tests.Actors.Cluster;

public sealed class ClusterViewTests
{
    static readonly WallTime Now = new(1_700_000_000_000);
    static readonly ClusterTimes Times = new();
    static readonly ControllerId A = Id(1);
    static readonly ControllerId B = Id(2);

    [Theory]
    [InlineData(0, MemberPhase.Serving, MemberState.Alive)]
    [InlineData(6, MemberPhase.Serving, MemberState.Alive)]
    [InlineData(6.001, MemberPhase.Serving, MemberState.Late)]
    [InlineData(30, MemberPhase.Serving, MemberState.Late)]
    [InlineData(30.001, MemberPhase.Serving, MemberState.Gone)]
    [InlineData(1, MemberPhase.Stopping, MemberState.Stopping)]
    [InlineData(7, MemberPhase.Stopping, MemberState.Late)]
    [InlineData(0, MemberPhase.Stopped, MemberState.Stopped)]
    [InlineData(100, MemberPhase.Stopped, MemberState.Stopped)]
    [InlineData(-5, MemberPhase.Serving, MemberState.Alive)]
    public void A_row_and_the_time_say_how_a_member_is_doing(double seconds, MemberPhase phase, MemberState state)
    {
        var view = Of([Row(A, seconds) with { Phase = phase }]);
        var member = Assert.Single(view.Members);
        Assert.Equal(state, member.State);
        Assert.Equal(state is MemberState.Alive or MemberState.Stopping, member.IsUp);
        Assert.Equal(TimeSpan.FromSeconds(Math.Max(0, seconds)), member.Age);
    }

    [Fact]
    public void Whom_the_network_no_longer_believes_is_withdrawn_and_who_never_came_is_gone()
    {
        var view = Of([Row(A, 0)], Delegated(A, withdrawn: true), Delegated(B));
        Assert.Equal(
            [(A, MemberState.Withdrawn), (B, MemberState.Gone)],
            view.Members.Select(member => (member.Id, member.State)).OrderBy(pair => pair.State == MemberState.Gone));
        Assert.DoesNotContain(view.Members, member => member.IsUp);
    }

    [Fact]
    public void Lag_is_counted_from_the_newest_among_those_that_are_up()
    {
        var dead = Id(3);
        var view = Of([Row(A, 1) with { Revision = 90 }, Row(B, 1) with { Revision = 100 }, Row(dead, 60) with { Revision = 500 }]);
        Assert.Equal(10, view.Members.Single(member => member.Id == A).Lag);
        Assert.Equal(0, view.Members.Single(member => member.Id == B).Lag);
        Assert.Equal(0, view.Members.Single(member => member.Id == dead).Lag);
    }

    [Fact]
    public void A_job_whose_lease_is_over_is_nobodys()
    {
        var view = ClusterView.Of(
            new BoardReading(
                Now, [], [new JobRow("z", A, 3, Now + TimeSpan.FromSeconds(1)), new JobRow("b", B, 1, Now + TimeSpan.FromSeconds(1)), new JobRow("c", A, 1, Now)]),
            new Dictionary<ControllerId, ControllerView>(), Times);
        Assert.Equal(["b", "z"], view.Jobs.Select(job => job.Job));
    }

    [Fact]
    public void A_job_is_held_only_while_the_lease_surely_counts_by_the_machines_monotonic_clock()
    {
        var time = new ManualTime();
        var feed = new ClusterFeed(A, Times, time);
        Assert.False(feed.Holds("sweep"));
        Assert.Equal(["sweep"], feed.Wanted);
        var sent = time.GetTimestamp();
        time.Advance(TimeSpan.FromSeconds(2));
        feed.Publish(new ClusterView(Now, [], [new JobRow("sweep", A, 1, Now + Times.Lease), new JobRow("other", B, 1, Now + Times.Lease)]), sent);
        Assert.True(feed.Holds("sweep"));
        Assert.False(feed.Holds("other"));
        // The answer was under way for two of the six seconds.
        time.Advance(TimeSpan.FromSeconds(3.999));
        Assert.True(feed.Holds("sweep"));
        time.Advance(TimeSpan.FromSeconds(0.001));
        Assert.False(feed.Holds("sweep"));
        feed.Publish(new ClusterView(Now, [], [new JobRow("sweep", A, 1, Now + Times.Lease)]), time.GetTimestamp());
        Assert.True(feed.Holds("sweep"));
        feed.Release();
        Assert.False(feed.Holds("sweep"));
    }

    internal static MemberRow Row(ControllerId id, double age) => new(
        id, 1, "1.0", ["a:1"], "a:1", MemberPhase.Serving, Now - TimeSpan.FromHours(1), Now - TimeSpan.FromSeconds(age), 1, 0, TimeSpan.Zero);

    static ControllerId Id(int seed) => TypedId.Create<ControllerId>(new SeededEntropy(seed));

    static ClusterView Of(IReadOnlyList<MemberRow> rows, params ControllerView[] delegated) =>
        ClusterView.Of(new BoardReading(Now, rows, []), delegated.ToDictionary(one => one.Id), Times);

    static ControllerView Delegated(ControllerId id, bool withdrawn = false)
    {
        using var root = new SigningPrivateKey(new SeededEntropy(9));
        var signer = new TestSigner(TypedId.Create<NetworkId>(new SeededEntropy(8)), root, Now, new SeededEntropy(7));
        return new ControllerView(id, ["a:1"], signer.Delegation, withdrawn);
    }
}

/// <summary>Is a monotonic clock that the test moves.</summary>
sealed class ManualTime : TimeProvider
{
    long _ticks = 1;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Interlocked.Read(ref _ticks);

    public void Advance(TimeSpan span) => Interlocked.Add(ref _ticks, span.Ticks);
}
