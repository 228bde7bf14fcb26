using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Node.State;

/// <summary>
/// Owns a node's three private keys: the Ed25519 identity, the X25519 tunnel key and the P-256 key of its TLS certificate. They
/// are zeroed on <see cref="Dispose"/>.
/// </summary>
sealed class NodeIdentity : IDisposable
{
    NodeIdentity(SigningPrivateKey signing, TunnelPrivateKey tunnel, ECDsa tls)
    {
        Signing = signing;
        Tunnel = tunnel;
        Tls = tls;
        SigningPublicKey = Ed25519.ComputePublicKey(signing);
        TunnelPublicKey = X25519.ComputePublicKey(tunnel);
    }

    /// <summary>Gets the Ed25519 identity.</summary>
    public SigningPrivateKey Signing { get; }

    /// <summary>Gets the X25519 tunnel key.</summary>
    public TunnelPrivateKey Tunnel { get; private set; }

    /// <summary>Gets the P-256 key that the TLS certificate speaks of.</summary>
    public ECDsa Tls { get; }

    /// <summary>Gets the public half of <see cref="Signing"/>.</summary>
    public SigningPublicKey SigningPublicKey { get; }

    /// <summary>Gets the public half of <see cref="Tunnel"/>.</summary>
    public TunnelPublicKey TunnelPublicKey { get; private set; }

    /// <summary>Draws new keys.</summary>
    public static NodeIdentity Create(IEntropy entropy) =>
        new(new SigningPrivateKey(entropy), new TunnelPrivateKey(entropy), ECDsa.Create(ECCurve.NamedCurves.nistP256));

    /// <summary>Reads what <see cref="Export"/> wrote: seed(32), tunnel key(32), PKCS #8 of the TLS key.</summary>
    /// <exception cref="CryptographicException">It is something else.</exception>
    public static NodeIdentity Import(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length <= 2 * SecretKey.Size)
            throw new CryptographicException("the keys are too short");
        var tls = ECDsa.Create();
        try
        {
            tls.ImportPkcs8PrivateKey(bytes[(2 * SecretKey.Size)..], out var read);
            if (read != bytes.Length - 2 * SecretKey.Size)
                throw new CryptographicException("bytes follow the keys");
            return new NodeIdentity(new SigningPrivateKey(bytes[..SecretKey.Size]), new TunnelPrivateKey(bytes.Slice(SecretKey.Size, SecretKey.Size)), tls);
        }
        catch
        {
            tls.Dispose();
            throw;
        }
    }

    /// <summary>Gives the same keys with a new tunnel key.</summary>
    public NodeIdentity WithNewTunnelKey(IEntropy entropy)
    {
        var keys = Export();
        try
        {
            using var tunnel = new TunnelPrivateKey(entropy);
            tunnel.Span.CopyTo(keys.AsSpan(SecretKey.Size));
            return Import(keys);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(keys);
        }
    }

    /// <summary>Takes the tunnel key of another one, which gets this one's in return. Whoever reads it meanwhile may read either.</summary>
    public void ExchangeTunnelKey(NodeIdentity other)
    {
        (Tunnel, other.Tunnel) = (other.Tunnel, Tunnel);
        (TunnelPublicKey, other.TunnelPublicKey) = (other.TunnelPublicKey, TunnelPublicKey);
    }

    /// <summary>Writes the private keys into pinned memory that the caller zeroes.</summary>
    public byte[] Export()
    {
        var pkcs8 = Tls.ExportPkcs8PrivateKey();
        var bytes = GC.AllocateUninitializedArray<byte>(2 * SecretKey.Size + pkcs8.Length, pinned: true);
        Signing.Span.CopyTo(bytes);
        Tunnel.Span.CopyTo(bytes.AsSpan(SecretKey.Size));
        pkcs8.CopyTo(bytes, 2 * SecretKey.Size);
        CryptographicOperations.ZeroMemory(pkcs8);
        return bytes;
    }

    /// <summary>Makes a PKCS #10 request (RFC 2986) in DER for the TLS key.</summary>
    public byte[] CreateCertificateRequest() =>
        new CertificateRequest("CN=node", Tls, HashAlgorithmName.SHA256).CreateSigningRequest();

    /// <summary>Makes the same with a proof by the identity key of which node asks: a certificate that counts no longer is not needed for it.</summary>
    /// <param name="network">The network.</param>
    /// <param name="node">The node.</param>
    /// <param name="now">The time.</param>
    public CertificateRequestMessage CreateCertificateRequest(NetworkId network, NodeId node, WallTime now)
    {
        var request = CreateCertificateRequest();
        var signature = new byte[Ed25519.SignatureSize];
        Ed25519.Sign(Signing, CertificateProof.Bytes(network, node, now, request), signature);
        return new CertificateRequestMessage(request, new CertificateProof(node, now, signature));
    }

    /// <summary>Zeroes the keys.</summary>
    public void Dispose()
    {
        Signing.Dispose();
        Tunnel.Dispose();
        Tls.Dispose();
    }
}
