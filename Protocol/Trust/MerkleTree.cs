using System.Numerics;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;

namespace Mesh.Protocol.Trust;

/// <summary>
/// Computes the Merkle tree hash of RFC 9162 section 2.1 with SHA-256: a leaf is hashed behind a zero byte, a node behind a one,
/// so neither passes for the other. One signature over the root then vouches for every leaf.
/// </summary>
public static class MerkleTree
{
    /// <summary>Hashes one leaf.</summary>
    public static Digest256 LeafHash(ReadOnlySpan<byte> leaf) => Sha256.Hash([0], leaf);

    /// <summary>Computes the root over at least one leaf hash.</summary>
    public static Digest256 Root(ReadOnlySpan<Digest256> leaves) => leaves.Length switch
    {
        0 => throw new ArgumentException("a tree has at least one leaf", nameof(leaves)),
        1 => leaves[0],
        _ => Node(Root(leaves[..Split(leaves.Length)]), Root(leaves[Split(leaves.Length)..])),
    };

    /// <summary>Lists the sibling hashes from the leaf at <paramref name="index"/> up to the root (RFC 9162 section 2.1.3.1).</summary>
    public static IReadOnlyList<Digest256> Path(ReadOnlySpan<Digest256> leaves, int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, leaves.Length);
        var path = new List<Digest256>();
        Collect(leaves, index, path);
        return path;
    }

    /// <summary>Tells whether the path leads from the leaf at <paramref name="index"/> of a tree of <paramref name="count"/> leaves
    /// to the root (RFC 9162 section 2.1.3.2).</summary>
    public static bool Verify(Digest256 root, Digest256 leaf, int index, int count, IReadOnlyList<Digest256> path)
    {
        if (index < 0 || index >= count)
            return false;
        var (position, last) = (index, count - 1);
        var hash = leaf;
        foreach (var sibling in path)
        {
            if (last == 0)
                return false;
            if ((position & 1) == 1 || position == last)
            {
                hash = Node(sibling, hash);
                while ((position & 1) == 0 && position != 0)
                    (position, last) = (position >> 1, last >> 1);
            }
            else
            {
                hash = Node(hash, sibling);
            }
            (position, last) = (position >> 1, last >> 1);
        }
        return last == 0 && hash == root;
    }

    static void Collect(ReadOnlySpan<Digest256> leaves, int index, List<Digest256> path)
    {
        if (leaves.Length == 1)
            return;
        var split = Split(leaves.Length);
        if (index < split)
        {
            Collect(leaves[..split], index, path);
            path.Add(Root(leaves[split..]));
        }
        else
        {
            Collect(leaves[split..], index - split, path);
            path.Add(Root(leaves[..split]));
        }
    }

    internal static Digest256 Node(Digest256 left, Digest256 right) => Sha256.Hash([1], left.Value.Span, right.Value.Span);

    // The greatest power of two smaller than the count.
    static int Split(int count) => (int)(BitOperations.RoundUpToPowerOf2((uint)count) >> 1);
}
