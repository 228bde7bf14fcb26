using System.Net;
using System.Security.Authentication;
using System.Threading.Channels;
using Mesh.Protocol;
using Mesh.Protocol.Control;
using Mesh.Protocol.Enrollment;
using Mesh.Tests.Kit.Trust;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;

namespace Mesh.Tests.Node.Control;

/// <summary>A controller on a loopback port with real TLS and HTTP/2 that does what a test says.</summary>
sealed class FakeController : IAsyncDisposable
{
    readonly WebApplication _app;

    FakeController(WebApplication app, SigningNetwork network)
    {
        _app = app;
        Network = network;
        Enroll = (context, request) => AnswerAsync(context, new EnrollReply(
            network.Network, network.Node, "laptop", network.Root, network.Issue(request.Request, TimeSpan.FromDays(1)),
            network.Frame(network.Full(SigningNetwork.Peer(20)), 10)));
    }

    public SigningNetwork Network { get; }

    public string Address => new Uri(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Authority;

    /// <summary>Answers enrollments.</summary>
    public Func<HttpContext, EnrollRequest, Task> Enroll { get; set; }

    public List<EnrollRequest> Enrollments { get; } = [];

    /// <summary>What came up streams, attach lines included.</summary>
    public Channel<UpFrame> Up { get; } = Channel.CreateUnbounded<UpFrame>();

    /// <summary>What is to go down the stream.</summary>
    public Channel<DownFrame> Down { get; } = Channel.CreateUnbounded<DownFrame>();

    /// <summary>Answers rotations; null: takes them.</summary>
    public Func<HttpContext, KeyRotationRequest, Task>? RotateKey { get; set; }

    public List<KeyRotationRequest> Rotations { get; } = [];

    /// <summary>Logouts, by the subject of the certificate that asked.</summary>
    public List<string> Logouts { get; } = [];

    public static async Task<FakeController> StartAsync(SigningNetwork network, SigningNetwork? presented = null)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(options => options.Listen(IPAddress.Loopback, 0, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            listen.UseHttps(https =>
            {
                https.ServerCertificate = (presented ?? network).ServerCertificate();
                https.SslProtocols = SslProtocols.Tls13;
                https.ClientCertificateMode = ClientCertificateMode.AllowCertificate;
                https.ClientCertificateValidation = static (_, _, _) => true;
            });
        }));
        var app = builder.Build();
        var controller = new FakeController(app, network);
        app.Run(controller.ServeAsync);
        await app.StartAsync();
        return controller;
    }

    public static Task RefuseAsync(HttpContext context, int status, string code, string title)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/problem+json";
        return context.Response.Body.WriteAsync(ProtocolJson.Encode(new Problem(title, status, code), ProtocolJson.Default.Problem)).AsTask();
    }

    public static Task AnswerAsync(HttpContext context, EnrollReply reply) =>
        context.Response.Body.WriteAsync(ProtocolJson.Encode(reply, ProtocolJson.Default.EnrollReply)).AsTask();

    async Task ServeAsync(HttpContext context)
    {
        switch (context.Request.Path.Value)
        {
            case "/v1/enroll":
                Assert.True(ProtocolJson.TryDecode(await ReadAsync(context), ProtocolJson.Default.EnrollRequest, out var request));
                lock (Enrollments)
                    Enrollments.Add(request);
                await Enroll(context, request);
                break;
            case "/v1/certificate":
                Assert.True(ProtocolJson.TryDecode(await ReadAsync(context), ProtocolJson.Default.CertificateRequestMessage, out var asked));
                await context.Response.Body.WriteAsync(ProtocolJson.Encode(
                    new CertificateReply(Network.Issue(asked.Request, TimeSpan.FromDays(9))), ProtocolJson.Default.CertificateReply));
                break;
            case "/v1/rotate-key":
                Assert.NotNull(context.Connection.ClientCertificate);
                Assert.True(ProtocolJson.TryDecode(await ReadAsync(context), ProtocolJson.Default.KeyRotationRequest, out var rotation));
                lock (Rotations)
                    Rotations.Add(rotation);
                context.Response.StatusCode = 204;
                if (RotateKey is { } answer)
                    await answer(context, rotation);
                break;
            case "/v1/logout":
                Logouts.Add(context.Connection.ClientCertificate!.Subject);
                break;
            case "/v1/stream":
                Assert.NotNull(context.Connection.ClientCertificate);
                var reading = ReadUpAsync(context);
                await context.Response.StartAsync();
                await context.Response.Body.FlushAsync();
                try
                {
                    await foreach (var frame in Down.Reader.ReadAllAsync(context.RequestAborted))
                    {
                        await context.Response.Body.WriteAsync((byte[])[.. ProtocolJson.Encode(frame, ProtocolJson.Default.DownFrame), (byte)'\n']);
                        await context.Response.Body.FlushAsync();
                    }
                }
                catch (OperationCanceledException)
                {
                    // The node went.
                }
                await reading;
                break;
        }
    }

    async Task ReadUpAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body);
        try
        {
            while (await reader.ReadLineAsync(context.RequestAborted) is { } line)
            {
                Assert.True(ProtocolJson.TryDecode(System.Text.Encoding.UTF8.GetBytes(line), ProtocolJson.Default.UpFrame, out var frame));
                await Up.Writer.WriteAsync(frame);
            }
        }
        catch (Exception gone) when (gone is IOException or OperationCanceledException)
        {
            // The node went.
        }
    }

    static async Task<byte[]> ReadAsync(HttpContext context)
    {
        using var memory = new MemoryStream();
        await context.Request.Body.CopyToAsync(memory);
        return memory.ToArray();
    }

    public async ValueTask DisposeAsync()
    {
        Down.Writer.TryComplete();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await _app.StopAsync(patience.Token);
        await _app.DisposeAsync();
    }
}
