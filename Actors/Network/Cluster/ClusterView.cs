using Mesh.Actors.Projection;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Cluster;

/// <summary>Says how a controller is doing, as the others see it.</summary>
public enum MemberState
{
    /// <summary>Its lease holds.</summary>
    Alive,

    /// <summary>It sends its nodes away and will end.</summary>
    Stopping,

    /// <summary>Its lease is over; it may come back.</summary>
    Late,

    /// <summary>It has ended in order.</summary>
    Stopped,

    /// <summary>It was not heard of for long, or never.</summary>
    Gone,

    /// <summary>The network no longer believes it.</summary>
    Withdrawn,
}

/// <summary>Shows one controller of the network.</summary>
/// <param name="Id">The controller.</param>
/// <param name="State">How it is doing.</param>
/// <param name="Row">What it wrote last; null: nothing yet.</param>
/// <param name="Age">How long ago that was.</param>
/// <param name="Lag">How many revisions it is behind the one that knows most.</param>
public sealed record MemberView(ControllerId Id, MemberState State, MemberRow? Row, TimeSpan Age, long Lag)
{
    /// <summary>Gets whether it may be talked to: it was heard of within its lease and has not ended.</summary>
    public bool IsUp => State is MemberState.Alive or MemberState.Stopping;
}

/// <summary>Shows the controllers of a network and who does what. Immutable; made from rows and time alone.</summary>
/// <param name="At">The board's time.</param>
/// <param name="Members">The controllers, sorted by id.</param>
/// <param name="Jobs">The jobs that somebody does, sorted by name.</param>
public sealed record ClusterView(WallTime At, IReadOnlyList<MemberView> Members, IReadOnlyList<JobRow> Jobs)
{
    /// <summary>Is a cluster of which nothing is known.</summary>
    public static ClusterView Empty { get; } = new(default, [], []);

    /// <summary>Makes the view of a board as it was read, and of the controllers that the journal knows.</summary>
    public static ClusterView Of(BoardReading board, IReadOnlyDictionary<ControllerId, ControllerView> delegated, ClusterTimes times)
    {
        var rows = board.Members.ToDictionary(row => row.Controller);
        var newest = board.Members.Where(row => StateOf(row, board.Now, times) is MemberState.Alive or MemberState.Stopping)
            .Select(row => row.Revision).DefaultIfEmpty().Max();
        var members = rows.Keys.Union(delegated.Keys)
            .OrderBy(id => id.ToString(), StringComparer.Ordinal)
            .Select(id =>
            {
                var row = rows.GetValueOrDefault(id);
                var state = delegated.GetValueOrDefault(id) is { Withdrawn: true } ? MemberState.Withdrawn
                    : row is null ? MemberState.Gone : StateOf(row, board.Now, times);
                return new MemberView(
                    id, state, row, row is null ? TimeSpan.Zero : Later(board.Now - row.HeartbeatAt), row is null ? 0 : Math.Max(0, newest - row.Revision));
            });
        return new ClusterView(
            board.Now, [.. members], [.. board.Jobs.Where(job => job.Until > board.Now).OrderBy(job => job.Job, StringComparer.Ordinal)]);
    }

    static MemberState StateOf(MemberRow row, WallTime now, ClusterTimes times) => (row.Phase, now - row.HeartbeatAt) switch
    {
        (MemberPhase.Stopped, _) => MemberState.Stopped,
        (_, var age) when age > times.GoneAfter => MemberState.Gone,
        (_, var age) when age > times.Lease => MemberState.Late,
        (MemberPhase.Stopping, _) => MemberState.Stopping,
        _ => MemberState.Alive,
    };

    static TimeSpan Later(TimeSpan span) => span > TimeSpan.Zero ? span : TimeSpan.Zero;
}
