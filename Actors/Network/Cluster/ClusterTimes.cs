namespace Mesh.Actors.Cluster;

/// <summary>Sets how often controllers look after each other, and for how long they believe what they saw. Immutable.</summary>
public sealed record ClusterTimes
{
    /// <summary>Gets how often a controller writes that it is there; 2 seconds.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Gets how long a heartbeat counts, and how long a job is held without one; 6 seconds.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(6);

    /// <summary>Gets after how long without a heartbeat nobody expects a controller back; 30 seconds.</summary>
    public TimeSpan GoneAfter { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Gets by how much a machine's clock may differ from the database's before people are told; 30 seconds.</summary>
    public TimeSpan SkewTold { get; init; } = TimeSpan.FromSeconds(30);
}
