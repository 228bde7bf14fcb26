using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mesh.Protocol;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Tests.E2E.Lab;

/// <summary>
/// Is a node reduced to its keys and the controller's API, for what is too much, or too wicked, for the real program: fifty
/// machines at once, guesses, machines that never connect, machines that lie. It speaks the real protocol: TLS 1.3 pinned by the
/// credential, HTTP/2, the documents of Mesh.Protocol.
/// </summary>
sealed class ApiNode : IDisposable
{
    readonly Netns _ns;
    readonly ECDsa _tls = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    /// <param name="ns">The machine that it connects from.</param>
    /// <param name="hostname">The name it wishes for.</param>
    public ApiNode(Netns ns, string hostname)
    {
        _ns = ns;
        Hostname = hostname;
        SigningKey = Ed25519.ComputePublicKey(Signing);
        TunnelKey = X25519.ComputePublicKey(Tunnel);
    }

    /// <summary>Gets the name it wishes for.</summary>
    public string Hostname { get; }

    /// <summary>Gets the identity key.</summary>
    public SigningPrivateKey Signing { get; } = new(RandomNumberGenerator.GetBytes(32));

    /// <summary>Gets the public half of the identity key.</summary>
    public SigningPublicKey SigningKey { get; }

    /// <summary>Gets the WireGuard key.</summary>
    public TunnelPrivateKey Tunnel { get; } = new(RandomNumberGenerator.GetBytes(32));

    /// <summary>Gets the public half of the WireGuard key.</summary>
    public TunnelPublicKey TunnelKey { get; }

    /// <summary>Gets the welcome, once enrolled.</summary>
    public EnrollReply? Welcome { get; private set; }

    /// <summary>Gets the map body that the welcome carried.</summary>
    public Mesh.Protocol.Map.MapBody Body =>
        ProtocolJson.TryDecode(Welcome!.Map.Leaf, ProtocolJson.Default.MapLeaf, out var leaf) ? leaf.Full! : throw new InvalidDataException("the welcome's map cannot be read");

    /// <summary>Makes an HTTP/2 client towards the controllers of a credential, pinned by it; with the node's certificate once it has one.</summary>
    public HttpClient Connect(CredentialString credential)
    {
        var address = IPEndPoint.Parse(credential.Controllers[0]);
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectTimeout = TimeSpan.FromSeconds(5),
            SslOptions = new SslClientAuthenticationOptions
            {
                EnabledSslProtocols = SslProtocols.Tls13,
                RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null
                    && CertificatePin.VerifyController((X509Certificate2)certificate, credential.RootHash, WallTime.From(DateTimeOffset.UtcNow), out _) == PinRefusal.None,
            },
            ConnectCallback = async (_, cancel) =>
            {
                var socket = NetnsSocket.Create(_ns, address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                try
                {
                    socket.NoDelay = true;
                    await socket.ConnectAsync(address, cancel);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            },
        };
        if (Welcome is { } welcome)
        {
            var own = X509CertificateLoader.LoadCertificate(welcome.Certificates[0]).CopyWithPrivateKey(_tls);
            X509Certificate2Collection chain = [.. welcome.Certificates.Skip(1).Select(bytes => X509CertificateLoader.LoadCertificate(bytes))];
            handler.SslOptions.ClientCertificateContext = SslStreamCertificateContext.Create(own, chain, offline: true);
        }
        return new HttpClient(handler)
        {
            BaseAddress = new Uri($"https://{CertificatePin.ControllerName}"),
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Timeout = TimeSpan.FromSeconds(30),
        };
    }

    /// <summary>Presents a credential; null where it was accepted, else why not.</summary>
    public async Task<Problem?> EnrollAsync(CredentialString credential, HttpClient? client = null)
    {
        using var own = client is null ? Connect(credential) : null;
        using var response = await (client ?? own)!.PostAsync("/v1/enroll", Json(ProtocolJson.Encode(Request(credential), ProtocolJson.Default.EnrollRequest)));
        var bytes = await response.Content.ReadAsByteArrayAsync();
        if (!response.IsSuccessStatusCode)
        {
            Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
            return ProtocolJson.TryDecode(bytes, ProtocolJson.Default.Problem, out var problem) ? problem
                : throw new InvalidDataException($"{(int)response.StatusCode} with an unreadable problem: {System.Text.Encoding.UTF8.GetString(bytes)}");
        }
        Welcome = ProtocolJson.TryDecode(bytes, ProtocolJson.Default.EnrollReply, out var reply) ? reply : throw new InvalidDataException("the welcome cannot be read");
        return null;
    }

    /// <summary>Builds the request with which the node joins.</summary>
    public EnrollRequest Request(CredentialString credential)
    {
        var request = CertificateRequest();
        var proof = new byte[64];
        Ed25519.Sign(Signing.Span, EnrollProof.Bytes(credential.Id, credential.RootHash, SigningKey, TunnelKey, request), proof);
        return new EnrollRequest(credential.Id, credential.Secret.ToArray(), SigningKey, TunnelKey, request, Hostname, "linux", "0.1.0",
            WallTime.From(DateTimeOffset.UtcNow), proof);
    }

    /// <summary>Makes a PKCS #10 request for the node's TLS key.</summary>
    public byte[] CertificateRequest() => new CertificateRequest("CN=node", _tls, HashAlgorithmName.SHA256).CreateSigningRequest();

    /// <summary>Makes a JSON body.</summary>
    public static ByteArrayContent Json(byte[] bytes) => new(bytes) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };

    /// <inheritdoc/>
    public void Dispose()
    {
        _tls.Dispose();
        Signing.Dispose();
        Tunnel.Dispose();
    }
}
