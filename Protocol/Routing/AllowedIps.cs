using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace Mesh.Protocol.Routing;

/// <summary>
/// Maps addresses to peers by longest prefix: the routing table towards the tunnel and the filter of inner sources from it (WireGuard paper
/// section 2). An immutable snapshot: built once, published, read by any number of threads without a lock or an allocation. A prefix
/// belongs to one peer, the last one named for it.
/// </summary>
/// <remarks>One path-compressed binary trie per family, in one array: a look-up touches one node per branching of the prefixes that
/// share its path.</remarks>
public sealed class AllowedIps<TPeer> where TPeer : class
{
    const int None = -1;

    struct Node
    {
        public ulong High;
        public ulong Low;
        public int Left;
        public int Right;
        public TPeer? Peer;
        public byte Length;
    }

    readonly Node[] _nodes;
    readonly int _root4;
    readonly int _root6;
    readonly Dictionary<IpPrefix, TPeer> _prefixes;

    AllowedIps(Dictionary<IpPrefix, TPeer> prefixes)
    {
        _prefixes = prefixes;
        var builder = new Builder(prefixes.Count);
        _root4 = _root6 = None;
        foreach (var (prefix, peer) in prefixes)
        {
            if (prefix.IsIPv6)
                _root6 = builder.Insert(_root6, prefix, peer);
            else
                _root4 = builder.Insert(_root4, prefix, peer);
        }
        _nodes = builder.ToArray();
    }

    /// <summary>Gets the table that knows nobody.</summary>
    [SuppressMessage("Design", "CA1000:Do not declare static members on generic types", Justification = "The empty value of its type.")]
    public static AllowedIps<TPeer> Empty { get; } = new([]);

    /// <summary>Gets the number of prefixes.</summary>
    public int Count => _prefixes.Count;

    /// <summary>Gets the prefixes and their peers, in no order.</summary>
    public IReadOnlyDictionary<IpPrefix, TPeer> Prefixes => _prefixes;

    /// <summary>Builds a table; a prefix that is named twice belongs to the last peer named.</summary>
    [SuppressMessage("Design", "CA1000:Do not declare static members on generic types", Justification = "The factory of its type.")]
    public static AllowedIps<TPeer> Build(IEnumerable<KeyValuePair<IpPrefix, TPeer>> prefixes)
    {
        var map = new Dictionary<IpPrefix, TPeer>();
        foreach (var (prefix, peer) in prefixes)
            map[prefix] = peer;
        return new AllowedIps<TPeer>(map);
    }

    /// <summary>Gives a new table in which the prefixes belong to the peer.</summary>
    public AllowedIps<TPeer> With(TPeer peer, params IEnumerable<IpPrefix> prefixes)
    {
        var map = new Dictionary<IpPrefix, TPeer>(_prefixes);
        foreach (var prefix in prefixes)
            map[prefix] = peer;
        return new AllowedIps<TPeer>(map);
    }

    /// <summary>Gives a new table without any prefix of the peer.</summary>
    public AllowedIps<TPeer> Without(TPeer peer)
    {
        var map = new Dictionary<IpPrefix, TPeer>(_prefixes.Count);
        foreach (var (prefix, owner) in _prefixes)
        {
            if (!owner.Equals(peer))
                map[prefix] = owner;
        }
        return new AllowedIps<TPeer>(map);
    }

    /// <summary>Finds the peer with the longest prefix that contains an address of 4 or 16 bytes in network order.</summary>
    public TPeer? Find(ReadOnlySpan<byte> address)
    {
        if (!IpPrefix.TryReadBits(address, out var high, out var low))
            return null;
        var index = address.Length == 4 ? _root4 : _root6;
        TPeer? best = null;
        var nodes = _nodes;
        while (index != None)
        {
            ref readonly var node = ref nodes[index];
            if (CommonBits(high ^ node.High, low ^ node.Low) < node.Length)
                break;
            best = node.Peer ?? best;
            if (node.Length == 128)
                break;
            index = BitAt(high, low, node.Length) ? node.Right : node.Left;
        }
        return best;
    }

    /// <summary>Tells whether the peer may use the source address: whether the longest prefix that contains it is the peer's.</summary>
    public bool IsAllowedSource(ReadOnlySpan<byte> source, TPeer peer) => ReferenceEquals(Find(source), peer);

    static int CommonBits(ulong high, ulong low) =>
        high != 0 ? BitOperations.LeadingZeroCount(high) : 64 + BitOperations.LeadingZeroCount(low);

    static bool BitAt(ulong high, ulong low, int position) =>
        position < 64 ? (high >> (63 - position) & 1) != 0 : (low >> (127 - position) & 1) != 0;

    sealed class Builder(int prefixes)
    {
        // Every prefix adds at most its own node and one at which it branches off.
        readonly Node[] _nodes = new Node[2 * prefixes];
        int _count;

        public Node[] ToArray() => _nodes.AsSpan(0, _count).ToArray();

        public int Insert(int root, IpPrefix prefix, TPeer peer)
        {
            ref var link = ref root;
            while (true)
            {
                if (link == None)
                {
                    link = Add(prefix.High, prefix.Low, prefix.Length, peer);
                    return root;
                }
                ref var node = ref _nodes[link];
                var common = Math.Min(CommonBits(prefix.High ^ node.High, prefix.Low ^ node.Low), Math.Min(prefix.Length, node.Length));
                if (common == node.Length)
                {
                    if (common == prefix.Length)
                    {
                        node.Peer = peer;
                        return root;
                    }
                    link = ref BitAt(prefix.High, prefix.Low, node.Length) ? ref node.Right : ref node.Left;
                    continue;
                }

                var below = link;
                if (common == prefix.Length)
                    link = Add(prefix.High, prefix.Low, prefix.Length, peer);
                else
                {
                    ulong high = prefix.High, low = prefix.Low;
                    IpPrefix.Mask(ref high, ref low, common);
                    link = Add(high, low, (byte)common, null);
                    var leaf = Add(prefix.High, prefix.Low, prefix.Length, peer);
                    Child(link, prefix.High, prefix.Low) = leaf;
                }
                Child(link, node.High, node.Low) = below;
                return root;
            }
        }

        ref int Child(int parent, ulong high, ulong low)
        {
            ref var node = ref _nodes[parent];
            return ref BitAt(high, low, node.Length) ? ref node.Right : ref node.Left;
        }

        int Add(ulong high, ulong low, byte length, TPeer? peer)
        {
            _nodes[_count] = new Node { High = high, Low = low, Left = None, Right = None, Peer = peer, Length = length };
            return _count++;
        }
    }
}
