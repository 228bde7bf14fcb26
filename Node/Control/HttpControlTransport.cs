using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mesh.Actors.Control;
using Mesh.Protocol;
using Mesh.Protocol.Control;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Node.Control;

/// <summary>Attaches to controllers over HTTP/2 with the node's TLS certificate. Safe for concurrent use.</summary>
sealed class HttpControlTransport : IControlTransport, IDisposable
{
    readonly ECDsa _key;
    readonly Func<CertificateRequestMessage> _request;
    readonly Action<IReadOnlyList<byte[]>> _keep;
    readonly Digest256 _rootHash;
    readonly TimeProvider _time;
    readonly string _instance = EntityId.Create(SystemEntropy.Instance).ToString();
    volatile NodeCertificate _certificate;

    /// <summary>Prepares the transport.</summary>
    /// <param name="key">The key of the TLS certificate.</param>
    /// <param name="certificates">The node's certificate in DER and its authority's.</param>
    /// <param name="root">The pinned network root.</param>
    /// <param name="request">Makes a request for the key, in the node's own name.</param>
    /// <param name="keep">Keeps renewed certificates.</param>
    /// <param name="time">Judges certificates.</param>
    /// <exception cref="CryptographicException">The certificates cannot be read or are not for the key.</exception>
    public HttpControlTransport(
        ECDsa key, IReadOnlyList<byte[]> certificates, SigningPublicKey root, Func<CertificateRequestMessage> request, Action<IReadOnlyList<byte[]>> keep, TimeProvider time)
    {
        _key = key;
        _request = request;
        _keep = keep;
        _rootHash = Sha256.Hash(root.Value.Span);
        _time = time;
        _certificate = NodeCertificate.Load(certificates, key);
    }

    /// <inheritdoc/>
    public CertificateLife Certificate => _certificate.Life;

    /// <inheritdoc/>
    public async Task<IControlStream> AttachAsync(string address, AttachFrame attach, PinExpectation expected, CancellationToken cancel) =>
        await HttpControlStream.OpenAsync(Connect(address, expected), attach, _instance, cancel);

    /// <inheritdoc/>
    public async Task RenewCertificateAsync(string address, PinExpectation expected, CancellationToken cancel)
    {
        using var connection = Connect(address, expected);
        var reply = await connection.PostAsync("/v1/certificate", _request(),
            ProtocolJson.Default.CertificateRequestMessage, ProtocolJson.Default.CertificateReply, cancel);
        try
        {
            var renewed = NodeCertificate.Load(reply.Certificates, _key);
            _keep(reply.Certificates);
            // Streams that are open go on with the old one.
            _certificate = renewed;
        }
        catch (Exception failure) when (failure is CryptographicException or MeshFailureException)
        {
            throw new IOException(failure.Message, failure);
        }
    }

    /// <inheritdoc/>
    public async Task RotateKeyAsync(string address, KeyRotationRequest request, PinExpectation expected, CancellationToken cancel)
    {
        using var connection = Connect(address, expected);
        using var response = await connection.SendAsync("/v1/rotate-key", request, ProtocolJson.Default.KeyRotationRequest, cancel);
    }

    /// <summary>Tells a controller that this node leaves for good.</summary>
    /// <exception cref="ControlRefusedException">The controller says no.</exception>
    /// <exception cref="IOException">The controller cannot be reached.</exception>
    public async Task LogoutAsync(string address, PinExpectation expected, CancellationToken cancel)
    {
        using var connection = Connect(address, expected);
        using var response = await connection.SendAsync(new HttpRequestMessage(HttpMethod.Post, "/v1/logout"), cancel);
    }

    /// <inheritdoc/>
    public void Dispose() => _certificate.Dispose();

    ControllerConnection Connect(string address, PinExpectation expected) =>
        new(address, _rootHash, expected, _certificate.Context, _time);
}

/// <summary>Is a node's TLS certificate with its key, ready to be presented.</summary>
sealed class NodeCertificate : IDisposable
{
    readonly X509Certificate2 _leaf;

    NodeCertificate(X509Certificate2 leaf, SslStreamCertificateContext context)
    {
        _leaf = leaf;
        Context = context;
        Life = new CertificateLife(WallTime.From(leaf.NotBefore), WallTime.From(leaf.NotAfter));
    }

    /// <summary>Gets what TLS presents.</summary>
    public SslStreamCertificateContext Context { get; }

    /// <summary>Gets how long it is valid.</summary>
    public CertificateLife Life { get; }

    /// <summary>Puts a chain and its key together.</summary>
    /// <exception cref="CryptographicException">The chain cannot be read or is not for the key.</exception>
    public static NodeCertificate Load(IReadOnlyList<byte[]> certificates, ECDsa key)
    {
        if (certificates.Count == 0)
            throw new CryptographicException("there is no certificate");
        using var bare = X509CertificateLoader.LoadCertificate(certificates[0]);
        if (!bare.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(key.ExportSubjectPublicKeyInfo()))
            throw new CryptographicException("the certificate is not for this node's key");
        X509Certificate2 leaf;
        try
        {
            leaf = bare.CopyWithPrivateKey(key);
        }
        catch (Exception failure) when (failure is ArgumentException or InvalidOperationException)
        {
            throw new CryptographicException("the certificate is not for this node's key", failure);
        }
        X509Certificate2Collection chain = [.. certificates.Skip(1).Select(X509CertificateLoader.LoadCertificate)];
        return new NodeCertificate(leaf, SslStreamCertificateContext.Create(leaf, chain, offline: true));
    }

    /// <inheritdoc/>
    public void Dispose() => _leaf.Dispose();
}
