using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Mesh.Actors.Ports;
using Mesh.Actors.Projection;
using Mesh.Actors.Registry;
using Mesh.Controller.Admin;
using Mesh.Controller.Cluster;
using Mesh.Controller.Keys;
using Mesh.Controller.Tls;
using Mesh.Protocol;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Mesh.Controller.Api;

/// <summary>
/// Serves nodes: HTTP/2 over TLS 1.3, with the node's certificate for everything but enrollment. Who a connection comes from is
/// proven by TLS; whether that node still belongs to the network is asked of the projection on every request. Admins bring a token in
/// place of a certificate.
/// </summary>
sealed class ApiServer(
    ControllerSystem system, ControllerKeys keys, IClock clock, EnrollEndpoint enroll, StreamEndpoint stream, AdminEndpoint admin,
    ILoggerFactory logging)
    : IAsyncDisposable
{
    readonly PeerVerifier _peers = new(system.Queries, keys, clock);
    readonly CertificateEndpoint _certificate = new(system, keys, clock);
    readonly LinkEndpoint _link = new(system);
    readonly ILogger _log = logging.CreateLogger<ApiServer>();
    WebApplication? _app;

    /// <summary>Gets where it listens; the port is known also where 0 was asked for.</summary>
    public IReadOnlyList<IPEndPoint> Listening { get; private set; } = [];

    /// <summary>Starts to listen.</summary>
    /// <exception cref="IOException">An address cannot be had.</exception>
    public async Task StartAsync(IReadOnlyList<IPEndPoint> listen, CancellationToken cancellationToken)
    {
        var certificate = OwnCertificate.ForServer(keys, clock);
        var gate = new ConnectionGate();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(logging);
        builder.Services.AddLogging();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(options =>
        {
            options.AddServerHeader = false;
            options.Limits.MaxRequestBodySize = EnrollEndpoint.MaximumRequest;
            options.Limits.MaxRequestHeadersTotalSize = 8 << 10;
            options.Limits.MaxRequestHeaderCount = 32;
            options.Limits.MaxRequestLineSize = 1 << 10;
            options.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
            options.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(60);
            options.Limits.Http2.MaxStreamsPerConnection = 64;
            options.Limits.Http2.HeaderTableSize = 0;
            options.Limits.Http2.InitialConnectionWindowSize = 256 << 10;
            options.Limits.Http2.InitialStreamWindowSize = 128 << 10;
            options.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(20);
            options.Limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(20);
            foreach (var endpoint in listen)
                options.Listen(endpoint, Configure);
        });
        var app = builder.Build();
        app.Run(ServeAsync);
        await app.StartAsync(cancellationToken);
        _app = app;
        Listening = [.. app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses
            .Select(address => IPEndPoint.Parse(new Uri(address).Authority))];

        void Configure(ListenOptions options)
        {
            options.Protocols = HttpProtocols.Http2;
            options.Use(gate.BeforeTls);
            options.UseHttps(new TlsHandshakeCallbackOptions
            {
                HandshakeTimeout = TimeSpan.FromSeconds(10),
                OnConnection = _ => ValueTask.FromResult(new SslServerAuthenticationOptions
                {
                    ServerCertificateContext = certificate.Current(),
                    EnabledSslProtocols = SslProtocols.Tls13,
                    ApplicationProtocols = [SslApplicationProtocol.Http2],
                    ClientCertificateRequired = true,
                    // A resumed session would not show the certificate again.
                    AllowTlsResume = false,
                    AllowRenegotiation = false,
                    // The machine's authorities have no say, so they are not searched for every node, and nothing is fetched on a stranger's word.
                    CertificateChainPolicy = new X509ChainPolicy
                    {
                        DisableCertificateDownloads = true,
                        RevocationMode = X509RevocationMode.NoCheck,
                        TrustMode = X509ChainTrustMode.CustomRootTrust,
                    },
                    // Who presents one that does not count is a stranger, and hears it in words: a failed handshake would say nothing.
#pragma warning disable CA5359 // Whom a certificate proves is found out behind TLS, and asked of every request.
                    RemoteCertificateValidationCallback = (_, _, _, _) => true,
#pragma warning restore CA5359
                }),
            });
            options.Use(next => connection =>
            {
                if (connection.Features.Get<ITlsConnectionFeature>()?.ClientCertificate is { } presented)
                {
                    var peer = _peers.Identify(presented);
                    connection.Features.Set(peer as PeerNode);
                    connection.Features.Set(peer as PeerController);
                }
                return next(connection);
            });
            options.Use(gate.AfterTls);
        }
    }

    /// <summary>Lets running requests end for a few seconds, then stops.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_app is null)
            return;
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(3));
        await _app.StopAsync(patience.Token);
        await _app.DisposeAsync();
    }

    async Task ServeAsync(HttpContext context)
    {
        try
        {
            await RouteAsync(context);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or Microsoft.AspNetCore.Http.BadHttpRequestException)
        {
            context.Abort();
        }
#pragma warning disable CA1031 // One request must not take the server down, and the caller must not see more than that it failed.
        catch (Exception e)
#pragma warning restore CA1031
        {
            _log.RequestFailed(e, context.Request.Path);
            if (!context.Response.HasStarted)
                await context.SendAsync(new Problem("the controller failed: its log says why", 500, RefusalCodes.Unavailable));
        }
    }

    Task RouteAsync(HttpContext context)
    {
        var path = context.Request.Path.Value ?? "";
        if (path.StartsWith(AdminEndpoint.Root + "/", StringComparison.Ordinal))
            return admin.ServeAsync(context);
        if (path.StartsWith(LinkEndpoint.Prefix, StringComparison.Ordinal))
            return ServeMemberAsync(context, path);
        if (path is not ("/v1/enroll" or "/v1/stream" or "/v1/certificate" or "/v1/rotate-key" or "/v1/logout"))
            return context.SendAsync(Nothing);
        if (!HttpMethods.IsPost(context.Request.Method))
            return context.SendAsync(
                new Problem("only POST is served here", StatusCodes.Status405MethodNotAllowed, RefusalCodes.Malformed));
        if (path == "/v1/enroll")
            return enroll.ServeAsync(context);

        // A controller may have been withdrawn while the connection was open: what it issued counts no longer.
        var peer = context.Features.Get<PeerNode>() is { } known && _peers.Speaks(known.Issuer) ? known : null;
        if (peer is not null && system.Queries.Node(peer.Id) is not { IsPresent: true })
            return context.SendAsync(NodeRemoved);
        // A node that was away for longer than its certificate lasts still holds its key and still belongs to the network.
        if (path == "/v1/certificate")
            return _certificate.ServeAsync(context, peer);
        if (peer is null)
            return context.SendAsync(CertificateProblem(context));
        if (clock.Now > peer.NotAfter)
            return context.SendAsync(new Problem(
                "the node's certificate has expired: ask for a new one", StatusCodes.Status401Unauthorized, RefusalCodes.CertificateExpired));
        return path switch
        {
            "/v1/logout" => LogoutAsync(context, peer.Id),
            "/v1/rotate-key" => RotateKeyAsync(context, peer.Id),
            _ => stream.ServeAsync(context, peer.Id, peer.Issuer),
        };
    }

    // Whoever is no controller is not told what there would be.
    Task ServeMemberAsync(HttpContext context, string path)
    {
        if (context.Features.Get<PeerController>() is not { } member || path != LinkEndpoint.Path || !HttpMethods.IsPost(context.Request.Method))
            return context.SendAsync(Nothing);
        // It may have been withdrawn while the connection was open.
        return _peers.Speaks(member.Id)
            ? _link.ServeAsync(context, member.Id)
            : context.SendAsync(new Problem(
                "this controller no longer speaks for the network", StatusCodes.Status403Forbidden, RefusalCodes.CertificateUnknown));
    }

    static Problem Nothing => new("there is nothing here", StatusCodes.Status404NotFound, RefusalCodes.Malformed);

    /// <summary>Gets the answer to a node that was taken out.</summary>
    internal static Problem NodeRemoved => new(
        "this node was taken out of the network: join it again with a new credential", StatusCodes.Status403Forbidden,
        RefusalCodes.NodeRevoked);

    /// <summary>Says that no certificate was presented, or none that counts.</summary>
    internal static Problem CertificateProblem(HttpContext context) =>
        context.Features.Get<ITlsConnectionFeature>()?.ClientCertificate is null
            ? new Problem("a node's certificate is needed here", StatusCodes.Status401Unauthorized, RefusalCodes.CertificateNeeded)
            : new Problem(
                "no controller of this network stands by the certificate: ask for a new one", StatusCodes.Status401Unauthorized,
                RefusalCodes.CertificateUnknown);

    async Task RotateKeyAsync(HttpContext context, NodeId node)
    {
        if (await context.ReadAsync(ProtocolJson.Default.KeyRotationRequest, EnrollEndpoint.MaximumRequest) is not { } request)
            return;
        await AnswerAsync(context, await system.RotateKeyAsync(
            node, request.FormerKey, request.TunnelKey, Cause.Of($"node:{node}", SystemEntropy.Instance)));
    }

    async Task LogoutAsync(HttpContext context, NodeId node)
    {
        await AnswerAsync(context, await system.LogoutAsync(node, Cause.Of($"node:{node}", SystemEntropy.Instance)));
    }

    static async Task AnswerAsync(HttpContext context, Outcome<NodeView> outcome)
    {
        if (!outcome.IsDone)
        {
            await context.SendAsync(outcome.Refusal.ToProblem());
            return;
        }
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }
}
