namespace Mesh.Actors.Ports;

/// <summary>
/// Says which of the jobs that only one controller need do are this controller's at the moment. It saves work and nothing else: two
/// controllers may hold a job at once for some seconds, and what they decide then is safe by the journal alone. Safe for concurrent use.
/// </summary>
public interface IJobs
{
    /// <summary>
    /// Tells whether this controller does a job now. Asking is also how it comes to be shared out: a job that nobody holds is taken by
    /// whoever asks for it, from the next heartbeat on.
    /// </summary>
    bool Holds(string job);
}

/// <summary>Holds every job: the controller is alone.</summary>
public sealed class AllJobs : IJobs
{
    /// <summary>Gets the one instance.</summary>
    public static AllJobs Instance { get; } = new();

    /// <inheritdoc/>
    public bool Holds(string job) => true;
}
