using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Mesh.Actors.Control;
using Mesh.Protocol;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Node.Control;

/// <summary>
/// Speaks HTTP/2 over TLS 1.3 to one controller, which must prove before a byte is sent that it belongs to the network whose root
/// is pinned. Safe for concurrent use.
/// </summary>
sealed class ControllerConnection : IDisposable
{
    static readonly MediaTypeHeaderValue _json = new("application/json");
    static readonly TimeSpan _connectTimeout = TimeSpan.FromSeconds(8);
    static readonly TimeSpan _addressTimeout = TimeSpan.FromSeconds(1.5);
    static readonly TimeSpan _keepAlive = TimeSpan.FromSeconds(1.9);

    readonly HttpClient _http;
    readonly string _address;
    readonly TimeProvider _time;
    PinRefusal _refusal;

    /// <summary>Prepares a connection; it is made with the first request.</summary>
    /// <param name="address"><c>host:port</c>.</param>
    /// <param name="rootHash">The digest of the network root that must be behind it.</param>
    /// <param name="expected">What else is known of the network.</param>
    /// <param name="certificate">The node's own certificate, where it has one.</param>
    /// <param name="time">Judges certificates.</param>
    public ControllerConnection(
        string address, Digest256 rootHash, PinExpectation? expected, SslStreamCertificateContext? certificate, TimeProvider time)
    {
        _address = address;
        _time = time;
        var handler = new SocketsHttpHandler
        {
            ConnectCallback = ConnectAsync,
            ConnectTimeout = _connectTimeout,
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            // A controller that is cut off or stands still is noticed within 5 s. The handler looks once a second: a little under two of
            // its steps, so that neither step waits for one more.
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            KeepAlivePingDelay = _keepAlive,
            KeepAlivePingTimeout = _keepAlive,
            SslOptions = new SslClientAuthenticationOptions
            {
                TargetHost = CertificatePin.ControllerName,
                EnabledSslProtocols = SslProtocols.Tls13,
                CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
                // The machine's authorities have no say here: the callback decides alone, and nothing is fetched for it.
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
                        ? CertificatePin.VerifyController(controller, rootHash, Now, out _, expected)
                        : PinRefusal.NotAController;
                    WasConnected |= _refusal == PinRefusal.None;
                    return _refusal == PinRefusal.None;
                },
            },
        };
        _http = new HttpClient(handler)
        {
            BaseAddress = new Uri($"https://{CertificatePin.ControllerName}"),
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Timeout = Timeout.InfiniteTimeSpan,
        };
    }

    WallTime Now => WallTime.From(_time.GetUtcNow());

    /// <summary>Gets why the controller's certificate was not believed; <see cref="PinRefusal.None"/> where it was.</summary>
    public PinRefusal Refusal => _refusal;

    /// <summary>Gets whether the controller was reached and believed: a request may have arrived, whatever came back.</summary>
    public bool WasConnected { get; private set; }

    /// <summary>Posts a document and reads the answer.</summary>
    /// <exception cref="ControlRefusedException">The controller says no.</exception>
    /// <exception cref="IOException">It cannot be reached, is not of this network, or cannot be understood.</exception>
    public async Task<TReply> PostAsync<TRequest, TReply>(
        string path, TRequest request, JsonTypeInfo<TRequest> requestType, JsonTypeInfo<TReply> replyType, CancellationToken cancel)
        where TReply : class
    {
        using var response = await SendAsync(path, request, requestType, cancel);
        var bytes = await GuardAsync(() => response.Content.ReadAsByteArrayAsync(cancel));
        return ProtocolJson.TryDecode(bytes, replyType, out var reply)
            ? reply
            : throw new IOException("the controller's answer cannot be read: is it of another version?");
    }

    /// <summary>Posts a document and reads the head of the answer, which is a success.</summary>
    /// <exception cref="ControlRefusedException">The controller says no.</exception>
    /// <exception cref="IOException">It cannot be reached or is not of this network.</exception>
    public Task<HttpResponseMessage> SendAsync<TRequest>(string path, TRequest request, JsonTypeInfo<TRequest> requestType, CancellationToken cancel) =>
        SendAsync(new HttpRequestMessage(HttpMethod.Post, path)
        {
            Content = new ByteArrayContent(ProtocolJson.Encode(request, requestType)) { Headers = { ContentType = _json } },
        }, cancel);

    /// <summary>Sends a request and reads the head of the answer, which is a success.</summary>
    /// <exception cref="ControlRefusedException">The controller says no.</exception>
    /// <exception cref="IOException">It cannot be reached or is not of this network.</exception>
    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancel)
    {
        request.Version = HttpVersion.Version20;
        request.VersionPolicy = HttpVersionPolicy.RequestVersionExact;
        var response = await GuardAsync(() => _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel));
        if (response.IsSuccessStatusCode)
            return response;
        using (response)
            throw await ReadRefusalAsync(response, cancel);
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    async Task<Exception> ReadRefusalAsync(HttpResponseMessage response, CancellationToken cancel)
    {
        var bytes = await GuardAsync(() => response.Content.ReadAsByteArrayAsync(cancel));
        var problem = ProtocolJson.TryDecode(bytes, ProtocolJson.Default.Problem, out var read) ? read : null;
        if (problem is null)
            return (int)response.StatusCode >= 500
                ? new IOException($"the controller answered {(int)response.StatusCode}")
                : new ControlRefusedException($"{(int)response.StatusCode}", $"the controller answered {(int)response.StatusCode}");
        return new ControlRefusedException(problem.Code, problem.Title, problem.RetryAfterSeconds);
    }

    // Everything that can go wrong between here and a controller is one kind of failure to the caller, with one line that says it.
    async Task<T> GuardAsync<T>(Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (HttpRequestException failure)
        {
            throw new IOException(Explain(failure), failure);
        }
    }

    string Explain(HttpRequestException failure)
    {
        if (_refusal != PinRefusal.None)
            return $"what answers there does not belong to this network ({_refusal})";
        for (Exception? cause = failure; cause is not null; cause = cause.InnerException)
        {
            if (cause is SocketException socket)
                return socket.SocketErrorCode switch
                {
                    SocketError.ConnectionRefused => "connection refused",
                    SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain => "the name cannot be resolved",
                    SocketError.NetworkUnreachable or SocketError.HostUnreachable => "no route to it",
                    SocketError.TimedOut => "no answer in time",
                    SocketError.ConnectionReset => "the connection was cut",
                    _ => socket.Message,
                };
        }
        return failure.InnerException?.Message ?? failure.Message;
    }

    async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancel)
    {
        var colon = _address.LastIndexOf(':');
        var port = int.Parse(_address.AsSpan(colon + 1), System.Globalization.CultureInfo.InvariantCulture);
        var host = _address[..colon].Trim('[', ']');
        // One socket per family: a machine without IPv6 cannot make a dual-mode one.
        var addresses = IPAddress.TryParse(host, out var literal) ? [literal] : await Dns.GetHostAddressesAsync(host, cancel);
        Exception? last = null;
        foreach (var address in addresses)
        {
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
                limit.CancelAfter(_addressTimeout);
                await socket.ConnectAsync(address, port, limit.Token);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                // Nothing is there, or nothing comes through: the name's next address may do.
                socket.Dispose();
                last = new SocketException((int)SocketError.TimedOut);
            }
            catch (SocketException failure)
            {
                socket.Dispose();
                last = failure;
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
        throw last ?? new SocketException((int)SocketError.HostNotFound);
    }
}
