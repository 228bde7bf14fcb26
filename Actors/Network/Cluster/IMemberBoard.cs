using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Cluster;

/// <summary>Says what a controller writes of itself about its life.</summary>
public enum MemberPhase
{
    /// <summary>It runs.</summary>
    Serving,

    /// <summary>It sends its nodes to the others and will end.</summary>
    Stopping,

    /// <summary>It has ended in order.</summary>
    Stopped,
}

/// <summary>Is who joins the board.</summary>
/// <param name="Controller">The controller.</param>
/// <param name="Version">Its program's version.</param>
/// <param name="Place">
/// Names the running kernel and the state directory in it. Whoever comes from the same place holds the lock that the one before held, so
/// that one is dead and need not be waited for.
/// </param>
public sealed record MemberSelf(ControllerId Controller, string Version, string Place);

/// <summary>Is what a controller says of itself with every heartbeat.</summary>
/// <param name="Addresses">Where nodes find it.</param>
/// <param name="Internal">Where the other controllers find it.</param>
/// <param name="Phase">Where it is in its life.</param>
/// <param name="Revision">The newest revision that it knows.</param>
/// <param name="Attached">How many nodes are attached to it.</param>
/// <param name="ClockOffset">By how much its machine's clock is ahead of the database's.</param>
/// <param name="Jobs">The jobs that it would do.</param>
public sealed record MemberBeat(
    IReadOnlyList<string> Addresses, string Internal, MemberPhase Phase, long Revision, int Attached, TimeSpan ClockOffset,
    IReadOnlyCollection<string> Jobs);

/// <summary>Is what stands on the board of one controller; times are the database's.</summary>
public sealed record MemberRow(
    ControllerId Controller, long Incarnation, string Version, IReadOnlyList<string> Addresses, string Internal, MemberPhase Phase,
    WallTime StartedAt, WallTime HeartbeatAt, long Revision, int Attached, TimeSpan ClockOffset);

/// <summary>Is a job and who does it until when by the database's clock. The token grows with every change of the holder.</summary>
public sealed record JobRow(string Job, ControllerId Holder, long Token, WallTime Until);

/// <summary>Is the whole board at one moment of the database.</summary>
public sealed record BoardReading(WallTime Now, IReadOnlyList<MemberRow> Members, IReadOnlyList<JobRow> Jobs)
{
    /// <summary>Is a board with nobody on it.</summary>
    public static BoardReading Empty { get; } = new(default, [], []);
}

/// <summary>
/// Keeps who is there and who does what, where all controllers of a network see it. All times are its own: no machine's clock decides.
/// Everything on it may be lost. Used by one caller at a time; calls throw what the database throws.
/// </summary>
public interface IMemberBoard
{
    /// <summary>
    /// Takes the controller's row over under a new incarnation, which is greater than every one before; null where another process of the
    /// same controller is alive. Waits for up to a lease to find that out.
    /// </summary>
    Task<long?> JoinAsync(MemberSelf self, CancellationToken cancellationToken);

    /// <summary>Writes a heartbeat, renews and takes jobs, and reads the board; null where a newer incarnation has the row.</summary>
    Task<BoardReading?> BeatAsync(MemberSelf self, long incarnation, MemberBeat beat, CancellationToken cancellationToken);

    /// <summary>Lets go of every job at once. With <see cref="MemberPhase.Stopped"/> the row says that nobody need wait any more.</summary>
    Task LeaveAsync(MemberSelf self, long incarnation, MemberPhase phase, CancellationToken cancellationToken);
}
