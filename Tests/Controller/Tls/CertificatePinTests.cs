using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mesh.Controller.Keys;
using Mesh.Controller.Tls;
using Mesh.Protocol;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Tests.Controller.Tls;

public sealed class CertificatePinTests : IDisposable
{
    static readonly WallTime Now = WallTime.From(DateTimeOffset.Parse("2026-05-01T12:00:00Z"));

    readonly SigningPrivateKey _root = new(SystemEntropy.Instance);
    readonly CertificateAuthority _authority;
    readonly Delegation _delegation;

    public CertificatePinTests()
    {
        var controller = TypedId.Create<ControllerId>(SystemEntropy.Instance);
        _authority = CertificateAuthority.Create(controller, Now);
        using var signing = new SigningPrivateKey(SystemEntropy.Instance);
        _delegation = new Delegation(
            TypedId.Create<NetworkId>(SystemEntropy.Instance), 1, controller, Ed25519.ComputePublicKey(signing),
            CertificatePin.AuthorityHash(_authority.Certificate), [DelegationRights.IssueCertificates, DelegationRights.SignMaps],
            Now - TimeSpan.FromHours(1), Now + TimeSpan.FromDays(365));
    }

    SigningPublicKey RootKey => Ed25519.ComputePublicKey(_root);

    Digest256 RootHash => Sha256.Hash(RootKey.Value.Span);

    public void Dispose()
    {
        _root.Dispose();
        _authority.Dispose();
    }

    [Fact]
    public void A_delegated_controller_is_accepted_and_known()
    {
        using var certificate = Issue(_delegation);
        Assert.Equal(PinRefusal.None, Verify(certificate, out var controller));
        Assert.Equal(RootKey, controller!.Root);
        Assert.Equal(_delegation.Controller, controller.Delegation.Controller);
        Assert.Equal(_delegation.SigningKey, controller.Delegation.SigningKey);
    }

    [Fact]
    public void Another_root_hash_is_refused()
    {
        using var certificate = Issue(_delegation);
        Assert.Equal(PinRefusal.ForeignRoot, CertificatePin.VerifyController(certificate, Sha256.Hash("other"u8), Now, out var controller));
        Assert.Null(controller);
    }

    [Fact]
    public void A_delegation_by_another_root_is_refused_even_with_the_right_root_key_beside_it()
    {
        using var other = new SigningPrivateKey(SystemEntropy.Instance);
        using var certificate = Issue(_delegation, signer: other);
        Assert.Equal(PinRefusal.ForeignDelegation, Verify(certificate, out _));
    }

    [Fact]
    public void An_authority_that_was_not_delegated_is_refused()
    {
        using var other = CertificateAuthority.Create(_delegation.Controller, Now);
        using var certificate = other.IssueServer(Pin(_delegation, other.Certificate.RawData), Now);
        Assert.Equal(PinRefusal.ForeignAuthority, Verify(certificate, out _));
    }

    [Fact]
    public void A_certificate_of_another_issuer_that_shows_the_delegated_authority_is_refused()
    {
        using var other = CertificateAuthority.Create(_delegation.Controller, Now);
        using var certificate = other.IssueServer(Pin(_delegation, _authority.Certificate.RawData), Now);
        Assert.Equal(PinRefusal.ForeignAuthority, Verify(certificate, out _));
    }

    [Fact]
    public void A_self_signed_certificate_that_copies_the_extension_is_refused()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=" + CertificatePin.ControllerName, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(Pin(_delegation, _authority.Certificate.RawData).Encode());
        using var certificate = request.CreateSelfSigned(Now.ToDateTimeOffset().AddHours(-1), Now.ToDateTimeOffset().AddDays(1));
        Assert.Equal(PinRefusal.ForeignAuthority, Verify(certificate, out _));
    }

    [Fact]
    public void A_nodes_certificate_is_no_controllers_and_the_other_way_round()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var node = TypedId.Create<NodeId>(SystemEntropy.Instance);
        using var nodeCertificate = X509CertificateLoader.LoadCertificate(_authority.IssueNode(new PublicKey(key), node, Now));
        Assert.Equal(PinRefusal.NotAController, Verify(nodeCertificate, out _));
        Assert.Equal(PinRefusal.None, CertificatePin.VerifyNode(nodeCertificate, _authority.Certificate, Now, out var read));
        Assert.Equal(node, read);
        using var server = Issue(_delegation);
        Assert.Equal(PinRefusal.WrongUse, CertificatePin.VerifyNode(server, _authority.Certificate, Now, out _));
    }

    [Fact]
    public void What_a_controller_shows_another_is_not_what_it_answers_with_nor_what_nodes_have()
    {
        using var client = _authority.IssueClient(Pin(_delegation, _authority.Certificate.RawData), Now);
        Assert.Equal(PinRefusal.None, CertificatePin.VerifyControllerAsClient(client, RootHash, Now, out var controller));
        Assert.Equal(_delegation.Controller, controller!.Delegation.Controller);
        Assert.Equal(PinRefusal.WrongUse, Verify(client, out _));
        Assert.Equal(PinRefusal.WrongUse, CertificatePin.VerifyNode(client, _authority.Certificate, Now, out _));
        using var server = Issue(_delegation);
        Assert.Equal(PinRefusal.WrongUse, CertificatePin.VerifyControllerAsClient(server, RootHash, Now, out _));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var node = X509CertificateLoader.LoadCertificate(
            _authority.IssueNode(new PublicKey(key), TypedId.Create<NodeId>(SystemEntropy.Instance), Now));
        Assert.Equal(PinRefusal.NotAController, CertificatePin.VerifyControllerAsClient(node, RootHash, Now, out _));
        Assert.Equal(PinRefusal.DelegationWithdrawn, CertificatePin.VerifyControllerAsClient(
            client, RootHash, Now, out _, new PinExpectation(_delegation.Network, 1, [_delegation.Controller])));
        using var other = CertificateAuthority.Create(_delegation.Controller, Now);
        using var foreign = other.IssueClient(Pin(_delegation, _authority.Certificate.RawData), Now);
        Assert.Equal(PinRefusal.ForeignAuthority, CertificatePin.VerifyControllerAsClient(foreign, RootHash, Now, out _));
    }

    [Fact]
    public void A_nodes_certificate_of_another_authority_is_refused()
    {
        using var other = CertificateAuthority.Create(_delegation.Controller, Now);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var node = TypedId.Create<NodeId>(SystemEntropy.Instance);
        using var certificate = X509CertificateLoader.LoadCertificate(other.IssueNode(new PublicKey(key), node, Now));
        Assert.Equal(PinRefusal.ForeignAuthority, CertificatePin.VerifyNode(certificate, _authority.Certificate, Now, out _));
    }

    [Fact]
    public void A_nodes_certificate_counts_from_an_hour_before_to_a_day_after()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = X509CertificateLoader.LoadCertificate(
            _authority.IssueNode(new PublicKey(key), TypedId.Create<NodeId>(SystemEntropy.Instance), Now));
        Assert.Equal(PinRefusal.NotYetValid, At(TimeSpan.FromMinutes(-61)));
        Assert.Equal(PinRefusal.None, At(TimeSpan.FromMinutes(-60)));
        Assert.Equal(PinRefusal.None, At(TimeSpan.FromHours(24)));
        Assert.Equal(PinRefusal.Expired, At(TimeSpan.FromHours(24) + TimeSpan.FromSeconds(1)));

        PinRefusal At(TimeSpan offset) => CertificatePin.VerifyNode(certificate, _authority.Certificate, Now + offset, out _);
    }

    [Fact]
    public void Time_is_judged_by_the_parameter()
    {
        using var certificate = Issue(_delegation);
        Assert.Equal(PinRefusal.Expired, CertificatePin.VerifyController(certificate, RootHash, Now + TimeSpan.FromDays(8), out _));
        Assert.Equal(PinRefusal.NotYetValid, CertificatePin.VerifyController(certificate, RootHash, Now - TimeSpan.FromHours(2), out _));
        using var late = _authority.IssueServer(Pin(_delegation, _authority.Certificate.RawData), Now + TimeSpan.FromDays(366));
        Assert.Equal(PinRefusal.Expired, CertificatePin.VerifyController(late, RootHash, Now + TimeSpan.FromDays(366), out _));
    }

    [Fact]
    public void A_delegation_without_the_right_or_of_an_older_epoch_or_withdrawn_is_refused()
    {
        using var without = Issue(_delegation with { Rights = [DelegationRights.SignMaps] });
        Assert.Equal(PinRefusal.DelegationNotValid, Verify(without, out _));
        using var certificate = Issue(_delegation);
        Assert.Equal(PinRefusal.DelegationNotValid, Expecting(new PinExpectation(_delegation.Network, 2, [])));
        Assert.Equal(PinRefusal.DelegationWithdrawn, Expecting(new PinExpectation(_delegation.Network, 1, [_delegation.Controller])));
        Assert.Equal(PinRefusal.ForeignDelegation, Expecting(new PinExpectation(TypedId.Create<NetworkId>(SystemEntropy.Instance), 1, [])));
        Assert.Equal(PinRefusal.None, Expecting(new PinExpectation(_delegation.Network, 1, [])));

        PinRefusal Expecting(PinExpectation expected) => CertificatePin.VerifyController(certificate, RootHash, Now, out _, expected);
    }

    [Fact]
    public void No_single_flipped_byte_of_the_certificate_is_accepted()
    {
        using var certificate = Issue(_delegation);
        var bytes = certificate.RawData;
        var accepted = new List<int>();
        for (var i = 0; i < bytes.Length; i++)
        {
            var flipped = bytes.ToArray();
            flipped[i] ^= 0x01;
            try
            {
                using var damaged = X509CertificateLoader.LoadCertificate(flipped);
                if (Verify(damaged, out _) == PinRefusal.None)
                    accepted.Add(i);
            }
            catch (CryptographicException)
            {
                // It is no longer a certificate at all.
            }
        }
        Assert.Empty(accepted);
    }

    [Fact]
    public void The_extension_reads_back_and_its_encoding_is_fixed()
    {
        var delegation = new DsseEnvelope("t", [1, 2], [new DsseSignature("root", [3])]);
        var pin = new PinExtension(new SigningPublicKey(new byte[32]), delegation, [9, 8]);
        var value = pin.Encode();
        Assert.Equal(
            "3079" + "0420" + new string('0', 64) + "0451"
            + Convert.ToHexString("{\"payloadType\":\"t\",\"payload\":\"AQI=\",\"signatures\":[{\"keyid\":\"root\",\"sig\":\"Aw==\"}]}"u8)
            + "04020908",
            Convert.ToHexString(value.RawData));
        Assert.Equal("2.25.93251300395702144207536145688494197094", value.Oid!.Value);
    }

    [Fact]
    public void Requests_for_other_keys_or_with_a_broken_signature_are_refused()
    {
        using var p256 = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var good = new CertificateRequest("CN=whatever", p256, HashAlgorithmName.SHA256).CreateSigningRequest();
        Assert.True(CertificateAuthority.TryReadRequest(good, out var key));
        Assert.Equal(p256.ExportSubjectPublicKeyInfo(), key.ExportSubjectPublicKeyInfo());

        using var p384 = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        Assert.False(CertificateAuthority.TryReadRequest(
            new CertificateRequest("CN=x", p384, HashAlgorithmName.SHA256).CreateSigningRequest(), out _));
        using var rsa = RSA.Create(2048);
        Assert.False(CertificateAuthority.TryReadRequest(
            new CertificateRequest("CN=x", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSigningRequest(), out _));
        Assert.False(CertificateAuthority.TryReadRequest([], out _));
        Assert.False(CertificateAuthority.TryReadRequest(new byte[CertificateAuthority.MaximumRequestSize + 1], out _));
        for (var i = 0; i < good.Length; i++)
        {
            var flipped = good.ToArray();
            flipped[i] ^= 0x40;
            Assert.False(CertificateAuthority.TryReadRequest(flipped, out _), $"byte {i}");
        }
        Assert.False(CertificateAuthority.TryReadRequest([.. good, 0], out _));
    }

    PinRefusal Verify(X509Certificate2 certificate, out PinnedController? controller) =>
        CertificatePin.VerifyController(certificate, RootHash, Now, out controller);

    X509Certificate2 Issue(Delegation delegation, SigningPrivateKey? signer = null) =>
        _authority.IssueServer(Pin(delegation, _authority.Certificate.RawData, signer), Now);

    PinExtension Pin(Delegation delegation, byte[] authority, SigningPrivateKey? signer = null) => new(
        RootKey,
        DsseEnvelope.Sign(PayloadTypes.Delegation, ProtocolJson.Encode(delegation, ProtocolJson.Default.Delegation),
            signer ?? _root, "root"),
        authority);
}
