using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;

namespace Mesh.Actors.Projection;

public sealed partial record NetworkView
{
    ControllerLists? _lists;

    /// <summary>Computes the map body of a present node; null for any other. The same journal gives the same bytes.</summary>
    public MapBody? BodyFor(NodeId node) => EncodedBodyFor(node)?.Body;

    /// <summary>Computes the same body with its hash, from entries that the bodies of other nodes share.</summary>
    public EncodedBody? EncodedBodyFor(NodeId node)
    {
        if (Network is null || Nodes.GetValueOrDefault(node) is not { IsPresent: true } self)
            return null;
        var rights = PeersOf(node);
        var peers = new EncodedPeer[rights.Count];
        var count = 0;
        foreach (var (peer, allowed) in rights)
            peers[count++] = Nodes[peer].Entry(self, allowed);
        Array.Sort(peers, static (left, right) => string.CompareOrdinal(left.IdText, right.IdText));
        var lists = Lists;
        return new EncodedBody(
            new MapBody(Network.Id, self.Self, Network.Zone, Network.Prefixes, [], lists.Trusted, lists.Withdrawn),
            ImmutableCollectionsMarshal.AsImmutableArray(peers));
    }

    // The lists are the same in every body. A copy of the view takes them along, and makes its own where its controllers are others.
    ControllerLists Lists => _lists is { } made && ReferenceEquals(made.Of, Controllers) ? made : _lists = new ControllerLists(Controllers);

    sealed class ControllerLists(ImmutableDictionary<ControllerId, ControllerView> of)
    {
        public ImmutableDictionary<ControllerId, ControllerView> Of => of;

        public IReadOnlyList<ControllerEntry> Trusted { get; } =
        [
            .. of.Values.Where(one => !one.Withdrawn)
                .OrderBy(one => one.Id.ToString(), StringComparer.Ordinal)
                .Select(one => new ControllerEntry(one.Id, one.Addresses)),
        ];

        public IReadOnlyList<ControllerId> Withdrawn { get; } =
            [.. of.Values.Where(one => one.Withdrawn).Select(one => one.Id).OrderBy(id => id.ToString(), StringComparer.Ordinal)];
    }
}
