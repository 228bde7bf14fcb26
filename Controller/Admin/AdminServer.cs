using System.Net.Sockets;
using Mesh.Actors.Registry;
using Mesh.Controller.Api;
using Mesh.Controller.Keys;
using Mesh.Protocol.Enrollment;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Mesh.Controller.Admin;

/// <summary>
/// Serves the admin verbs on a UNIX socket: mode 0660, and the kernel says who is at the other end. Let in are root, the user that
/// the controller runs as, and users whose primary group is the controller's.
/// </summary>
sealed class AdminServer(AdminVerbs verbs, ILoggerFactory logging) : IAsyncDisposable
{
    const int MaximumConnections = 64;
    const UnixFileMode SocketMode =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;
    const UnixFileMode DirectoryMode =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    readonly ILogger _log = logging.CreateLogger<AdminServer>();
    WebApplication? _app;
    string _path = "";

    /// <summary>Starts to listen; a socket file that a dead controller left is taken over.</summary>
    /// <exception cref="CommandException">Another controller answers there, or the socket cannot be made.</exception>
    public async Task StartAsync(string path, CancellationToken cancellationToken)
    {
        path = Path.GetFullPath(path);
        await MakeRoomAsync(path, cancellationToken);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(logging);
        builder.Services.AddLogging();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options =>
        {
            options.AddServerHeader = false;
            options.Limits.MaxConcurrentConnections = MaximumConnections;
            options.Limits.MaxRequestBodySize = AdminVerbs.MaximumRequest;
            options.ListenUnixSocket(path, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                listen.Use(Admit);
            });
        });
        var app = builder.Build();
        app.Run(ServeAsync);
        try
        {
            await app.StartAsync(cancellationToken);
            // Between bind and here the umask kept others from writing, which connecting needs; Admit asks the kernel anyway.
            File.SetUnixFileMode(path, SocketMode);
        }
        catch (Exception e) when (e is IOException or SocketException or UnauthorizedAccessException)
        {
            await app.DisposeAsync();
            throw new CommandException(ExitCode.BadConfiguration, $"cannot make the admin socket {path}: {e.Message}", e);
        }
        _app = app;
        _path = path;
    }

    /// <summary>Stops, and takes the socket file away.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_app is null)
            return;
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(3));
        await _app.StopAsync(patience.Token);
        await _app.DisposeAsync();
        File.Delete(_path);
    }

    static async Task MakeRoomAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!, DirectoryMode);
            if (!File.Exists(path))
                return;
            using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await probe.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
            }
            catch (SocketException)
            {
                File.Delete(path);
                return;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CommandException(ExitCode.BadConfiguration, $"cannot make the admin socket {path}: {e.Message}", e);
        }
        throw new CommandException(
            ExitCode.BadConfiguration, $"another mesh-controller answers on {path}: stop it, or name another socket with --socket");
    }

    ConnectionDelegate Admit(ConnectionDelegate next) => connection =>
    {
        if (connection.Features.Get<IConnectionSocketFeature>()?.Socket is not { } socket)
        {
            connection.Abort();
            return Task.CompletedTask;
        }
        var peer = PeerCredentials.Of(socket);
        var own = Ownership.OfProcess;
        if (peer.UserId == 0 || peer.UserId == own.UserId || peer.GroupId == own.GroupId)
            connection.Features.Set(new AdminPeer("admin:" + peer.UserName()));
        else
            _log.AdminRefused(peer.UserId);
        return next(connection);
    };

    async Task ServeAsync(HttpContext context)
    {
        if (context.Features.Get<AdminPeer>() is not { By: var admin })
        {
            await context.SendAsync(new Problem(
                "permission denied: run this as root (sudo)", StatusCodes.Status403Forbidden, "denied"));
            return;
        }
        if (!HttpMethods.IsGet(context.Request.Method))
            _log.AdminRequest(admin, context.Request.Method, context.Request.Path);
        try
        {
            await verbs.ServeAsync(context, Cause.Of(admin, SystemEntropy.Instance));
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or Microsoft.AspNetCore.Http.BadHttpRequestException)
        {
            context.Abort();
        }
#pragma warning disable CA1031 // One request must not take the server down.
        catch (Exception e)
#pragma warning restore CA1031
        {
            _log.RequestFailed(e, context.Request.Path);
            if (!context.Response.HasStarted)
                await context.SendAsync(new Problem("the controller failed: its log says why", 500, RefusalCodes.Unavailable));
        }
    }

    sealed record AdminPeer(string By);
}
