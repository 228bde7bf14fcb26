using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mesh.Protocol;
using Mesh.Protocol.Audit;
using Mesh.Protocol.Control;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Tests.Kit.Trust;

/// <summary>A network with a root and one controller, which signs what a test asks for: maps, hints, certificates. Fixed keys, any time.</summary>
public sealed class SigningNetwork : IDisposable
{
    static readonly TimeSpan _year = TimeSpan.FromDays(365);

    readonly ECDsa _authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    readonly ECDsa _serverKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public SigningNetwork(WallTime now, byte seed = 1)
    {
        Now = now;
        RootKey = new SigningPrivateKey(Bytes(seed));
        ControllerKey = new SigningPrivateKey(Bytes((byte)(seed + 100)));
        Network = new NetworkId(Id(seed));
        Controller = new ControllerId(Id((byte)(seed + 1)));
        Node = new NodeId(Id((byte)(seed + 2)));
        var request = new CertificateRequest("CN=authority", _authorityKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        Authority = request.CreateSelfSigned((now - TimeSpan.FromHours(2)).ToDateTimeOffset(), (now + _year).ToDateTimeOffset());
    }

    public WallTime Now { get; set; }

    public SigningPrivateKey RootKey { get; }

    public SigningPrivateKey ControllerKey { get; }

    public SigningPublicKey Root => Ed25519.ComputePublicKey(RootKey);

    public NetworkId Network { get; }

    public ControllerId Controller { get; }

    /// <summary>The node that maps are for.</summary>
    public NodeId Node { get; }

    public X509Certificate2 Authority { get; }

    public static EntityId Id(byte number) => new([0, 0, 0, 0, 0, 0, 0, 0, 1, number]);

    /// <summary>What a node that has just enrolled believes.</summary>
    public MapTrust Empty => new() { Network = Network, Node = Node, Root = Root };

    public Delegation Delegation => new(
        Network, 1, Controller, Ed25519.ComputePublicKey(ControllerKey), CertificatePin.AuthorityHash(Authority),
        [DelegationRights.IssueCertificates, DelegationRights.SignMaps], Now - TimeSpan.FromHours(1), Now + _year);

    public DsseEnvelope Sign(Delegation delegation, SigningPrivateKey? by = null) => DsseEnvelope.Sign(
        PayloadTypes.Delegation, ProtocolJson.Encode(delegation, ProtocolJson.Default.Delegation), by ?? RootKey, "root");

    /// <summary>The signing key of the peer with that number.</summary>
    public static SigningPrivateKey PeerKey(byte number) => new(Bytes(number));

    public static NodeId PeerId(byte number) => new(Id(number));

    public static PeerEntry Peer(byte number) => new(
        PeerId(number), $"peer-{number}", new TunnelPublicKey(Bytes(number)), Ed25519.ComputePublicKey(PeerKey(number)),
        [$"100.64.0.{number}", $"fd00::{number:x}"], [], [Grant.Everything], [Grant.Everything], Owner: "bob", Os: "linux");

    public MapBody Body(params PeerEntry[] peers) => new(
        Network, new SelfEntry(Node, "laptop", ["100.64.0.2", "fd00::2"], [], "alice"), "mesh.internal",
        ["100.64.0.0/10", "fd00::/48"], peers, [], []);

    public MapLeaf Full(params PeerEntry[] peers) => new(Node, Full: Body(peers));

    /// <summary>Signs a commit of the given leaf and two foreign ones.</summary>
    public MapFrame Frame(MapLeaf leaf, long revision, int epoch = 1, Func<MapHead, MapHead>? change = null, DsseEnvelope? delegation = null)
    {
        var bytes = ProtocolJson.Encode(leaf, ProtocolJson.Default.MapLeaf);
        Digest256[] leaves = [MerkleTree.LeafHash([1]), MerkleTree.LeafHash(bytes), MerkleTree.LeafHash([2])];
        var head = new MapHead(
            Network, epoch, revision, Now, Now + TimeSpan.FromMinutes(10), Now + TimeSpan.FromDays(7), leaves.Length, MerkleTree.Root(leaves));
        var payload = ProtocolJson.Encode(change?.Invoke(head) ?? head, ProtocolJson.Default.MapHead);
        return new MapFrame(
            DsseEnvelope.Sign(PayloadTypes.MapHead, payload, ControllerKey, Controller.ToString()), delegation ?? Sign(Delegation), 1,
            MerkleTree.Path(leaves, 1), bytes);
    }

    /// <summary>Answers a node that showed a head.</summary>
    public AuditFrame Answer(long ordering, AuditHead at, AuditHead? tip = null, int epoch = 1) => new(
        DsseEnvelope.Sign(
            PayloadTypes.AuditAnswer,
            ProtocolJson.Encode(new AuditAnswer(Network, epoch, ordering, at, tip ?? at, Now), ProtocolJson.Default.AuditAnswer),
            ControllerKey, Controller.ToString()),
        Sign(Delegation));

    public DsseEnvelope Endpoints(byte peer, WallTime issued, SigningPrivateKey by, params string[] endpoints) => DsseEnvelope.Sign(
        PayloadTypes.EndpointHint,
        ProtocolJson.Encode(
            new EndpointHint(Network, PeerId(peer), endpoints, issued, issued + TimeSpan.FromSeconds(120)), ProtocolJson.Default.EndpointHint),
        by, PeerId(peer).ToString());

    public DsseEnvelope Presence(byte peer, bool online, SigningPrivateKey? by = null) => DsseEnvelope.Sign(
        PayloadTypes.PresenceHint,
        ProtocolJson.Encode(new PresenceHint(Network, PeerId(peer), online, Now, Now, Now + TimeSpan.FromMinutes(5)), ProtocolJson.Default.PresenceHint),
        by ?? ControllerKey, Controller.ToString());

    /// <summary>The controller's TLS certificate with its key and the pin in it.</summary>
    public X509Certificate2 ServerCertificate()
    {
        var request = new CertificateRequest("CN=controller", _serverKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], critical: false));
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(CertificatePin.ControllerName);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new PinExtension(Root, Sign(Delegation), Authority.RawData).Encode());
        using var bare = request.Create(Authority, Start, End(TimeSpan.FromDays(1)), [1, 2, 3]);
        return bare.CopyWithPrivateKey(_serverKey);
    }

    /// <summary>A node's TLS certificate and the authority's, in DER.</summary>
    public IReadOnlyList<byte[]> Issue(byte[] request, TimeSpan life)
    {
        var asked = CertificateRequest.LoadSigningRequest(request, HashAlgorithmName.SHA256);
        var made = new CertificateRequest(new X500DistinguishedName($"CN={Node}"), asked.PublicKey, HashAlgorithmName.SHA256);
        made.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.2")], critical: false));
        using var certificate = made.Create(Authority, Start, End(life), [4, 5, 6]);
        return [certificate.RawData, Authority.RawData];
    }

    public CredentialString Credential(params string[] controllers) =>
        CredentialString.Create(new CredentialId(Id(77)), Bytes(7), Sha256.Hash(Root.Value.Span), controllers);

    public void Dispose()
    {
        _authorityKey.Dispose();
        _serverKey.Dispose();
        Authority.Dispose();
        RootKey.Dispose();
        ControllerKey.Dispose();
    }

    DateTimeOffset Start => (Now - TimeSpan.FromHours(1)).ToDateTimeOffset();

    DateTimeOffset End(TimeSpan life) => (Now + life).ToDateTimeOffset();

    static byte[] Bytes(byte value) => [.. Enumerable.Repeat(value, 32)];
}
