using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mesh.Protocol;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Tests.Kit.Nodes;

/// <summary>
/// Is a node without a tunnel: it enrolls over TLS as a machine does, holds a control stream to any controller that its map or its
/// credential names, believes only what <see cref="MapTrust"/> believes, acknowledges, answers pings, says where it is and comes
/// back when it is cut off. Written without the node's code; many live in one process. Safe for concurrent use, but one caller
/// enrolls, starts and stops it.
/// </summary>
public sealed partial class SimNode : IAsyncDisposable
{
    static readonly MediaTypeHeaderValue _json = new("application/json");

    readonly SimNodeOptions _options;
    readonly ECDsa _tlsKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    readonly SigningPrivateKey _signingKey = new(RandomNumberGenerator.GetBytes(SecretKey.Size));
    readonly TunnelPrivateKey _tunnelKey = new(RandomNumberGenerator.GetBytes(SecretKey.Size));
    readonly Lock _gate = new();
    Digest256 _rootHash;
    IReadOnlyList<string> _credentialControllers = [];
    SslStreamCertificateContext? _certificate;
    MapTrust? _trust;
    Digest256? _bodyHash;

    /// <param name="hostname">The name that it wishes for.</param>
    /// <param name="options">How it behaves.</param>
    public SimNode(string hostname, SimNodeOptions? options = null) => (Hostname, _options) = (hostname, options ?? new SimNodeOptions());

    /// <summary>Gets the name that it wished for.</summary>
    public string Hostname { get; }

    /// <summary>Gets its id, once enrolled.</summary>
    public NodeId Id { get; private set; }

    /// <summary>Gets the name that it was given, once enrolled.</summary>
    public string? Name { get; private set; }

    /// <summary>Gets its identity.</summary>
    public SigningPublicKey SigningKey => Ed25519.ComputePublicKey(_signingKey);

    /// <summary>Gets its WireGuard key.</summary>
    public TunnelPublicKey TunnelKey => X25519.ComputePublicKey(_tunnelKey);

    /// <summary>
    /// Gets what it believes, once enrolled. Where maps are not verified this is of the enrollment, except for epoch and revision.
    /// </summary>
    public MapTrust Trust => _trust ?? throw new InvalidOperationException($"{Hostname} has not enrolled");

    /// <summary>Gets the hash of the body that it acts on.</summary>
    public Digest256? BodyHash => _bodyHash;

    /// <summary>Enrolls at the first controller of the credential that answers; the same node may try again however an attempt ended.</summary>
    /// <exception cref="SimNodeRefusedException">The controller says no.</exception>
    /// <exception cref="IOException">No controller can be reached, or the answer is not to be believed.</exception>
    public async Task EnrollAsync(CredentialString credential, CancellationToken cancel = default)
    {
        _rootHash = credential.RootHash;
        IOException? last = null;
        foreach (var address in credential.Controllers)
        {
            try
            {
                var reply = await PostAsync(
                    address, "/v1/enroll", Request(credential), ProtocolJson.Default.EnrollRequest, ProtocolJson.Default.EnrollReply, cancel);
                Take(reply, credential);
                return;
            }
            catch (Exception failure) when (failure is IOException or HttpRequestException)
            {
                last = new IOException($"{address}: {failure.InnerException?.Message ?? failure.Message}", failure);
            }
        }
        throw last ?? new IOException("the credential names no controller");
    }

    /// <summary>Asks the controller that it is attached to, else the first that it knows, for a fresh TLS certificate; the next attach uses it.</summary>
    public async Task RenewCertificateAsync(CancellationToken cancel = default)
    {
        var reply = await PostAsync(
            Controller ?? Controllers[0], "/v1/certificate", new CertificateRequestMessage(SigningRequest()),
            ProtocolJson.Default.CertificateRequestMessage, ProtocolJson.Default.CertificateReply, cancel);
        _certificate = Load(reply.Certificates);
    }

    /// <summary>Takes itself out of the network.</summary>
    public Task LogOutAsync(CancellationToken cancel = default) => PostAsync(Controller ?? Controllers[0], "/v1/logout", null, cancel);

    /// <summary>Gets the addresses of the controllers that it knows, in the order in which it tries them: those of its map, then those of its credential.</summary>
    public IReadOnlyList<string> Controllers => Addresses;

    /// <summary>Stops it and throws its keys away.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _tlsKey.Dispose();
        _signingKey.Dispose();
        _tunnelKey.Dispose();
        _stop?.Dispose();
    }

    List<string> Addresses =>
        [.. ControllerOrder.Addresses(Id.Value, _trust?.Body?.Controllers ?? []).Concat(_credentialControllers).Distinct(StringComparer.Ordinal)];

    static WallTime Now => WallTime.From(DateTimeOffset.UtcNow);

    EnrollRequest Request(CredentialString credential)
    {
        var request = SigningRequest();
        var proof = new byte[Ed25519.SignatureSize];
        Ed25519.Sign(_signingKey, EnrollProof.Bytes(credential.Id, credential.RootHash, SigningKey, TunnelKey, request), proof);
        return new EnrollRequest(
            credential.Id, credential.Secret.ToArray(), SigningKey, TunnelKey, request, Hostname, "linux", "sim", Now, proof);
    }

    byte[] SigningRequest() => new CertificateRequest("CN=sim", _tlsKey, HashAlgorithmName.SHA256).CreateSigningRequest();

    void Take(EnrollReply reply, CredentialString credential)
    {
        if (Sha256.Hash(reply.RootKey.Value.Span) != credential.RootHash)
            throw new IOException("the root key in the answer is not the one that the credential names");
        var empty = new MapTrust { Network = reply.Network, Node = reply.Node, Root = reply.RootKey };
        var refusal = empty.TryAccept(reply.Map, Now, out var trust);
        if (refusal != TrustRefusal.None || trust.Body is null)
            throw new IOException($"the first map is not believed: {refusal}");
        (Id, Name, _credentialControllers) = (reply.Node, reply.Name, credential.Controllers);
        (_trust, _bodyHash, _certificate) = (trust, MapChange.Hash(trust.Body), Load(reply.Certificates));
    }

    SslStreamCertificateContext Load(IReadOnlyList<byte[]> certificates)
    {
        using var bare = X509CertificateLoader.LoadCertificate(certificates[0]);
        X509Certificate2Collection chain = [.. certificates.Skip(1).Select(bytes => X509CertificateLoader.LoadCertificate(bytes))];
        return SslStreamCertificateContext.Create(bare.CopyWithPrivateKey(_tlsKey), chain, offline: true);
    }

    async Task<TReply> PostAsync<TRequest, TReply>(
        string address, string path, TRequest request, System.Text.Json.Serialization.Metadata.JsonTypeInfo<TRequest> requestType,
        System.Text.Json.Serialization.Metadata.JsonTypeInfo<TReply> replyType, CancellationToken cancel) where TReply : class
    {
        var content = new ByteArrayContent(ProtocolJson.Encode(request, requestType)) { Headers = { ContentType = _json } };
        var bytes = await PostAsync(address, path, content, cancel);
        return ProtocolJson.TryDecode(bytes, replyType, out var reply) ? reply : throw new IOException($"the answer to {path} cannot be read");
    }

    async Task<byte[]> PostAsync(string address, string path, HttpContent? content, CancellationToken cancel)
    {
        using var connection = SimConnection.To(address, _rootHash, _certificate, Expectation, _options);
        using var response = await connection.SendAsync(path, content, cancel);
        return await response.Content.ReadAsByteArrayAsync(cancel);
    }

    PinExpectation? Expectation => _trust is { } trust ? new PinExpectation(trust.Network, trust.Epoch, trust.Body?.Withdrawn ?? []) : null;
}

/// <summary>Says that a controller refused what a simulated node asked for.</summary>
public sealed class SimNodeRefusedException(Problem problem) : Exception(problem.Title)
{
    /// <summary>Gets what the controller answered.</summary>
    public Problem Problem => problem;
}
