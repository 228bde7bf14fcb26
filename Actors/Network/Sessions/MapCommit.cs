using Mesh.Actors.Ports;
using Mesh.Actors.Registry;
using Mesh.Protocol;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Actors.Sessions;

/// <summary>Signs the leaves of several nodes with one signature.</summary>
static class MapCommit
{
    /// <summary>Puts the leaves into one tree, signs its head, and gives each node its frame, in the order of the leaves.</summary>
    public static (IReadOnlyList<MapFrame> Frames, WallTime ValidUntil) Sign(
        IReadOnlyList<MapLeaf> leaves, NetworkId network, long revision, IMapSigner signer, WallTime now, ControllerOptions options)
    {
        var bytes = leaves.Select(leaf => ProtocolJson.Encode(leaf, ProtocolJson.Default.MapLeaf)).ToArray();
        var hashes = bytes.Select(leaf => MerkleTree.LeafHash(leaf)).ToArray();
        var validUntil = now + options.MapValidFor;
        var head = signer.Sign(PayloadTypes.MapHead, ProtocolJson.Encode(
            new MapHead(network, signer.Epoch, revision, now, now + options.MapAcceptFor, validUntil, leaves.Count, MerkleTree.Root(hashes)),
            ProtocolJson.Default.MapHead));
        var frames = new MapFrame[leaves.Count];
        for (var i = 0; i < frames.Length; i++)
            frames[i] = new MapFrame(head, signer.Delegation, i, MerkleTree.Path(hashes, i), bytes[i]);
        return (frames, validUntil);
    }
}
