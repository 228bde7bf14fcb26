using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;

namespace Mesh.Actors.Projection;

public sealed partial record NetworkView
{
    /// <summary>Computes the map body of a present node; null for any other. The same journal gives the same bytes.</summary>
    public MapBody? BodyFor(NodeId node)
    {
        if (Network is null || Nodes.GetValueOrDefault(node) is not { IsPresent: true } self)
            return null;
        return new MapBody(
            Network.Id,
            new SelfEntry(self.Id, self.Name, [self.Node.Ipv4, self.Node.Ipv6], self.Node.Tags, self.Node.Owner),
            Network.Zone,
            [Network.Ipv4, Network.Ipv6],
            [
                .. PeersOf(node)
                    .Select(peer => (View: Nodes[peer.Key], Rights: peer.Value))
                    .OrderBy(peer => peer.View.IdText, StringComparer.Ordinal)
                    .Select(peer => peer.View.Entry(self, peer.Rights)),
            ],
            [
                .. Controllers.Values.Where(one => !one.Withdrawn)
                    .OrderBy(one => one.Id.ToString(), StringComparer.Ordinal)
                    .Select(one => new ControllerEntry(one.Id, one.Addresses)),
            ],
            [.. Controllers.Values.Where(one => one.Withdrawn).Select(one => one.Id).OrderBy(id => id.ToString(), StringComparer.Ordinal)]);
    }
}
