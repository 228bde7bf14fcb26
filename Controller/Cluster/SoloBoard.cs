using Mesh.Actors.Cluster;
using Mesh.Actors.Ports;

namespace Mesh.Controller.Cluster;

/// <summary>Is the board of a controller that shares its journal with nobody: a file, and a lock on the directory that it is in.</summary>
sealed class SoloBoard(IClock clock) : IMemberBoard
{
    MemberRow? _row;

    /// <inheritdoc/>
    public Task<long?> JoinAsync(MemberSelf self, CancellationToken cancellationToken)
    {
        var now = clock.Now;
        _row = new MemberRow(self.Controller, 1, self.Version, [], "", MemberPhase.Serving, now, now, 0, 0, TimeSpan.Zero);
        return Task.FromResult<long?>(1);
    }

    /// <inheritdoc/>
    public Task<BoardReading?> BeatAsync(MemberSelf self, long incarnation, MemberBeat beat, CancellationToken cancellationToken)
    {
        var now = clock.Now;
        _row = _row! with
        {
            Addresses = beat.Addresses, Internal = beat.Internal, Phase = beat.Phase, HeartbeatAt = now, Revision = beat.Revision, Attached = beat.Attached,
        };
        return Task.FromResult<BoardReading?>(new BoardReading(
            now, [_row], [.. beat.Jobs.Select(job => new JobRow(job, self.Controller, 1, now + TimeSpan.FromSeconds(6)))]));
    }

    /// <inheritdoc/>
    public Task LeaveAsync(MemberSelf self, long incarnation, MemberPhase phase, CancellationToken cancellationToken) => Task.CompletedTask;
}
