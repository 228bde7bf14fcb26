using System.Net;
using Mesh.Actors.Ports;
using Mesh.Controller;
using Mesh.Controller.CommandLine;
using Mesh.Controller.Configuration;
using Mesh.Controller.Hosting;
using Mesh.Controller.Journal;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Time;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mesh.Tests.Controller.Api;

/// <summary>Is a whole controller in this process: real journal, real TLS on loopback, real admin socket; only its clock is the
/// test's.</summary>
sealed class RunningController : IAsyncDisposable
{
    readonly TemporaryDirectory _directory = new();
    ControllerDaemon? _daemon;

    public TestClock Clock { get; } = new();

    public IPEndPoint Endpoint { get; private set; } = null!;

    public string Socket => _directory.File("admin.sock");

    public string StateDirectory => _directory.File("state");

    /// <summary>Where the journal is; null: a file in the state directory.</summary>
    public PostgresPlace? Database { get; set; }

    /// <summary>Where nodes are told to find it; empty: where it listens.</summary>
    public IReadOnlyList<string> Advertise { get; init; } = [];

    public static async Task<RunningController> StartAsync(PostgresPlace? database = null)
    {
        var controller = new RunningController { Database = database };
        await controller.StartDaemonAsync(port: 0);
        return controller;
    }

    /// <summary>Starts a controller that was only made, so that a test can set its clock before.</summary>
    public Task StartFirstAsync() => StartDaemonAsync(port: 0);

    /// <summary>Gets what ends the controller although nobody told it to.</summary>
    public Task<CommandException> Ended => _daemon!.Ended;

    /// <summary>Stops the controller and starts it again on the same state and port.</summary>
    public async Task RestartAsync()
    {
        await _daemon!.DisposeAsync();
        await StartDaemonAsync(Endpoint.Port);
    }

    /// <summary>Stops the controller; its state stays.</summary>
    public ValueTask StopAsync() => _daemon!.DisposeAsync();

    /// <summary>Starts a controller that was stopped, on the same state and port.</summary>
    public Task StartAgainAsync() => StartDaemonAsync(Endpoint.Port);

    public async Task<CredentialString> CreateCredentialAsync(params string[] flags)
    {
        if (flags.Length == 0)
            flags = ["--tag", "server"];
        var (exit, output, error) = await RunAsync(["credential", "create", .. flags]);
        Assert.True(exit == 0, error);
        Assert.True(CredentialString.TryParse(output, out var credential), output);
        return credential;
    }

    public async Task AllowAllAsync()
    {
        var (exit, _, error) = await RunAsync(["policy", "set", "-f", "-"], "version: 1\nallow:\n  - from: ['*']\n    to: ['*']\n");
        Assert.True(exit == 0, error);
    }

    /// <summary>Runs an admin verb as the program would, against this controller's socket.</summary>
    public Task<(int Exit, string Out, string Error)> RunAsync(string[] arguments, string input = "") =>
        Cli.RunAsync([.. arguments, "--socket", Socket], input);

    public async ValueTask DisposeAsync()
    {
        if (_daemon is not null)
            await _daemon.DisposeAsync();
        _directory.Dispose();
    }

    async Task StartDaemonAsync(int port)
    {
        var settings = new ControllerSettings
        {
            StateDirectory = StateDirectory,
            Database = Database,
            Socket = Socket,
            Advertise = Advertise,
            Listen = [new IPEndPoint(IPAddress.Loopback, port)],
        };
        _daemon = await ControllerDaemon.StartAsync(settings, Clock, NullLoggerFactory.Instance, CancellationToken.None);
        Endpoint = _daemon.Listening[0];
    }
}

/// <summary>Follows the machine's clock at a distance that the test sets.</summary>
sealed class TestClock : IClock
{
    public TimeSpan Offset { get; set; }

    public WallTime Now => WallTime.From(DateTimeOffset.UtcNow) + Offset;
}

/// <summary>Runs the program in this process.</summary>
static class Cli
{
    public static async Task<(int Exit, string Out, string Error)> RunAsync(
        string[] arguments, string input = "", Func<string, string?>? environment = null, TextWriter? output = null,
        CancellationToken cancellationToken = default)
    {
        output ??= new StringWriter();
        using var error = new StringWriter();
        var terminal = new Terminal { Out = output, Error = error, In = new StringReader(input), Environment = environment ?? (_ => null) };
        var exit = await ControllerProgram.RunAsync(arguments, terminal, cancellationToken);
        return (exit, output.ToString()!, error.ToString());
    }
}
