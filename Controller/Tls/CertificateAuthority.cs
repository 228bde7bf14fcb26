using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Controller.Tls;

/// <summary>
/// Issues TLS certificates from the controller's P-256 authority (RFC 5280): its own and the nodes'. What makes the authority
/// count is the network root's delegation of its key, not its self-signed certificate. Safe for concurrent use.
/// </summary>
sealed class CertificateAuthority : IDisposable
{
    /// <summary>How long before its making a certificate counts, for machines whose clock is behind.</summary>
    public static readonly TimeSpan Backdating = TimeSpan.FromHours(1);

    /// <summary>How long a node's certificate counts.</summary>
    public static readonly TimeSpan NodeLifetime = TimeSpan.FromHours(24);

    /// <summary>How long a controller's own certificates count.</summary>
    public static readonly TimeSpan OwnLifetime = TimeSpan.FromDays(7);

    /// <summary>The greatest length of a certificate request that is looked at; one for P-256 has about 300 bytes.</summary>
    public const int MaximumRequestSize = 1024;

    // The delegation bounds the authority to a year at a time; its certificate only must not end before.
    static readonly TimeSpan AuthorityLifetime = TimeSpan.FromDays(3653);
    static readonly Oid ServerAuthentication = new("1.3.6.1.5.5.7.3.1");
    static readonly Oid ClientAuthentication = new("1.3.6.1.5.5.7.3.2");

    readonly ECDsa _key;
    readonly Lock _gate = new();

    CertificateAuthority(ECDsa key, X509Certificate2 certificate)
    {
        _key = key;
        Certificate = certificate;
    }

    /// <summary>Gets the authority's certificate, without the private key.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>Makes a new authority.</summary>
    public static CertificateAuthority Create(ControllerId controller, WallTime now)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(Name($"mesh controller {controller}"), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        using var signed = request.Create(
            request.SubjectName, X509SignatureGenerator.CreateForECDsa(key), (now - Backdating).ToDateTimeOffset(),
            (now + AuthorityLifetime).ToDateTimeOffset(), SerialNumber());
        return new CertificateAuthority(key, X509CertificateLoader.LoadCertificate(signed.RawData));
    }

    /// <summary>Takes an authority up again; false where key and certificate do not belong together or cannot be read.</summary>
    public static bool TryLoad(
        ReadOnlySpan<char> privateKeyPem, byte[] certificate, [NotNullWhen(true)] out CertificateAuthority? authority)
    {
        authority = null;
        var key = ECDsa.Create();
        X509Certificate2? loaded = null;
        try
        {
            key.ImportFromPem(privateKeyPem);
            loaded = X509CertificateLoader.LoadCertificate(certificate);
            if (key.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(loaded.PublicKey.ExportSubjectPublicKeyInfo()))
                authority = new CertificateAuthority(key, loaded);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            // Whatever is wrong with the files, the caller says which they are.
        }
        if (authority is not null)
            return true;
        key.Dispose();
        loaded?.Dispose();
        return false;
    }

    /// <summary>Prints the private key as PEM (PKCS #8).</summary>
    public string ExportPrivateKeyPem() => _key.ExportPkcs8PrivateKeyPem();

    /// <summary>Issues a certificate, with a key made for it, that the controller's API answers with.</summary>
    public X509Certificate2 IssueServer(PinExtension pin, WallTime now) => IssueOwn(pin, ServerAuthentication, now);

    /// <summary>Issues a certificate, with a key made for it, that the controller presents to other controllers.</summary>
    public X509Certificate2 IssueClient(PinExtension pin, WallTime now) => IssueOwn(pin, ClientAuthentication, now);

    /// <summary>Issues a node's certificate in DER for the key of a request that <see cref="TryReadRequest"/> let through.</summary>
    public byte[] IssueNode(PublicKey key, NodeId node, WallTime now)
    {
        var request = new CertificateRequest(Name(node.ToString()), key, HashAlgorithmName.SHA256);
        using var certificate = Issue(request, ClientAuthentication, now, NodeLifetime);
        return certificate.RawData;
    }

    /// <summary>
    /// Reads the public key of a PKCS #10 request (RFC 2986) whose signature proves that its sender has the private one. Only the
    /// key is taken, and only a P-256 one: names and extensions that the request asks for are not looked at.
    /// </summary>
    public static bool TryReadRequest(byte[] request, [NotNullWhen(true)] out PublicKey? key)
    {
        key = null;
        if (request.Length is 0 or > MaximumRequestSize)
            return false;
        try
        {
            var read = CertificateRequest.LoadSigningRequest(request, HashAlgorithmName.SHA256);
            if (!IsP256(read.PublicKey))
                return false;
            key = read.PublicKey;
            return true;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or NotSupportedException)
        {
            return false;
        }
    }

    /// <summary>Frees the private key.</summary>
    public void Dispose()
    {
        _key.Dispose();
        Certificate.Dispose();
    }

    static bool IsP256(PublicKey key) =>
        key.Oid.Value == "1.2.840.10045.2.1" && key.EncodedParameters?.RawData.AsSpan().SequenceEqual(NamedCurveP256) == true;

    // OBJECT IDENTIFIER 1.2.840.10045.3.1.7 in DER.
    static ReadOnlySpan<byte> NamedCurveP256 => [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

    static X500DistinguishedName Name(string commonName)
    {
        var builder = new X500DistinguishedNameBuilder();
        builder.AddCommonName(commonName);
        return builder.Build();
    }

    // RFC 5280 section 4.1.2.2: positive and unpredictable, at most 20 bytes.
    static byte[] SerialNumber()
    {
        var serial = RandomNumberGenerator.GetBytes(16);
        serial[0] = (byte)((serial[0] & 0x7f) | 0x40);
        return serial;
    }

    // The name is no id: what a controller presents never passes for a node's.
    X509Certificate2 IssueOwn(PinExtension pin, Oid use, WallTime now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(Name(CertificatePin.ControllerName), key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(CertificatePin.ControllerName);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(pin.Encode());
        using var certificate = Issue(request, use, now, OwnLifetime);
        return certificate.CopyWithPrivateKey(key);
    }

    X509Certificate2 Issue(CertificateRequest request, Oid use, WallTime now, TimeSpan lifetime)
    {
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([use], false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(Certificate, true, false));
        lock (_gate)
        {
            return request.Create(
                Certificate.SubjectName, X509SignatureGenerator.CreateForECDsa(_key), (now - Backdating).ToDateTimeOffset(),
                (now + lifetime).ToDateTimeOffset(), SerialNumber());
        }
    }
}
