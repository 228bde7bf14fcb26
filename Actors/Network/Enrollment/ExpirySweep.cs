using Mesh.Actors.Ports;
using Mesh.Actors.Projection;
using Mesh.Actors.Registry;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Enrollment;

/// <summary>
/// Writes down which credentials' time is over, so that the audit list shows it although nobody presents them. Supervises nothing;
/// what it misses it finds the next time.
/// </summary>
sealed class ExpirySweep : ReceiveActor, IWithTimers
{
    /// <summary>The name of the job: of several controllers one does it.</summary>
    public const string Job = "expiry";

    readonly TimeSpan _interval;

    public ExpirySweep(NetworkViewFeed feed, IActorRef credentials, IClock clock, IEntropy entropy, IJobs jobs, ControllerOptions options)
    {
        _interval = options.ExpirySweepInterval;
        // From the first look on somebody else may do it.
        jobs.Holds(Job);
        Receive<Look>(_ =>
        {
            if (!jobs.Holds(Job))
                return;
            var now = clock.Now;
            foreach (var (_, credential) in feed.Current.OpenCredentials.TakeWhile(open => now > open.ExpiresAt))
                credentials.Tell(new EntityRequest(credential.ToString(), new ExpireCredential(Cause.Of(Cause.System, entropy), credential)));
        });
        // The answers: what could not be written now is found again.
        ReceiveAny(_ => { });
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() => Timers.StartPeriodicTimer("look", new Look(), _interval, _interval);

    sealed record Look;
}
