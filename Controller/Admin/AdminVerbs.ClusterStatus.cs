using Mesh.Actors.Cluster;
using Mesh.Actors.Projection;
using Mesh.Protocol.Identity;

namespace Mesh.Controller.Admin;

sealed partial class AdminVerbs
{
    static ClusterReport Show(ClusterView view, IReadOnlyDictionary<ControllerId, ControllerView> delegated, ControllerId asked) => new(
        [.. view.Members.Select(member => Show(member, delegated.GetValueOrDefault(member.Id)?.Addresses ?? [], asked))],
        [.. view.Jobs.Select(job => new ClusterJob(job.Job, job.Holder, job.Token))]);

    static ClusterMember Show(MemberView member, IReadOnlyList<string> addresses, ControllerId asked)
    {
        var state = member.State switch
        {
            MemberState.Alive => "alive",
            MemberState.Stopping => "stopping",
            MemberState.Late => "late",
            MemberState.Stopped => "stopped",
            MemberState.Gone => "gone",
            _ => "withdrawn",
        };
        return member.Row is not { } row
            ? new ClusterMember(member.Id, state, member.Id == asked, addresses)
            : new ClusterMember(
                member.Id, state, member.Id == asked, row.Addresses.Count > 0 ? row.Addresses : addresses, row.Version, row.StartedAt, row.HeartbeatAt,
                row.Revision, member.IsUp ? member.Lag : null, member.IsUp ? row.Attached : null, row.ClockOffset.TotalSeconds, row.Internal, row.Incarnation);
    }
}
