using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Protocol.Trust;

/// <summary>
/// Decides whether a TLS certificate may be believed: by a node, that a controller's leads back to the pinned network root; by a
/// controller, that a node's was issued by an authority of the network. Certificates and time in, a verdict out; neither the
/// machine's list of authorities nor the network is asked. Safe for concurrent use.
/// </summary>
public static class CertificatePin
{
    /// <summary>The name that every controller's certificate is made for, whatever address it answers on.</summary>
    public const string ControllerName = "controller.mesh.internal";

    const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";
    const string CommonName = "2.5.4.3";

    /// <summary>
    /// Verifies a controller's certificate: hash of the root, then the root's signature on the delegation, then the delegated
    /// authority, then that authority's signature on the certificate, then use and time.
    /// </summary>
    /// <param name="certificate">What the TLS peer presented.</param>
    /// <param name="rootHash">The SHA-256 digest of the network root's public key, from the credential or from the node's state.</param>
    /// <param name="now">The verifier's time.</param>
    /// <param name="controller">What was proven about the controller; null unless the verdict is <see cref="PinRefusal.None"/>.</param>
    /// <param name="expected">What else the node knows already: its network, epoch and the withdrawn controllers.</param>
    public static PinRefusal VerifyController(
        X509Certificate2 certificate, Digest256 rootHash, WallTime now, out PinnedController? controller, PinExpectation? expected = null) =>
        Verify(certificate, rootHash, ServerAuthentication, now, out controller, expected);

    /// <summary>
    /// Verifies the certificate that a controller presents as a client of another: the same as <see cref="VerifyController"/> asks of the
    /// one that it answers nodes with, but for the use. What a node holds does not pass for it, nor what a controller answers with.
    /// </summary>
    /// <inheritdoc cref="VerifyController"/>
    public static PinRefusal VerifyControllerAsClient(
        X509Certificate2 certificate, Digest256 rootHash, WallTime now, out PinnedController? controller, PinExpectation? expected = null) =>
        Verify(certificate, rootHash, ClientAuthentication, now, out controller, expected);

    static PinRefusal Verify(
        X509Certificate2 certificate, Digest256 rootHash, string use, WallTime now, out PinnedController? controller, PinExpectation? expected)
    {
        controller = null;
        if (!PinExtension.TryRead(certificate, out var pin))
            return PinRefusal.NotAController;
        if (Sha256.Hash(pin.Root.Value.Span) != rootHash)
            return PinRefusal.ForeignRoot;
        if (!pin.Delegation.Verify(PayloadTypes.Delegation, pin.Root)
            || !ProtocolJson.TryDecode(pin.Delegation.Payload, ProtocolJson.Default.Delegation, out var delegation)
            || (expected?.Network is { } network && network != delegation.Network))
            return PinRefusal.ForeignDelegation;
        if (!delegation.Rights.Contains(DelegationRights.IssueCertificates) || delegation.Epoch < (expected?.Epoch ?? 0))
            return PinRefusal.DelegationNotValid;
        if (expected?.Withdrawn.Contains(delegation.Controller) == true)
            return PinRefusal.DelegationWithdrawn;
        if (now < delegation.NotBefore)
            return PinRefusal.NotYetValid;
        if (now > delegation.NotAfter)
            return PinRefusal.Expired;

        if (!TryLoad(pin.Authority, out var authority))
            return PinRefusal.ForeignAuthority;
        using (authority)
        {
            if (AuthorityHash(authority) != delegation.AuthorityHash)
                return PinRefusal.ForeignAuthority;
            var refusal = VerifyIssued(certificate, authority, use, now);
            if (refusal != PinRefusal.None)
                return refusal;
        }
        if (!certificate.MatchesHostname(ControllerName, allowWildcards: false, allowCommonName: false))
            return PinRefusal.WrongUse;
        controller = new PinnedController(pin.Root, delegation, pin.Delegation);
        return PinRefusal.None;
    }

    /// <summary>
    /// Verifies a node's certificate against the authority that must have issued it, and reads which node it names.
    /// </summary>
    /// <param name="certificate">What the TLS peer presented, having proven that it holds the private key.</param>
    /// <param name="authority">The authority's certificate.</param>
    /// <param name="now">The verifier's time.</param>
    /// <param name="node">The node. It is also given where only the time is against the certificate, because a node that was away
    /// for longer than its certificate lasts must still be able to ask for the next one.</param>
    public static PinRefusal VerifyNode(X509Certificate2 certificate, X509Certificate2 authority, WallTime now, out NodeId node)
    {
        node = default;
        var refusal = VerifyIssued(certificate, authority, ClientAuthentication, now);
        if (refusal is not (PinRefusal.None or PinRefusal.Expired or PinRefusal.NotYetValid))
            return refusal;
        string? name = null;
        foreach (var part in certificate.SubjectName.EnumerateRelativeDistinguishedNames())
        {
            if (part.HasMultipleElements || part.GetSingleElementType().Value != CommonName || name is not null)
                return PinRefusal.WrongUse;
            name = part.GetSingleElementValue();
        }
        return TypedId.TryParse(name, out node) ? refusal : PinRefusal.WrongUse;
    }

    /// <summary>Tells whether bytes are the certificate, in DER, of the authority whose hash a delegation has.</summary>
    public static bool IsAuthority(byte[] certificate, Digest256 hash)
    {
        if (certificate.Length > PinExtension.MaximumSize || !TryLoad(certificate, out var authority))
            return false;
        using (authority)
            return AuthorityHash(authority) == hash;
    }

    /// <summary>Hashes an authority's DER SubjectPublicKeyInfo, as <see cref="Delegation.AuthorityHash"/> has it.</summary>
    public static Digest256 AuthorityHash(X509Certificate2 authority) => Sha256.Hash(authority.PublicKey.ExportSubjectPublicKeyInfo());

    static PinRefusal VerifyIssued(X509Certificate2 certificate, X509Certificate2 authority, string use, WallTime now)
    {
        // Time is judged below, by the parameter and inclusively; the chain is built at a moment that both certificates cover.
        using var chain = new X509Chain();
        var policy = chain.ChainPolicy;
        policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        policy.CustomTrustStore.Add(authority);
        policy.RevocationMode = X509RevocationMode.NoCheck;
        policy.DisableCertificateDownloads = true;
        policy.VerificationTime = certificate.NotBefore > authority.NotBefore ? certificate.NotBefore : authority.NotBefore;
        policy.VerificationTimeIgnored = false;
        if (!chain.Build(certificate) || chain.ChainElements.Count != 2
            || !chain.ChainElements[1].Certificate.RawDataMemory.Span.SequenceEqual(authority.RawDataMemory.Span))
            return PinRefusal.ForeignAuthority;
        // Exactly one use: a certificate without the extension, or for any use, would serve for both sides.
        if (certificate.Extensions.OfType<X509EnhancedKeyUsageExtension>().SingleOrDefault() is not { EnhancedKeyUsages: { Count: 1 } uses }
            || uses[0].Value != use)
            return PinRefusal.WrongUse;
        foreach (var element in (ReadOnlySpan<X509Certificate2>)[certificate, authority])
        {
            if (now < WallTime.From(element.NotBefore))
                return PinRefusal.NotYetValid;
            if (now > WallTime.From(element.NotAfter))
                return PinRefusal.Expired;
        }
        return PinRefusal.None;
    }

    static bool TryLoad(byte[] bytes, [NotNullWhen(true)] out X509Certificate2? certificate)
    {
        try
        {
            certificate = X509CertificateLoader.LoadCertificate(bytes);
            return true;
        }
        catch (CryptographicException)
        {
            certificate = null;
            return false;
        }
    }
}

/// <summary>Is what a node knows of its network beside the root's hash, for <see cref="CertificatePin.VerifyController"/>.</summary>
/// <param name="Network">The network, once known.</param>
/// <param name="Epoch">The epoch that the node is in; delegations of older ones are void.</param>
/// <param name="Withdrawn">Controllers whose delegation no longer counts.</param>
public sealed record PinExpectation(NetworkId? Network, int Epoch, IReadOnlyList<ControllerId> Withdrawn);

/// <summary>Is what a verified certificate proves about the controller that presented it.</summary>
/// <param name="Root">The network root's public key.</param>
/// <param name="Delegation">What the root lets the controller do.</param>
/// <param name="Envelope">The signed form of <paramref name="Delegation"/>.</param>
public sealed record PinnedController(SigningPublicKey Root, Delegation Delegation, DsseEnvelope Envelope);
