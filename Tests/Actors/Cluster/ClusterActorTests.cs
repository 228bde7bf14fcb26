using System.Threading.Channels;
using Mesh.Actors.Cluster;
using Mesh.Actors.Projection;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Tests.Actors.Registry;

namespace Mesh.Tests.Actors.Cluster;

public sealed class ClusterActorTests : IAsyncLifetime
{
    static readonly ControllerId Own = TypedId.Create<ControllerId>(new SeededEntropy(1));
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    readonly ActorSystem _system = ActorSystem.Create("cluster-test", ConfigurationFactory.ParseString("akka { stdout-loglevel = OFF, loglevel = OFF }"));
    readonly ScriptedBoard _board = new();
    readonly ManualTime _time = new();
    readonly TaskCompletionSource _replaced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly Channel<ClusterView> _views = Channel.CreateUnbounded<ClusterView>();
    ClusterFeed _feed = null!;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _system.Terminate();

    [Fact]
    public async Task Goes_on_beating_after_the_board_was_silent_and_loses_its_jobs_meanwhile()
    {
        Start(TimeSpan.FromMilliseconds(20));
        _feed.Holds("sweep");
        await Until(() => _feed.Holds("sweep"));
        _board.IsSilent = true;
        var failed = _board.Failures;
        await Until(() => _board.Failures > failed + 2);
        _time.Advance(TimeSpan.FromSeconds(6));
        Assert.False(_feed.Holds("sweep"));
        _board.IsSilent = false;
        await Until(() => _feed.Holds("sweep"));
        Assert.False(_replaced.Task.IsCompleted);
    }

    [Fact]
    public async Task Ends_the_controller_whose_row_a_newer_incarnation_has()
    {
        var cluster = Start(TimeSpan.FromMilliseconds(20));
        _feed.Holds("sweep");
        await Until(() => _feed.Holds("sweep"));
        _board.IsTaken = true;
        await _replaced.Task.WaitAsync(Patience);
        Assert.False(_feed.Holds("sweep"));
        var beats = _board.Beats;
        await cluster.Ask<Beaten>(new BeatNow(), Patience);
        Assert.Equal(beats, _board.Beats);
    }

    [Fact]
    public async Task Hands_its_jobs_over_before_it_ends_and_is_not_seen_again()
    {
        var cluster = Start(TimeSpan.FromHours(1));
        _feed.Holds("sweep");
        await cluster.Ask<Beaten>(new BeatNow(), Patience);
        Assert.True(_feed.Holds("sweep"));
        await cluster.Ask<Beaten>(new LeaveBoard(MemberPhase.Stopping), Patience);
        Assert.False(_feed.Holds("sweep"));
        await cluster.Ask<Beaten>(new BeatNow(), Patience);
        Assert.False(_feed.Holds("sweep"));
        Assert.Empty(_board.Last!.Jobs);
        Assert.Equal(MemberPhase.Stopping, _board.Last.Phase);
        await cluster.Ask<Beaten>(new LeaveBoard(MemberPhase.Stopped), Patience);
        var beats = _board.Beats;
        await cluster.Ask<Beaten>(new BeatNow(), Patience);
        Assert.Equal(beats, _board.Beats);
        Assert.Equal([MemberPhase.Stopping, MemberPhase.Stopped], _board.Left);
    }

    IActorRef Start(TimeSpan heartbeat)
    {
        var times = new ClusterTimes { Heartbeat = heartbeat };
        _feed = new ClusterFeed(Own, times, _time);
        var services = new ClusterServices(
            _board, new MemberSelf(Own, "1.0", "here"), 1, () => new MemberBeat(["a:1"], "a:1", MemberPhase.Serving, 1, 0, TimeSpan.Zero, _feed.Wanted),
            () => new Dictionary<ControllerId, ControllerView>(), _feed, view => _views.Writer.TryWrite(view), () => _replaced.TrySetResult(), times, _time);
        return _system.ActorOf(Props.Create(() => new ClusterActor(services)), "cluster");
    }

    static async Task Until(Func<bool> condition)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!condition())
            await Task.Delay(5, patience.Token);
    }

    /// <summary>Is a board with one member, which the test makes fail.</summary>
    sealed class ScriptedBoard : IMemberBoard
    {
        static readonly WallTime Now = new(1_700_000_000_000);
        volatile bool _isSilent;
        volatile bool _isTaken;
        int _beats;
        int _failures;

        public bool IsSilent { get => _isSilent; set => _isSilent = value; }

        public bool IsTaken { get => _isTaken; set => _isTaken = value; }

        public int Beats => Volatile.Read(ref _beats);

        public int Failures => Volatile.Read(ref _failures);

        public MemberBeat? Last { get; private set; }

        public List<MemberPhase> Left { get; } = [];

        public Task<long?> JoinAsync(MemberSelf self, CancellationToken cancellationToken) => Task.FromResult<long?>(1);

        public Task<BoardReading?> BeatAsync(MemberSelf self, long incarnation, MemberBeat beat, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _beats);
            Last = beat;
            if (_isSilent)
            {
                Interlocked.Increment(ref _failures);
                return Task.FromException<BoardReading?>(new TimeoutException("silent"));
            }
            return Task.FromResult(_isTaken ? null : new BoardReading(
                Now, [ClusterViewTests.Row(self.Controller, 0)], [.. beat.Jobs.Select(job => new JobRow(job, self.Controller, 1, Now + TimeSpan.FromSeconds(6)))]));
        }

        public Task LeaveAsync(MemberSelf self, long incarnation, MemberPhase phase, CancellationToken cancellationToken)
        {
            Left.Add(phase);
            return Task.CompletedTask;
        }
    }
}
