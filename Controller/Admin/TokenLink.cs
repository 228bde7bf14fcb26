using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Mesh.Controller.Tls;
using Mesh.Protocol.Admin;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Controller.Admin;

/// <summary>
/// Asks controllers from elsewhere, with a token: HTTP/2 over TLS 1.3, and nothing is sent before a controller has proven that it
/// belongs to the network whose root the token names. The one that answered last is asked first; the next is asked only where nothing
/// can have arrived, or where a question changes nothing.
/// </summary>
sealed class TokenLink : AdminLink
{
    readonly TokenString _token;
    readonly Server[] _servers;
    int _current;

    /// <summary>Prepares to ask controllers.</summary>
    /// <param name="servers">Where they are, <c>host:port</c>, at least one.</param>
    /// <param name="token">The token.</param>
    public TokenLink(IReadOnlyList<string> servers, TokenString token)
    {
        _token = token;
        _servers = [.. servers.Select(address => new Server(address, token.RootHash))];
    }

    /// <inheritdoc/>
    public override string Place => _servers[Volatile.Read(ref _current)].Address;

    /// <summary>Reads <c>https://host:port</c>; a bare <c>host:port</c> is taken too.</summary>
    /// <returns><c>host:port</c>; null where it is neither.</returns>
    public static string? ParseServer(string text)
    {
        if (Protocol.Enrollment.CredentialString.IsControllerAddress(text))
            return text;
        return Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme == Uri.UriSchemeHttps
            && url is { AbsolutePath: "/", Query: "", Fragment: "", UserInfo: "", Host.Length: > 0 }
            ? $"{url.Host}:{url.Port}"
            : null;
    }

    /// <inheritdoc/>
    public override async Task<HttpResponseMessage> SendAsync(
        Func<HttpRequestMessage> request, HttpCompletionOption completion, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(Patience);
        var first = Volatile.Read(ref _current);
        var troubles = new List<string>();
        for (var i = 0; i < _servers.Length; i++)
        {
            var at = (first + i) % _servers.Length;
            try
            {
                var response = await SendAsync(_servers[at], request, completion, patience.Token);
                Volatile.Write(ref _current, at);
                return response;
            }
            catch (NotReachedException e)
            {
                troubles.Add($"{_servers[at].Address} ({e.Message})");
            }
            catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
            {
                throw new CommandException(ExitCode.TryAgain, $"the controller at {_servers[at].Address} did not answer in time: try again", e);
            }
        }
        throw new CommandException(ExitCode.Unreachable, $"no controller answers at {string.Join(", ", troubles)}");
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        foreach (var server in _servers)
            server.Http.Dispose();
    }

    async Task<HttpResponseMessage> SendAsync(
        Server server, Func<HttpRequestMessage> make, HttpCompletionOption completion, CancellationToken cancellationToken)
    {
        var request = make();
        request.Headers.Authorization = new("Bearer", _token.Export());
        request.RequestUri = new Uri(AdminEndpoint.Root + request.RequestUri!.OriginalString, UriKind.Relative);
        (request.Version, request.VersionPolicy) = (HttpVersion.Version20, HttpVersionPolicy.RequestVersionExact);
        var changes = request.Method != HttpMethod.Get;
        try
        {
            return await server.Http.SendAsync(request, completion, cancellationToken);
        }
        catch (HttpRequestException e) when (server.Refusal != PinRefusal.None)
        {
            // Not one more is asked: somebody may stand in between, and whoever typed the address must know.
            throw new CommandException(ExitCode.Refused, $"{server.Address} is not asked: {Explain(server.Refusal)}", e);
        }
        catch (HttpRequestException e) when (
            e.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError
            || !changes)
        {
            throw new NotReachedException(Explain(e));
        }
        catch (HttpRequestException e)
        {
            throw new CommandException(
                ExitCode.TryAgain, $"the controller at {server.Address} broke off: look whether it was carried out, then try again", e);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // The time for connecting is over, which ends before the time for the answer.
            throw new NotReachedException("no answer in time");
        }
    }

    static string Explain(PinRefusal refusal) => refusal == PinRefusal.ForeignRoot
        ? "the controller there belongs to another network than the token"
        : refusal.Explain();

    static string Explain(HttpRequestException failure) => Cause<SocketException>(failure)?.SocketErrorCode switch
    {
        SocketError.ConnectionRefused => "connection refused",
        SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain => "the name cannot be resolved",
        SocketError.NetworkUnreachable or SocketError.HostUnreachable => "no route to it",
        SocketError.TimedOut => "no answer in time",
        SocketError.ConnectionReset => "the connection was cut",
        _ => (failure.InnerException ?? failure).Message.Split('\n')[0].TrimEnd('.'),
    };

    sealed class NotReachedException(string message) : Exception(message);

    sealed class Server
    {
        public Server(string address, Digest256 rootHash)
        {
            Address = address;
            Http = new HttpClient(new SocketsHttpHandler
            {
                ConnectCallback = ConnectAsync,
                ConnectTimeout = TimeSpan.FromSeconds(4),
                UseProxy = false,
                UseCookies = false,
                AllowAutoRedirect = false,
                // A shell may rest for hours: a connection that was cut without a word is found out before the next command.
                KeepAlivePingPolicy = HttpKeepAlivePingPolicy.Always,
                KeepAlivePingDelay = TimeSpan.FromSeconds(10),
                KeepAlivePingTimeout = TimeSpan.FromSeconds(5),
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
                    RemoteCertificateValidationCallback = (_, presented, _, _) =>
                    {
                        Refusal = presented is X509Certificate2 controller
                            ? CertificatePin.VerifyController(controller, rootHash, WallTime.From(DateTimeOffset.UtcNow), out _)
                            : PinRefusal.NotAController;
                        return Refusal == PinRefusal.None;
                    },
                },
            })
            {
                BaseAddress = new Uri($"https://{CertificatePin.ControllerName}"),
                Timeout = Timeout.InfiniteTimeSpan,
                MaxResponseContentBufferSize = MaximumReply,
            };
        }

        public string Address { get; }

        public HttpClient Http { get; }

        public PinRefusal Refusal { get; private set; }

        ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
        {
            Refusal = PinRefusal.None;
            return ControllerDial.ConnectAsync(Address, cancellationToken);
        }
    }
}
