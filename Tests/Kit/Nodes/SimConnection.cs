using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Mesh.Protocol;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Tests.Kit.Nodes;

/// <summary>Is one HTTP/2 connection of a simulated node to one controller, which must prove that it belongs to the network.</summary>
sealed class SimConnection : IDisposable
{
    readonly HttpClient _http;
    PinRefusal _refusal;

    SimConnection(string address, Digest256 rootHash, SslStreamCertificateContext? certificate, PinExpectation? expected, SimNodeOptions options)
    {
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ConnectTimeout = options.AttachTimeout,
            PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            KeepAlivePingDelay = options.KeepAliveDelay ?? Timeout.InfiniteTimeSpan,
            KeepAlivePingTimeout = options.KeepAliveTimeout,
            SslOptions = new SslClientAuthenticationOptions
            {
                TargetHost = CertificatePin.ControllerName,
                EnabledSslProtocols = SslProtocols.Tls13,
                CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
                CertificateChainPolicy = new X509ChainPolicy
                {
                    DisableCertificateDownloads = true,
                    RevocationMode = X509RevocationMode.NoCheck,
                    TrustMode = X509ChainTrustMode.CustomRootTrust,
                },
                ClientCertificateContext = certificate,
                RemoteCertificateValidationCallback = (_, presented, _, _) =>
                {
                    _refusal = presented is X509Certificate2 controller
                        ? CertificatePin.VerifyController(controller, rootHash, WallTime.From(DateTimeOffset.UtcNow), out _, expected)
                        : PinRefusal.NotAController;
                    return _refusal == PinRefusal.None;
                },
            },
            ConnectCallback = async (_, cancel) => await options.Dial(address, cancel),
        };
        _http = new HttpClient(handler)
        {
            BaseAddress = new Uri($"https://{CertificatePin.ControllerName}"),
            Timeout = Timeout.InfiniteTimeSpan,
        };
    }

    /// <summary>Prepares a connection; it is made with the first request.</summary>
    public static SimConnection To(
        string address, Digest256 rootHash, SslStreamCertificateContext? certificate, PinExpectation? expected, SimNodeOptions options) =>
        new(address, rootHash, certificate, expected, options);

    /// <summary>Posts and reads the head of the answer, which is a success.</summary>
    /// <exception cref="SimNodeRefusedException">The controller says no.</exception>
    /// <exception cref="IOException">It cannot be reached or believed.</exception>
    public async Task<HttpResponseMessage> SendAsync(string path, HttpContent? content, CancellationToken cancel)
    {
        HttpResponseMessage response;
        try
        {
            response = await _http.SendAsync(
                new HttpRequestMessage(HttpMethod.Post, path)
                {
                    Content = content,
                    Version = HttpVersion.Version20,
                    VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                },
                HttpCompletionOption.ResponseHeadersRead, cancel);
        }
        catch (HttpRequestException failure)
        {
            throw new IOException(_refusal == PinRefusal.None ? failure.InnerException?.Message ?? failure.Message : $"the controller is not believed: {_refusal}", failure);
        }
        catch (OperationCanceledException late) when (!cancel.IsCancellationRequested)
        {
            throw new IOException("no connection in time", late);
        }
        if (response.IsSuccessStatusCode)
            return response;
        using (response)
        {
            var bytes = await response.Content.ReadAsByteArrayAsync(cancel);
            throw ProtocolJson.TryDecode(bytes, ProtocolJson.Default.Problem, out var problem)
                ? new SimNodeRefusedException(problem)
                : new IOException($"the controller answered {(int)response.StatusCode}");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();
}
