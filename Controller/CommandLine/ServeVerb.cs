using System.Runtime.InteropServices;
using Mesh.Actors.Ports;
using Mesh.Controller.Configuration;
using Mesh.Controller.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Mesh.Controller.CommandLine;

/// <summary>Carries out <c>mesh-controller serve</c>: runs a controller until SIGTERM or SIGINT.</summary>
static class ServeVerb
{
    /// <summary>Runs the controller; returns 0 after an orderly stop.</summary>
    public static async Task<int> RunAsync(ControllerSettings settings, Terminal terminal, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        using var logging = CreateLogging(settings.LogLevel);
        using var systemd = new SystemdNotifier(terminal.Environment);
        CommandException? ended = null;
        try
        {
            await using (var daemon = await ControllerDaemon.StartAsync(settings, new MachineClock(), logging, stop.Token))
            {
                if (daemon.IsFirstStart)
                    WriteFirstStart(daemon, settings, terminal);
                systemd.Ready($"listening on {string.Join(", ", daemon.Listening)}");
                var watching = WatchAsync(daemon, systemd, stop.Token);
                if (await Task.WhenAny(watching, daemon.Ended) == daemon.Ended)
                {
                    ended = await daemon.Ended;
                    await stop.CancelAsync();
                }
                await watching;
                logging.CreateLogger("Mesh.Controller").Stopping();
                systemd.Stopping();
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Told to stop while it started.
        }
        return ended is null ? ExitCode.Done : throw ended;

        void OnSignal(PosixSignalContext context)
        {
            context.Cancel = true;
            stop.Cancel();
        }
    }

    static async Task WatchAsync(ControllerDaemon daemon, SystemdNotifier systemd, CancellationToken cancellationToken)
    {
        try
        {
            while (systemd.WatchdogInterval is { } interval)
            {
                if (await daemon.IsHealthyAsync(cancellationToken))
                    systemd.Alive();
                await Task.Delay(interval, cancellationToken);
            }
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // That is how it ends.
        }
    }

    static void WriteFirstStart(ControllerDaemon daemon, ControllerSettings settings, Terminal terminal)
    {
        var socket = settings.Socket == new ControllerSettings().Socket ? "" : $" --socket {settings.Socket}";
        terminal.Out.WriteLine($"""
            A new network was made. Nodes find this controller at {string.Join(", ", daemon.Advertise)}.

            The network's root key is in {daemon.State.RootKeyPath}
            Whoever has it owns the network. Move it to a safe place off this machine; it is needed about once a year.

            Next:
              mesh-controller user create NAME{socket}
              mesh-controller policy set -f FILE{socket}      (until then no node may talk to another)
              mesh-controller credential create --user NAME{socket}
            """);
        terminal.Out.Flush();
    }

    static ILoggerFactory CreateLogging(LogLevel level) => LoggerFactory.Create(builder =>
    {
        builder.SetMinimumLevel(level).AddFilter("Microsoft", level < LogLevel.Information ? level : LogLevel.Warning);
        // The journal reads the level from a prefix and has clocks of its own; people read words and want the time.
        _ = Environment.GetEnvironmentVariable("JOURNAL_STREAM") is { Length: > 0 }
            ? builder.AddSystemdConsole()
            : builder.AddSimpleConsole(options => (options.SingleLine, options.TimestampFormat, options.UseUtcTimestamp) = (true, "yyyy-MM-dd HH:mm:ss'Z' ", true));
        builder.Services.Configure<ConsoleLoggerOptions>(options => options.LogToStandardErrorThreshold = LogLevel.Trace);
    });
}
