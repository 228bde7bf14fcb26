using Mesh.Actors.Ports;
using Mesh.Actors.Projection;
using Mesh.Actors.Registry;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Enrollment;

/// <summary>
/// Writes down which nodes' time is over, and deletes ephemeral nodes that were away for too long or left. Two of these at once do no
/// harm: each node decides for itself, once. Supervises nothing; what it misses it finds the next time.
/// </summary>
sealed class NodeSweep : ReceiveActor, IWithTimers
{
    readonly TimeSpan _interval;

    public NodeSweep(
        NetworkViewFeed feed, IActorRef nodes, IPresence presence, IClock clock, IEntropy entropy, IJobs jobs, ControllerOptions options)
    {
        _interval = options.NodeSweepInterval;
        var away = new AwayWatch(options.EphemeralTimeout, _interval);
        // From the first look on somebody else may do it.
        jobs.Holds(ExpirySweep.Job);
        Receive<Look>(_ =>
        {
            if (!jobs.Holds(ExpirySweep.Job))
            {
                away.Forget();
                return;
            }
            var (view, now) = (feed.Current, clock.Now);
            foreach (var node in view.Nodes.Values)
            {
                if (node is { IsPresent: true, IsExpired: false } && node.ExpiresAt <= now)
                    Tell(node.Id, new ExpireNode(Cause.Of(Cause.System, entropy), node.Id));
                else if (node is { IsEphemeral: true, Removed: Removal.LoggedOut })
                    Tell(node.Id, new DeleteNode(Cause.Of(Cause.System, entropy), node.Id));
            }
            var ephemeral = view.Nodes.Values.Where(node => node is { IsPresent: true, IsEphemeral: true }).Select(node => node.Id);
            foreach (var node in away.Look(ephemeral, presence.Get, now))
                Tell(node, new DeleteNode(Cause.Of(Cause.System, entropy), node, view.Nodes[node].Credential));

            void Tell(NodeId node, IEntityCommand command) => nodes.Tell(new EntityRequest(node.ToString(), command));
        });
        // The answers: what could not be written now is found again.
        ReceiveAny(_ => { });
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() => Timers.StartPeriodicTimer("look", new Look(), _interval, _interval);

    sealed record Look;
}
