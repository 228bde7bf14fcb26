using System.Diagnostics.CodeAnalysis;
using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;
using Mesh.Protocol.Identity;

namespace Mesh.Protocol.Trust;

/// <summary>
/// Is what a controller's TLS certificate carries so that a machine that knows no more than the hash of the network root can tell
/// that the network let this controller speak: a non-critical X.509 extension whose value is, in DER (ITU-T X.690),
/// <code>
/// MeshPin ::= SEQUENCE {
///     root        OCTET STRING (SIZE(32)),   -- the network root's Ed25519 public key
///     delegation  OCTET STRING,              -- the root's DsseEnvelope over the controller's Delegation, in JSON
///     authority   OCTET STRING }             -- the certificate of the P-256 authority that issued this one, in DER
/// </code>
/// The authority travels in here so that nothing depends on which certificates a TLS library chooses to send. Immutable.
/// </summary>
public sealed record PinExtension(SigningPublicKey Root, DsseEnvelope Delegation, byte[] Authority)
{
    /// <summary>The extension's object identifier: an arc under 2.25 (ITU-T X.667), UUID 46278c13-e41b-4aa9-b275-ebf5c869c966.</summary>
    public const string ObjectIdentifier = "2.25.93251300395702144207536145688494197094";

    /// <summary>The greatest length of the extension's value, in bytes.</summary>
    public const int MaximumSize = 8192;

    /// <summary>Encodes the extension for a certificate that is being made.</summary>
    public X509Extension Encode()
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteOctetString(Root.Value.Span);
            writer.WriteOctetString(ProtocolJson.Encode(Delegation, ProtocolJson.Default.DsseEnvelope));
            writer.WriteOctetString(Authority);
        }
        var value = writer.Encode();
        return value.Length <= MaximumSize
            ? new X509Extension(ObjectIdentifier, value, critical: false)
            : throw new ArgumentException($"the pin extension would have {value.Length} bytes, {MaximumSize} are allowed");
    }

    /// <summary>Reads the extension of a certificate; false where there is none, more than one, or one that cannot be read.</summary>
    public static bool TryRead(X509Certificate2 certificate, [NotNullWhen(true)] out PinExtension? pin)
    {
        pin = null;
        X509Extension? found = null;
        foreach (var extension in certificate.Extensions)
        {
            if (extension.Oid?.Value != ObjectIdentifier)
                continue;
            if (found is not null)
                return false;
            found = extension;
        }
        if (found is null || found.RawData.Length > MaximumSize)
            return false;
        try
        {
            var outer = new AsnReader(found.RawData, AsnEncodingRules.DER);
            var inner = outer.ReadSequence();
            outer.ThrowIfNotEmpty();
            var root = inner.ReadOctetString();
            var delegation = inner.ReadOctetString();
            var authority = inner.ReadOctetString();
            inner.ThrowIfNotEmpty();
            if (root.Length != Octets32.Size || !ProtocolJson.TryDecode(delegation, ProtocolJson.Default.DsseEnvelope, out var envelope))
                return false;
            pin = new PinExtension(new SigningPublicKey(root), envelope, authority);
            return true;
        }
        catch (AsnContentException)
        {
            return false;
        }
    }
}
