using Mesh.Protocol.Identity;
using Mesh.Protocol.Trust;

namespace Mesh.Tests.Protocol.Trust;

public sealed class MerkleTreeTests
{
    // The leaves and roots that implementations of Certificate Transparency test with (RFC 6962 and RFC 9162 hash alike).
    static readonly string[] Leaves =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

    [Theory]
    [InlineData(1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d")]
    [InlineData(2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125")]
    [InlineData(3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77")]
    [InlineData(4, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7")]
    [InlineData(8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328")]
    public void Published_roots(int count, string root) =>
        Assert.Equal(root, Convert.ToHexStringLower(MerkleTree.Root(Hashes(count)).Value.Span));

    [Fact]
    public void Every_path_proves_its_leaf_and_no_other()
    {
        for (var count = 1; count <= 33; count++)
        {
            var leaves = Enumerable.Range(0, count).Select(i => MerkleTree.LeafHash([(byte)i])).ToArray();
            var root = MerkleTree.Root(leaves);
            for (var index = 0; index < count; index++)
            {
                var path = MerkleTree.Path(leaves, index);
                for (var claimed = -1; claimed <= count; claimed++)
                    Assert.Equal(claimed == index, MerkleTree.Verify(root, leaves[index], claimed, count, path));
                Assert.False(MerkleTree.Verify(root, MerkleTree.LeafHash([200]), index, count, path));
                Assert.False(MerkleTree.Verify(root, leaves[index], index, count, [.. path, root]));
                for (var sibling = 0; sibling < path.Count; sibling++)
                {
                    Assert.False(MerkleTree.Verify(root, leaves[index], index, count, [.. path.Where((_, i) => i != sibling)]));
                    Assert.False(MerkleTree.Verify(root, leaves[index], index, count, [.. path.Select((hash, i) => i == sibling ? root : hash)]));
                }
            }
        }
    }

    [Fact]
    public void Keeping_the_tree_gives_the_same_root_and_paths()
    {
        for (var count = 1; count <= 70; count++)
        {
            var leaves = Enumerable.Range(0, count).Select(i => MerkleTree.LeafHash([(byte)i])).ToArray();
            var proofs = new MerkleProofs(leaves);
            Assert.Equal(MerkleTree.Root(leaves), proofs.Root);
            for (var index = 0; index < count; index++)
                Assert.Equal(MerkleTree.Path(leaves, index), proofs.Path(index));
            Assert.Throws<ArgumentOutOfRangeException>(() => proofs.Path(count));
        }
        Assert.Throws<ArgumentException>(() => new MerkleProofs([]));
    }

    static Digest256[] Hashes(int count) => [.. Leaves.Take(count).Select(leaf => MerkleTree.LeafHash(Convert.FromHexString(leaf)))];
}
