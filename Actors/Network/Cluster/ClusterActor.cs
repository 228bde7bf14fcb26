using Mesh.Actors.Projection;
using Mesh.Protocol.Identity;

namespace Mesh.Actors.Cluster;

/// <summary>Is what the cluster's actor works with.</summary>
/// <param name="Board">Where all controllers see each other.</param>
/// <param name="Self">Who this is.</param>
/// <param name="Incarnation">As which it joined.</param>
/// <param name="Describe">Says what the next heartbeat carries; safe to call from any thread.</param>
/// <param name="Delegated">Gives the controllers that the journal knows.</param>
/// <param name="Feed">Where the view goes.</param>
/// <param name="Changed">Is called with every new view, in order.</param>
/// <param name="Replaced">Is called when a newer incarnation has this controller's row: this one must end.</param>
/// <param name="Times">How often and how long.</param>
/// <param name="Time">The machine's monotonic clock.</param>
public sealed record ClusterServices(
    IMemberBoard Board, MemberSelf Self, long Incarnation, Func<MemberBeat> Describe,
    Func<IReadOnlyDictionary<ControllerId, ControllerView>> Delegated, ClusterFeed Feed, Action<ClusterView> Changed, Action Replaced,
    ClusterTimes Times, TimeProvider Time);

/// <summary>Asks for a heartbeat now; answered by <see cref="Beaten"/> once one that began later is over, well or not.</summary>
public sealed record BeatNow;

/// <summary>Answers <see cref="BeatNow"/>.</summary>
public sealed record Beaten;

/// <summary>Asks to give every job away and to say so on the board; answered by <see cref="Beaten"/> whether or not the board heard it.</summary>
public sealed record LeaveBoard(MemberPhase Phase);

/// <summary>
/// Keeps this controller's row on the member board and shows the others. Supervises nothing. While the board cannot be reached it tries
/// again with every heartbeat; what is lost is the view of the others, and after a lease the jobs: others take them, and the journal
/// decides what happens.
/// </summary>
public sealed class ClusterActor : ReceiveActor, IWithTimers, IDisposable
{
    readonly ClusterServices _services;
    readonly CancellationTokenSource _stopping = new();
    readonly ILoggingAdapter _log = Context.GetLogger();
    readonly Queue<IActorRef> _asked = new();
    List<IActorRef> _answered = [];
    MemberPhase _phase = MemberPhase.Serving;
    bool _isBeating;
    bool _isSilent;
    bool _isReplaced;

    public ClusterActor(ClusterServices services)
    {
        _services = services;
        Receive<Tick>(_ => Beat());
        Receive<BeatNow>(_ =>
        {
            _asked.Enqueue(Sender);
            Beat();
        });
        Receive<Read>(read =>
        {
            if (read.Reading is { } reading)
                Show(reading, read.SentAt);
            else
                Replace();
            EndBeat();
        });
        Receive<Failed>(failed =>
        {
            if (!_isSilent)
                _log.Warning("the member board does not answer: {0}", failed.Cause.Message.Split('\n')[0]);
            _isSilent = true;
            EndBeat();
        });
        Receive<LeaveBoard>(Leave);
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() => Beat();

    protected override void PostStop()
    {
        _services.Feed.Release();
        _stopping.Cancel();
    }

    public void Dispose() => _stopping.Dispose();

    void Beat()
    {
        if (_isBeating || _isReplaced || _phase == MemberPhase.Stopped)
        {
            if (!_isBeating)
                AnswerAll();
            return;
        }
        _isBeating = true;
        _answered = [.. _asked];
        _asked.Clear();
        // The next heartbeat is due by the beginning of this one, however long it takes.
        Timers.StartSingleTimer("beat", new Tick(), _services.Times.Heartbeat);
        var sentAt = _services.Time.GetTimestamp();
        var beat = _services.Describe() with { Phase = _phase };
        if (_phase != MemberPhase.Serving)
            beat = beat with { Jobs = [] };
        _services.Board.BeatAsync(_services.Self, _services.Incarnation, beat, _stopping.Token)
            .PipeTo(Self, success: reading => new Read(reading, sentAt), failure: cause => new Failed(cause));
    }

    void EndBeat()
    {
        _isBeating = false;
        foreach (var asker in _answered)
            asker.Tell(new Beaten());
        _answered = [];
        // A beat that took longer than the interval has swallowed its tick.
        if (_asked.Count > 0 || !Timers.IsTimerActive("beat"))
            Beat();
    }

    void Show(BoardReading reading, long sentAt)
    {
        if (_isSilent)
            _log.Warning("the member board answers again");
        _isSilent = false;
        var view = ClusterView.Of(reading, _services.Delegated(), _services.Times);
        _services.Feed.Publish(view, sentAt);
        if (_phase != MemberPhase.Serving)
            _services.Feed.Release();
        _services.Changed(view);
    }

    void Replace()
    {
        if (_phase == MemberPhase.Stopped)
            return;
        _isReplaced = true;
        Timers.Cancel("beat");
        _services.Feed.Release();
        _services.Replaced();
    }

    void Leave(LeaveBoard leave)
    {
        _phase = leave.Phase;
        _services.Feed.Release();
        if (_phase == MemberPhase.Stopped)
            Timers.Cancel("beat");
        var asker = Sender;
        if (_isReplaced)
        {
            asker.Tell(new Beaten());
            return;
        }
        _services.Board.LeaveAsync(_services.Self, _services.Incarnation, leave.Phase, _stopping.Token)
            .PipeTo(asker, success: () => new Beaten(), failure: _ => new Beaten());
    }

    void AnswerAll()
    {
        while (_asked.TryDequeue(out var asker))
            asker.Tell(new Beaten());
    }

    sealed record Tick;

    sealed record Read(BoardReading? Reading, long SentAt);

    sealed record Failed(Exception Cause);
}
