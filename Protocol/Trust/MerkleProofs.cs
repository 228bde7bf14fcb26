using Mesh.Protocol.Identity;

namespace Mesh.Protocol.Trust;

/// <summary>
/// Is the tree of <see cref="MerkleTree"/> with every hash in it kept: building it costs one hash per leaf, a path then costs nothing
/// but its own length. Immutable.
/// </summary>
public sealed class MerkleProofs
{
    // From the leaves up. The last of an odd number stands alone and goes up as it is: that is the split of RFC 9162, seen from below.
    readonly List<Digest256[]> _levels = [];

    /// <summary>Builds the tree over at least one leaf hash.</summary>
    public MerkleProofs(ReadOnlySpan<Digest256> leaves)
    {
        if (leaves.Length == 0)
            throw new ArgumentException("a tree has at least one leaf", nameof(leaves));
        var level = leaves.ToArray();
        _levels.Add(level);
        while (level.Length > 1)
        {
            var above = new Digest256[(level.Length + 1) / 2];
            for (var i = 0; i < above.Length; i++)
                above[i] = 2 * i + 1 < level.Length ? MerkleTree.Node(level[2 * i], level[2 * i + 1]) : level[2 * i];
            _levels.Add(level = above);
        }
    }

    /// <summary>Gets the root, as <see cref="MerkleTree.Root"/> computes it.</summary>
    public Digest256 Root => _levels[^1][0];

    /// <summary>Lists the sibling hashes from the leaf at <paramref name="index"/> up to the root, as <see cref="MerkleTree.Path"/> does.</summary>
    public IReadOnlyList<Digest256> Path(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, _levels[0].Length);
        var path = new List<Digest256>(_levels.Count);
        foreach (var level in _levels)
        {
            if ((index ^ 1) < level.Length && level.Length > 1)
                path.Add(level[index ^ 1]);
            index >>= 1;
        }
        return path;
    }
}
