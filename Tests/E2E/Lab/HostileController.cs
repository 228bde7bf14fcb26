using System.Net;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Mesh.Protocol;
using Mesh.Protocol.Control;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;

namespace Mesh.Tests.E2E.Lab;

/// <summary>
/// Is a controller in the wrong hands: it stands in the place of the lab's, with the keys on its disk (the network root's among them, where nobody moved it away), and
/// says to the nodes whatever a scenario has it say.
/// </summary>
sealed class HostileController : IAsyncDisposable
{
    readonly WebApplication _app;
    readonly Channel<HostileStream> _streams = Channel.CreateUnbounded<HostileStream>();
    readonly List<HostileStream> _silent = [];
    readonly StolenDisk _keys;

    HostileController(WebApplication app, StolenDisk keys) => (_app, _keys) = (app, keys);

    /// <summary>Gets the network.</summary>
    public NetworkId Network => _keys.Network;

    /// <summary>Gets the controller that it stands for.</summary>
    public ControllerId Controller => _keys.Controller;

    /// <summary>Gets the network root's private key.</summary>
    public SigningPrivateKey Root => _keys.Root ?? throw new InvalidOperationException("the root's key was moved away");

    /// <summary>Gets the controller's signing key.</summary>
    public SigningPrivateKey Signing => _keys.Signing;

    /// <summary>Gets the root's delegation of the controller.</summary>
    public DsseEnvelope Delegation => _keys.Delegation;

    /// <summary>Starts in the place of the lab's controller, which must have ended.</summary>
    /// <param name="controller">Where it listens.</param>
    /// <param name="disk">What it has; null for what lies in the controller's state directory.</param>
    public static async Task<HostileController> StartAsync(LabController controller, StolenDisk? disk = null)
    {
        var keys = disk ?? StolenDisk.Read(controller.StateDir);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(options =>
            options.Listen(IPAddress.Parse(controller.Address), LabController.Port, listen =>
            {
                listen.Protocols = HttpProtocols.Http2;
                listen.UseHttps(https =>
                {
                    https.ServerCertificate = keys.IssueServer();
                    https.SslProtocols = SslProtocols.Tls13;
                    https.ClientCertificateMode = ClientCertificateMode.AllowCertificate;
                    https.AllowAnyClientCertificate();
                });
            }));
        builder.Services.Configure<SocketTransportOptions>(options => options.CreateBoundListenSocket =
            endpoint => NetnsSocket.Inside(controller.Ns, () => SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint)));
        var app = builder.Build();
        HostileController hostile = new(app, keys);
        app.Run(hostile.AnswerAsync);
        await app.StartAsync();
        return hostile;
    }

    /// <summary>Waits until a node attaches, or attaches again.</summary>
    public async Task<HostileStream> AttachedAsync(NodeId node)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(15));
        while (true)
        {
            // The streams of other nodes are left open: they have a controller that says nothing.
            var stream = await _streams.Reader.ReadAsync(limit.Token);
            if (stream.Node == node)
                return stream;
            _silent.Add(stream);
        }
    }

    /// <summary>Signs a commit that holds a leaf between two others, every part of which can be made wrong.</summary>
    public MapFrame Sign(MapLeaf leaf, long revision, Func<MapHead, MapHead>? change = null, DsseEnvelope? delegation = null, SigningPrivateKey? by = null)
    {
        var now = WallTime.From(DateTimeOffset.UtcNow);
        var bytes = ProtocolJson.Encode(leaf, ProtocolJson.Default.MapLeaf);
        Digest256[] leaves = [MerkleTree.LeafHash([1]), MerkleTree.LeafHash(bytes), MerkleTree.LeafHash([2])];
        var head = new MapHead(Network, _keys.Epoch, revision, now, now + TimeSpan.FromMinutes(10), now + TimeSpan.FromDays(7), leaves.Length, MerkleTree.Root(leaves));
        var payload = ProtocolJson.Encode(change?.Invoke(head) ?? head, ProtocolJson.Default.MapHead);
        return new MapFrame(DsseEnvelope.Sign(PayloadTypes.MapHead, payload, by ?? Signing, Controller.ToString()), delegation ?? Delegation, 1, MerkleTree.Path(leaves, 1), bytes);
    }

    /// <summary>Signs a changed delegation.</summary>
    public DsseEnvelope Delegate(Func<Delegation, Delegation> change, SigningPrivateKey? by = null) => _keys.Delegate(change, by ?? Root);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _streams.Writer.Complete();
        while (_streams.Reader.TryRead(out var stream))
            stream.Finish();
        _silent.ForEach(silent => silent.Finish());
        using CancellationTokenSource hurry = new(TimeSpan.FromSeconds(1));
        await _app.StopAsync(hurry.Token);
        await _app.DisposeAsync();
    }

    async Task AnswerAsync(HttpContext context)
    {
        if (context.Request.Path != "/v1/stream")
        {
            context.Response.StatusCode = 404;
            return;
        }
        await context.Response.StartAsync();
        var stream = new HostileStream(context, new StreamReader(context.Request.Body));
        if (await stream.ReadAsync() is { Attach: { } attach })
        {
            stream.Attach = attach;
            _streams.Writer.TryWrite(stream);
            await stream.Finished;
        }
    }
}

/// <summary>Is a node's control stream, seen from a <see cref="HostileController"/>.</summary>
sealed class HostileStream(HttpContext context, StreamReader up)
{
    readonly TaskCompletionSource _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Gets the node, by its certificate.</summary>
    public NodeId Node { get; } = TypedId.Parse<NodeId>(context.Connection.ClientCertificate?.GetNameInfo(X509NameType.SimpleName, forIssuer: false));

    /// <summary>Gets what the node said when it attached.</summary>
    public AttachFrame Attach { get; set; } = null!;

    /// <summary>Completes when the scenario is done with it.</summary>
    public Task Finished => _finished.Task;

    /// <summary>Ends the stream.</summary>
    public void Finish() => _finished.TrySetResult();

    /// <summary>Sends a line down and gives the node's answer to it: an acknowledgement or a refusal.</summary>
    public async Task<UpFrame> SayAsync(MapFrame map)
    {
        await context.Response.Body.WriteAsync((byte[])[.. ProtocolJson.Encode(new DownFrame(Map: map), ProtocolJson.Default.DownFrame), (byte)'\n']);
        await context.Response.Body.FlushAsync();
        while (await ReadAsync().WaitAsync(TimeSpan.FromSeconds(5)) is { } frame)
        {
            if (frame.Ack is not null || frame.Refused is not null)
                return frame;
        }
        throw new InvalidOperationException("the node closed the stream");
    }

    /// <summary>Gets the next line up; null at the end.</summary>
    public async Task<UpFrame?> ReadAsync() => await up.ReadLineAsync() is { } line
        && ProtocolJson.TryDecode(Encoding.UTF8.GetBytes(line), ProtocolJson.Default.UpFrame, out var frame) ? frame : null;
}
