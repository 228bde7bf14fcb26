using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Mesh.Actors.Device;
using Mesh.Protocol.Routing;

namespace Mesh.Node.Device;

/// <summary>
/// Which peer an inner address belongs to and which addresses are this node's own, at one moment. Immutable: the packet threads read whichever
/// snapshot was published last.
/// </summary>
sealed class RouteSnapshot
{
    /// <summary>No routes, no addresses.</summary>
    public static readonly RouteSnapshot Empty = new([], false, []);

    readonly AllowedIps<PeerSlot> _routes;
    readonly bool _anyDestination;
    readonly uint[] _own4;
    readonly UInt128[] _own6;

    /// <param name="own">This node's inner addresses.</param>
    /// <param name="anyDestination">Whether every other address counts as own.</param>
    /// <param name="routes">Allowed addresses of each peer; of two equal prefixes the later wins.</param>
    public RouteSnapshot(ImmutableArray<InterfaceAddress> own, bool anyDestination, IReadOnlyCollection<(PeerSlot Peer, ImmutableArray<IpPrefix> Prefixes)> routes)
    {
        _anyDestination = anyDestination;
        _routes = AllowedIps<PeerSlot>.Build(routes);
        _own4 = [.. own.Select(a => a.Address.GetAddressBytes()).Where(b => b.Length == 4)
            .Select(b => System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(b))];
        _own6 = [.. own.Select(a => a.Address.GetAddressBytes()).Where(b => b.Length == 16)
            .Select(b => System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(b))];
    }

    /// <summary>How many prefixes lead to peers.</summary>
    public int Count => _routes.Count;

    /// <summary>The peer that an address in network byte order (4 or 16 bytes) belongs to, or null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public PeerSlot? Find(ReadOnlySpan<byte> address) => _routes.Find(address);

    /// <summary>Whether packets to an address in network byte order (4 or 16 bytes) are taken: it is this node's own, or all are.</summary>
    public bool IsOwn(ReadOnlySpan<byte> address)
    {
        if (_anyDestination)
            return true;
        if (address.Length == 4)
            return _own4.AsSpan().Contains(System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(address));
        return _own6.AsSpan().Contains(System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(address));
    }
}
