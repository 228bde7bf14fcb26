using System.Runtime.InteropServices;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Mesh.Node.Local;

/// <summary>What the local API can ask of the daemon. Failures are <see cref="MeshFailureException"/>. Safe for concurrent use.</summary>
interface ILocalCommands
{
    /// <summary>Says how things are.</summary>
    Task<StatusDocument> StatusAsync(CancellationToken cancel);

    /// <summary>Says how the device does.</summary>
    Task<DeviceDocument> DeviceAsync(CancellationToken cancel);

    /// <summary>Says how the actors do.</summary>
    Task<ActorReport> ActorsAsync(CancellationToken cancel);

    /// <summary>Joins a network or brings up the one that the node belongs to.</summary>
    Task<UpReply> UpAsync(UpRequest request, CancellationToken cancel);

    /// <summary>Takes the tunnel down; the node stays a member.</summary>
    Task<DoneReply> DownAsync(CancellationToken cancel);

    /// <summary>Gives the node another tunnel key; sessions go on.</summary>
    Task<RotationReply> RotateKeysAsync(CancellationToken cancel);

    /// <summary>Leaves the network and forgets everything about it.</summary>
    Task<DoneReply> LogoutAsync(CancellationToken cancel);
}

/// <summary>
/// Serves the daemon's local API: HTTP and JSON on a UNIX socket. Whoever the socket's mode lets in may read the status; only
/// root and the user that the daemon runs as may change things, which the kernel's word on the peer decides, per connection.
/// </summary>
sealed partial class LocalApi : IAsyncDisposable
{
    // The largest request carries one credential of at most 255 characters.
    const int MaximumRequest = 4096;

    static readonly object _credentialsKey = new();

    readonly WebApplication _app;

    LocalApi(WebApplication app) => _app = app;

    /// <summary>Starts to listen.</summary>
    /// <param name="path">The socket's path; it must be free (<see cref="LocalSocket.Prepare"/>).</param>
    /// <param name="mode">The socket's mode.</param>
    /// <param name="commands">Does what is asked.</param>
    /// <param name="cancel">Gives up starting.</param>
    public static async Task<LocalApi> StartAsync(string path, UnixFileMode mode, ILocalCommands commands, CancellationToken cancel)
    {
        path = Path.GetFullPath(path);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options =>
        {
            options.AddServerHeader = false;
            options.Limits.MaxRequestBodySize = MaximumRequest;
            options.Limits.MaxConcurrentConnections = 64;
            options.ListenUnixSocket(path, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                listen.Use(RecordCredentials);
            });
        });
        var app = builder.Build();
        var owner = geteuid();
        app.Use((context, next) => AnswerFailuresAsync(context, next));
        app.Run(context => DispatchAsync(context, commands, owner));
        try
        {
            await app.StartAsync(cancel);
            File.SetUnixFileMode(path, mode);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            await app.DisposeAsync();
            throw new MeshFailureException(ExitCodes.BadConfiguration, $"cannot listen on {path}: {failure.Message}", failure);
        }
        return new LocalApi(app);
    }

    /// <summary>Stops listening and removes the socket.</summary>
    public async ValueTask DisposeAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        await _app.StopAsync(patience.Token);
        await _app.DisposeAsync();
    }

    static ConnectionDelegate RecordCredentials(ConnectionDelegate next) => connection =>
    {
        // No word of the kernel, no connection.
        if (connection.Features.Get<IConnectionSocketFeature>()?.Socket is not { } socket)
        {
            connection.Abort();
            return Task.CompletedTask;
        }
        connection.Items[_credentialsKey] = PeerCredentials.Of(socket);
        return next(connection);
    };

    // A handful of requests needs no router.
    static async Task DispatchAsync(HttpContext context, ILocalCommands commands, uint owner)
    {
        var cancel = context.RequestAborted;
        switch ((context.Request.Method, context.Request.Path.Value))
        {
            case ("GET", "/v1/status"):
                await AnswerAsync(context, commands.StatusAsync(cancel), LocalJson.Default.StatusDocument);
                break;
            case ("GET", "/v1/debug/device"):
                await AnswerAsync(context, commands.DeviceAsync(cancel), LocalJson.Default.DeviceDocument);
                break;
            case ("GET", "/v1/debug/actors"):
                await AnswerAsync(context, commands.ActorsAsync(cancel), LocalJson.Default.ActorReport);
                break;
            case ("POST", "/v1/up"):
                RequireChange(context, owner);
                var request = await context.Request.ReadFromJsonAsync(LocalJson.Default.UpRequest, cancel)
                    ?? throw new MeshFailureException(ExitCodes.Usage, "the request is empty");
                await AnswerAsync(context, commands.UpAsync(request, cancel), LocalJson.Default.UpReply);
                break;
            case ("POST", "/v1/down"):
                RequireChange(context, owner);
                await AnswerAsync(context, commands.DownAsync(cancel), LocalJson.Default.DoneReply);
                break;
            case ("POST", "/v1/rotate-keys"):
                RequireChange(context, owner);
                await AnswerAsync(context, commands.RotateKeysAsync(cancel), LocalJson.Default.RotationReply);
                break;
            case ("POST", "/v1/logout"):
                RequireChange(context, owner);
                await AnswerAsync(context, commands.LogoutAsync(cancel), LocalJson.Default.DoneReply);
                break;
            default:
                await RefuseAsync(context, 404, "the daemon does not know this request: are mesh and its daemon of the same version?", ExitCodes.Failed);
                break;
        }
    }

    static void RequireChange(HttpContext context, uint owner)
    {
        var items = context.Features.Get<IConnectionItemsFeature>()?.Items;
        if (items is null || !items.TryGetValue(_credentialsKey, out var value) || value is not PeerCredentials peer || !peer.MayChange(owner))
            throw new MeshFailureException(ExitCodes.Refused, "only root may change this machine's membership: run this as root");
    }

    static async Task AnswerAsync<T>(HttpContext context, Task<T> answer, JsonTypeInfo<T> type) =>
        await context.Response.WriteAsJsonAsync(await answer, type, cancellationToken: context.RequestAborted);

    static async Task AnswerFailuresAsync(HttpContext context, RequestDelegate next)
    {
        try
        {
            await next(context);
        }
        catch (MeshFailureException failure)
        {
            await RefuseAsync(context, failure.ExitCode == ExitCodes.Refused ? 403 : 422, failure.Message, failure.ExitCode);
        }
        catch (Exception failure) when (failure is System.Text.Json.JsonException or Microsoft.AspNetCore.Http.BadHttpRequestException)
        {
            await RefuseAsync(context, 400, "the request cannot be read: are mesh and its daemon of the same version?", ExitCodes.Failed);
        }
        catch (OperationCanceledException) when (!context.RequestAborted.IsCancellationRequested)
        {
            await RefuseAsync(context, 503, "the daemon is stopping: try again", ExitCodes.TryAgain);
        }
        catch (Exception failure) when (failure is not OperationCanceledException && !context.Response.HasStarted)
        {
            await RefuseAsync(context, 500, $"the daemon failed: {failure.GetType().Name}: {failure.Message}", ExitCodes.Failed);
        }
    }

    static Task RefuseAsync(HttpContext context, int status, string message, int exitCode)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsJsonAsync(new LocalProblem(message, exitCode), LocalJson.Default.LocalProblem);
    }

    [LibraryImport("libc")]
    private static partial uint geteuid();
}
