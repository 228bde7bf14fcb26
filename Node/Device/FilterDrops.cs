using Mesh.Protocol.Filter;
using Mesh.Protocol.Tunnel;

namespace Mesh.Node.Device;

/// <summary>Names the filter's verdicts as drop reasons.</summary>
static class FilterDrops
{
    /// <summary>The reason under which a verdict other than Pass is counted.</summary>
    public static DropReason Reason(FilterVerdict verdict) => verdict switch
    {
        FilterVerdict.Malformed => DropReason.InnerPacket,
        FilterVerdict.FragmentWithoutFirst => DropReason.Fragment,
        FilterVerdict.NotAllowedToSend => DropReason.PolicySend,
        _ => DropReason.Policy,
    };
}
