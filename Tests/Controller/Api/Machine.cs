using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mesh.Controller.Keys;
using Mesh.Protocol;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Tests.Controller.Api;

/// <summary>Is a machine as the controller sees one: its keys and an HTTP/2 client of its own, written without the node's code.</summary>
sealed class Machine : IDisposable
{
    RunningController _controller;
    readonly Digest256 _rootHash;
    readonly IPAddress _from;
    readonly ECDsa _tlsKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    HttpClient _http;
    byte[]? _certificate;

    public Machine(RunningController controller, CredentialString credential, string hostname = "machine", string from = "127.0.0.1")
    {
        (_controller, _from) = (controller, IPAddress.Parse(from));
        (Credential, Hostname, _rootHash) = (credential, hostname, credential.RootHash);
        _http = Connect(null);
    }

    public CredentialString Credential { get; }

    public string Hostname { get; }

    public SigningPrivateKey SigningKey { get; } = new(SystemEntropy.Instance);

    public TunnelPrivateKey TunnelKey { get; } = new(SystemEntropy.Instance);

    public TimeSpan Skew { get; init; }

    public EnrollReply? Reply { get; private set; }

    public PinnedController? Pinned { get; private set; }

    public byte[] CertificateRequest =>
        new CertificateRequest("CN=ignored", _tlsKey, HashAlgorithmName.SHA256).CreateSigningRequest();

    public EnrollRequest Request(byte[]? secret = null)
    {
        var tunnel = X25519.ComputePublicKey(TunnelKey);
        var signing = Ed25519.ComputePublicKey(SigningKey);
        var csr = CertificateRequest;
        var proof = new byte[Ed25519.SignatureSize];
        Ed25519.Sign(SigningKey, EnrollProof.Bytes(Credential.Id, _rootHash, signing, tunnel, csr), proof);
        return new EnrollRequest(
            Credential.Id, secret ?? Credential.Secret.ToArray(), signing, tunnel, csr, Hostname, "linux", "0.1.0",
            _controller.Clock.Now + Skew, proof);
    }

    /// <summary>Enrolls; null where it worked.</summary>
    public async Task<Problem?> EnrollAsync(byte[]? secret = null)
    {
        using var response = await PostAsync("/v1/enroll", ProtocolJson.Encode(Request(secret), ProtocolJson.Default.EnrollRequest));
        if (await ProblemOfAsync(response) is { } problem)
            return problem;
        Assert.True(ProtocolJson.TryDecode(await response.Content.ReadAsByteArrayAsync(), ProtocolJson.Default.EnrollReply, out var reply));
        Reply = reply;
        Present(reply.Certificates[0]);
        return null;
    }

    /// <summary>Connects to another controller from here on, with the same certificate.</summary>
    public void MoveTo(RunningController controller)
    {
        _controller = controller;
        if (_certificate is { } certificate)
            Present(certificate);
        else
            PresentNothing();
    }

    /// <summary>Asks for a certificate, by the node's own key where that is wanted.</summary>
    public async Task<CertificateReply> RenewAsync(bool byKey)
    {
        var request = CertificateRequest;
        var signature = new byte[Ed25519.SignatureSize];
        var now = _controller.Clock.Now;
        Ed25519.Sign(SigningKey, CertificateProof.Bytes(Reply!.Network, Reply.Node, now, request), signature);
        using var response = await PostAsync("/v1/certificate", ProtocolJson.Encode(
            new CertificateRequestMessage(request, byKey ? new CertificateProof(Reply.Node, now, signature) : null),
            ProtocolJson.Default.CertificateRequestMessage));
        Assert.Null(await ProblemOfAsync(response));
        Assert.True(ProtocolJson.TryDecode(await response.Content.ReadAsByteArrayAsync(), ProtocolJson.Default.CertificateReply, out var reply));
        Present(reply.Certificates[0]);
        return reply;
    }

    /// <summary>Connects with a certificate from here on.</summary>
    public void Present(byte[] certificate)
    {
        _certificate = certificate;
        using var bare = X509CertificateLoader.LoadCertificate(certificate);
        _http.Dispose();
        _http = Connect(bare.CopyWithPrivateKey(_tlsKey));
    }

    /// <summary>Connects without a certificate from here on.</summary>
    public void PresentNothing()
    {
        _certificate = null;
        _http.Dispose();
        _http = Connect(null);
    }

    public Task<HttpResponseMessage> PostAsync(string path, byte[] body) => SendAsync(HttpMethod.Post, path, new ByteArrayContent(body));

    public Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, HttpContent? content)
    {
        if (content is not null)
            content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return _http.SendAsync(
            new HttpRequestMessage(method, path)
            {
                Content = content,
                Version = HttpVersion.Version20,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            },
            HttpCompletionOption.ResponseHeadersRead);
    }

    public static async Task<Problem?> ProblemOfAsync(HttpResponseMessage response)
    {
        if (response.IsSuccessStatusCode)
            return null;
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.True(ProtocolJson.TryDecode(await response.Content.ReadAsByteArrayAsync(), ProtocolJson.Default.Problem, out var problem));
        Assert.Equal((int)response.StatusCode, problem.Status);
        Assert.Equal(problem.RetryAfterSeconds, (int?)response.Headers.RetryAfter?.Delta?.TotalSeconds);
        Assert.DoesNotContain('\n', problem.Title);
        return problem;
    }

    public void Dispose()
    {
        _http.Dispose();
        _tlsKey.Dispose();
        SigningKey.Dispose();
        TunnelKey.Dispose();
    }

    HttpClient Connect(X509Certificate2? certificate) => new(new SocketsHttpHandler
    {
        EnableMultipleHttp2Connections = true,
        SslOptions = new SslClientAuthenticationOptions
        {
            EnabledSslProtocols = SslProtocols.Tls13,
            ClientCertificateContext = certificate is null ? null : SslStreamCertificateContext.Create(certificate, null, offline: true),
            RemoteCertificateValidationCallback = (_, presented, _, _) =>
            {
                var refusal = CertificatePin.VerifyController(
                    (X509Certificate2)presented!, _rootHash, _controller.Clock.Now, out var pinned);
                Pinned = pinned;
                return refusal == PinRefusal.None;
            },
        },
        ConnectCallback = async (_, cancellationToken) =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            socket.Bind(new IPEndPoint(_from, 0));
            await socket.ConnectAsync(_controller.Endpoint, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        },
    })
    {
        BaseAddress = new Uri("https://" + CertificatePin.ControllerName),
        Timeout = TimeSpan.FromSeconds(30),
    };
}
