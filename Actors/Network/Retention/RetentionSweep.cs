using Mesh.Actors.Ports;
using Mesh.Actors.Projection;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Retention;

/// <summary>
/// Forgets what ended longer ago than is to be kept, whole days (UTC) at a time, and after a start finishes what was left half done. Supervises
/// nothing; what fails is tried the next time.
/// </summary>
sealed class RetentionSweep : ReceiveActor, IWithTimers
{
    /// <summary>The name of the job: of several controllers one does it.</summary>
    public const string Job = "retention";

    static readonly TimeSpan FirstLook = TimeSpan.FromMinutes(1);

    readonly TimeSpan _interval;
    readonly ILoggingAdapter _log = Context.GetLogger();
    bool _isBusy;
    WallTime? _done;

    public RetentionSweep(NetworkViewFeed feed, IJobs jobs, IClock clock, TimeSpan? retention, TimeSpan interval, Func<WallTime, Task> prune)
    {
        _interval = interval;
        // From the first look on somebody else may do it. Where nothing is to be forgotten there is no such job.
        if (retention is not null)
            jobs.Holds(Job);
        Receive<Look>(_ =>
        {
            if (_isBusy || Before(feed.Current, clock.Now, retention) is not { } before || !jobs.Holds(Job))
                return;
            _isBusy = true;
            prune(before).PipeTo(Self, success: () => new Pruned(before), failure: cause => new Failed(cause));
        });
        Receive<Pruned>(pruned => (_isBusy, _done) = (false, pruned.Before));
        Receive<Failed>(failed =>
        {
            _isBusy = false;
            _log.Warning("what has ended could not be pruned, and will be tried again: {0}", failed.Cause.Message);
        });
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() => Timers.StartPeriodicTimer("look", new Look(), FirstLook < _interval ? FirstLook : _interval, _interval);

    // Up to where something is to be done. Reading the whole journal for nothing is not worth it.
    WallTime? Before(NetworkView view, WallTime now, TimeSpan? retention)
    {
        if (retention is { } keep && Day(now - keep) is var before && !(before <= _done) && view.HasEnded(before))
            return before;
        return _done is null ? view.PrunedBefore : null;
    }

    static WallTime Day(WallTime time) => WallTime.From(new DateTimeOffset(time.ToDateTimeOffset().UtcDateTime.Date, TimeSpan.Zero));

    sealed record Look;

    sealed record Pruned(WallTime Before);

    sealed record Failed(Exception Cause);
}
