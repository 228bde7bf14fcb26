using System.Collections.Concurrent;
using Mesh.Actors.Ports;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Cluster;

/// <summary>
/// Hands out the newest view of the cluster, and says which jobs are this controller's. A job counts only while the lease surely does: by
/// this machine's monotonic clock, from before the heartbeat was sent. Safe for concurrent use.
/// </summary>
public sealed class ClusterFeed(ControllerId self, ClusterTimes times, TimeProvider time) : IJobs
{
    // Names come from the program, not from strangers.
    readonly ConcurrentDictionary<string, bool> _wanted = new(StringComparer.Ordinal);
    volatile ClusterView _current = ClusterView.Empty;
    volatile Held _held = new([], 0);

    /// <summary>Gets the newest view.</summary>
    public ClusterView Current => _current;

    /// <summary>Gets the jobs that somebody in this controller asked for.</summary>
    public IReadOnlyCollection<string> Wanted => [.. _wanted.Keys];

    /// <inheritdoc/>
    public bool Holds(string job)
    {
        _wanted.TryAdd(job, true);
        var held = _held;
        return held.Jobs.Contains(job) && time.GetElapsedTime(held.Since) < times.Lease;
    }

    /// <summary>Takes in what a heartbeat brought, and when by <see cref="TimeProvider.GetTimestamp"/> it was sent.</summary>
    internal void Publish(ClusterView view, long sentAt)
    {
        _current = view;
        _held = new Held([.. view.Jobs.Where(job => job.Holder == self).Select(job => job.Job)], sentAt);
    }

    /// <summary>Lets go of every job.</summary>
    internal void Release() => _held = new Held([], 0);

    sealed record Held(HashSet<string> Jobs, long Since);
}
