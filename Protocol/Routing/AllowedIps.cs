using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace Mesh.Protocol.Routing;

/// <summary>
/// Maps addresses to peers by longest prefix: the routing table towards the tunnel and the filter of inner sources from it (WireGuard paper
/// section 2). An immutable snapshot: built once, published, read by any number of threads without a lock or an allocation. A prefix
/// belongs to one peer, the last one named for it.
/// </summary>
public sealed class AllowedIps<TPeer> where TPeer : class
{
    readonly PrefixTrie<Bits32> _v4;
    readonly PrefixTrie<Bits128> _v6;

    // By their numbers in the tries; 0 is nobody.
    readonly TPeer?[] _peers;

    AllowedIps(IReadOnlyCollection<(TPeer Peer, ImmutableArray<IpPrefix> Prefixes)> entries)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(entries.Count, PrefixTrie<Bits32>.MaximumOwner, nameof(entries));
        var (v4, v6) = (0, 0);
        foreach (var (_, prefixes) in entries)
        {
            foreach (var prefix in prefixes)
            {
                v4 += prefix.IsIPv6 ? 0 : 1;
                v6 += prefix.IsIPv6 ? 1 : 0;
            }
        }

        (_v4, _v6) = (new PrefixTrie<Bits32>(v4), new PrefixTrie<Bits128>(v6));
        _peers = new TPeer?[entries.Count + 1];
        var number = 0;
        foreach (var (peer, prefixes) in entries)
        {
            _peers[++number] = peer;
            foreach (var prefix in prefixes)
            {
                if (prefix.IsIPv6)
                    _v6.Insert(prefix, number);
                else
                    _v4.Insert(prefix, number);
            }
        }

        _v4.Complete();
        _v6.Complete();
    }

    /// <summary>Gets the table that knows nobody.</summary>
    [SuppressMessage("Design", "CA1000:Do not declare static members on generic types", Justification = "The empty value of its type.")]
    public static AllowedIps<TPeer> Empty { get; } = new([]);

    /// <summary>Gets the number of prefixes.</summary>
    public int Count => _v4.Count + _v6.Count;

    /// <summary>Builds a table; a prefix that is named twice belongs to the last peer named.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are more than 8,388,607 entries.</exception>
    [SuppressMessage("Design", "CA1000:Do not declare static members on generic types", Justification = "The factory of its type.")]
    public static AllowedIps<TPeer> Build(IReadOnlyCollection<(TPeer Peer, ImmutableArray<IpPrefix> Prefixes)> entries) => new(entries);

    /// <summary>Finds the peer with the longest prefix that contains an address of 4 or 16 bytes in network order.</summary>
    public TPeer? Find(ReadOnlySpan<byte> address)
    {
        if (address.Length == 4)
            return _peers[_v4.Find(new Bits32(BinaryPrimitives.ReadUInt32BigEndian(address)))];
        return address.Length == 16
            ? _peers[_v6.Find(new Bits128(BinaryPrimitives.ReadUInt64BigEndian(address), BinaryPrimitives.ReadUInt64BigEndian(address[8..])))]
            : null;
    }
}
