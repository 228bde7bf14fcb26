using Mesh.Protocol;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Tests.Protocol.Trust;

/// <summary>A network with fixed keys, so that its signed documents have fixed bytes.</summary>
sealed class TrustExample
{
    public static readonly WallTime Now = new(1_800_000_000_000);
    public static readonly NetworkId Network = new(Id(1));
    public static readonly NodeId Laptop = new(Id(2));
    public static readonly NodeId Server = new(Id(3));
    public static readonly ControllerId Controller = new(Id(4));

    public SigningPrivateKey RootKey { get; } = new(Enumerable.Repeat((byte)1, 32).ToArray());

    public SigningPrivateKey ControllerKey { get; } = new(Enumerable.Repeat((byte)2, 32).ToArray());

    public static EntityId Id(byte number) => new([0, 0, 0, 0, 0, 0, 0, 0, 0, number]);

    public static SigningPublicKey Public(SigningPrivateKey key)
    {
        var bytes = new byte[32];
        Ed25519.ComputePublicKey(key.Span, bytes);
        return new SigningPublicKey(bytes);
    }

    public MapTrust Fresh() => new() { Network = Network, Node = Laptop, Root = Public(RootKey) };

    public Delegation Delegation() => new(Network, 1, Controller, Public(ControllerKey), new Digest256(new byte[32]),
        [DelegationRights.IssueCertificates, DelegationRights.SignMaps], Now - TimeSpan.FromHours(1), Now + TimeSpan.FromDays(365));

    public DsseEnvelope Signed(Delegation delegation, SigningPrivateKey? by = null) => DsseEnvelope.Sign(
        PayloadTypes.Delegation, ProtocolJson.Encode(delegation, ProtocolJson.Default.Delegation), by ?? RootKey, "root");

    public static PeerEntry Peer(byte number = 3) => new(
        new NodeId(Id(number)), $"server-{number}", new TunnelPublicKey(Enumerable.Repeat(number, 32).ToArray()),
        new SigningPublicKey(Enumerable.Repeat((byte)(number + 100), 32).ToArray()), [$"100.64.0.{number}", $"fd00::{number}"],
        ["server"], [], [Grant.Everything], Os: "linux");

    public static MapBody Body(params PeerEntry[] peers) => new(
        Network, new SelfEntry(Laptop, "laptop", ["100.64.0.2", "fd00::2"], [], "alice"), "mesh.internal",
        ["100.64.0.0/10", "fd00::/48"], peers, [new ControllerEntry(Controller, ["10.0.0.1:8443"])], []);

    /// <summary>Signs a commit of the given leaf and two foreign ones.</summary>
    public MapFrame Frame(MapLeaf leaf, long revision = 10, int epoch = 1, Func<MapHead, MapHead>? change = null,
        DsseEnvelope? delegation = null, SigningPrivateKey? by = null)
    {
        var bytes = ProtocolJson.Encode(leaf, ProtocolJson.Default.MapLeaf);
        Digest256[] leaves = [MerkleTree.LeafHash([1]), MerkleTree.LeafHash(bytes), MerkleTree.LeafHash([2])];
        var head = new MapHead(Network, epoch, revision, Now, Now + TimeSpan.FromMinutes(10), Now + TimeSpan.FromDays(7), leaves.Length,
            MerkleTree.Root(leaves));
        var payload = ProtocolJson.Encode(change?.Invoke(head) ?? head, ProtocolJson.Default.MapHead);
        return new MapFrame(DsseEnvelope.Sign(PayloadTypes.MapHead, payload, by ?? ControllerKey, Controller.ToString()),
            delegation ?? Signed(Delegation()), 1, MerkleTree.Path(leaves, 1), bytes);
    }
}
