using Mesh.Actors.Ports;
using Mesh.Actors.Registry;
using Mesh.Protocol;
using Mesh.Protocol.Audit;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Actors.Sessions;

/// <summary>Signs the leaves of several nodes with one signature.</summary>
static class MapCommit
{
    /// <summary>Puts the leaves, in their bytes, into one tree, signs its head, and gives each node its frame, in the order of the leaves.</summary>
    public static (IReadOnlyList<MapFrame> Frames, WallTime ValidUntil) Sign(
        IReadOnlyList<byte[]> leaves, NetworkId network, long revision, AuditHead audit, IMapSigner signer, WallTime now, ControllerOptions options)
    {
        var hashes = new Digest256[leaves.Count];
        for (var i = 0; i < hashes.Length; i++)
            hashes[i] = MerkleTree.LeafHash(leaves[i]);
        var proofs = new MerkleProofs(hashes);
        var validUntil = now + options.MapValidFor;
        var head = signer.Sign(PayloadTypes.MapHead, ProtocolJson.Encode(
            new MapHead(network, signer.Epoch, revision, now, now + options.MapAcceptFor, validUntil, leaves.Count, proofs.Root, audit),
            ProtocolJson.Default.MapHead));
        var delegation = signer.Delegation;
        var frames = new MapFrame[leaves.Count];
        for (var i = 0; i < frames.Length; i++)
            frames[i] = new MapFrame(head, delegation, i, proofs.Path(i), leaves[i]);
        return (frames, validUntil);
    }

    /// <summary>Gives the bytes of a leaf that carries no peers.</summary>
    public static byte[] Encode(MapLeaf leaf) => ProtocolJson.Encode(leaf, ProtocolJson.Default.MapLeaf);
}
