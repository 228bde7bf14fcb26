using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Mesh.Protocol.Routing;

/// <summary>The bits of an address, the first one highest.</summary>
interface IAddressBits<TSelf> where TSelf : struct, IAddressBits<TSelf>
{
    /// <summary>How many leading bits two addresses share.</summary>
    static abstract int Common(TSelf a, TSelf b);

    /// <summary>The bit behind a number of leading ones; of all bits, any.</summary>
    static abstract bool BitBehind(TSelf bits, int length);

    /// <summary>The bits of a prefix.</summary>
    static abstract TSelf Of(IpPrefix prefix);

    /// <summary>Clears what is behind a length.</summary>
    static abstract TSelf Mask(TSelf bits, int length);
}

/// <summary>An IPv4 address.</summary>
readonly struct Bits32(uint value) : IAddressBits<Bits32>
{
    readonly uint _value = value;

    public static int Common(Bits32 a, Bits32 b) => BitOperations.LeadingZeroCount(a._value ^ b._value);

    public static bool BitBehind(Bits32 bits, int length) => (int)(bits._value << length) < 0;

    public static Bits32 Of(IpPrefix prefix) => new((uint)(prefix.High >> 32));

    public static Bits32 Mask(Bits32 bits, int length) => new(length == 0 ? 0 : bits._value & uint.MaxValue << (32 - length));
}

/// <summary>An IPv6 address.</summary>
readonly struct Bits128(ulong high, ulong low) : IAddressBits<Bits128>
{
    readonly ulong _high = high;
    readonly ulong _low = low;

    public static int Common(Bits128 a, Bits128 b)
    {
        var high = a._high ^ b._high;
        return high != 0 ? BitOperations.LeadingZeroCount(high) : 64 + BitOperations.LeadingZeroCount(a._low ^ b._low);
    }

    public static bool BitBehind(Bits128 bits, int length) => (long)((length < 64 ? bits._high : bits._low) << length) < 0;

    public static Bits128 Of(IpPrefix prefix) => new(prefix.High, prefix.Low);

    public static Bits128 Mask(Bits128 bits, int length)
    {
        var (high, low) = (bits._high, bits._low);
        IpPrefix.Mask(ref high, ref low, length);
        return new Bits128(high, low);
    }
}

/// <summary>
/// A path-compressed binary trie of the prefixes of one family, in one array: a look-up touches one node per branching of the prefixes that
/// share its path. A node is 16 bytes for IPv4 and 32 for IPv6. Not safe for concurrent use until it is complete.
/// </summary>
/// <param name="prefixes">How many will be inserted at most.</param>
sealed class PrefixTrie<TBits>(int prefixes) where TBits : struct, IAddressBits<TBits>
{
    /// <summary>The largest number that an owner can have.</summary>
    public const int MaximumOwner = (1 << 23) - 1;

    const int None = -1;

    struct Node
    {
        public TBits Bits;
        public int Left;
        public int Right;

        // The owner's number, 0 for a node at which others only branch off, and in the lowest eight bits the length.
        public int OwnerAndLength;

        public readonly int Length => (byte)OwnerAndLength;

        [UnscopedRef]
        public ref int Link(TBits towards, int length) => ref TBits.BitBehind(towards, length) ? ref Right : ref Left;
    }

    // Every prefix adds at most its own node and one at which it branches off.
    Node[] _nodes = new Node[2 * prefixes];
    int _used;
    int _root = None;

    /// <summary>How many prefixes it has.</summary>
    public int Count { get; private set; }

    /// <summary>The owner of the longest prefix that an address lies in; 0: none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Find(TBits address)
    {
        var nodes = _nodes;
        var best = 0;
        for (var index = _root; index >= 0;)
        {
            ref var node = ref nodes[index];
            var length = node.Length;
            if (TBits.Common(address, node.Bits) < length)
                break;
            if (node.OwnerAndLength >> 8 is not 0 and var owner)
                best = owner;
            // A node of all bits has no links: whichever is taken, it ends there. Branches of a flow are the same for every packet and are
            // foreseen: taking them is faster than waiting for the bit.
            if (TBits.BitBehind(address, length))
                index = node.Right;
            else
                index = node.Left;
        }

        return best;
    }

    /// <summary>Gives a prefix to an owner, 1 to <see cref="MaximumOwner"/>, whoever had it.</summary>
    public void Insert(IpPrefix prefix, int owner)
    {
        var bits = TBits.Of(prefix);
        ref var link = ref _root;
        while (link != None)
        {
            ref var node = ref _nodes[link];
            var common = Math.Min(TBits.Common(bits, node.Bits), Math.Min(prefix.Length, node.Length));
            if (common < node.Length)
            {
                Split(ref link, bits, prefix.Length, common, owner);
                return;
            }

            if (common == prefix.Length)
            {
                Count += node.OwnerAndLength >> 8 == 0 ? 1 : 0;
                node.OwnerAndLength = owner << 8 | prefix.Length;
                return;
            }

            link = ref node.Link(bits, common);
        }

        link = Add(bits, prefix.Length, owner);
    }

    /// <summary>Gives back room that was not needed, if that is worth a copy; nothing is inserted afterwards.</summary>
    public void Complete()
    {
        if (_used < _nodes.Length / 8 * 7)
            _nodes = _nodes.AsSpan(0, _used).ToArray();
    }

    // Puts a node above the one that is linked: the prefix itself, or one at which the two part.
    void Split(ref int link, TBits bits, int length, int common, int owner)
    {
        var below = link;
        var above = common == length ? Add(bits, length, owner) : Add(TBits.Mask(bits, common), common, 0);
        if (common < length)
            _nodes[above].Link(bits, common) = Add(bits, length, owner);
        _nodes[above].Link(_nodes[below].Bits, common) = below;
        link = above;
    }

    int Add(TBits bits, int length, int owner)
    {
        ref var node = ref _nodes[_used];
        node.Bits = bits;
        node.Left = node.Right = None;
        node.OwnerAndLength = owner << 8 | length;
        Count += owner == 0 ? 0 : 1;
        return _used++;
    }
}
