using System.Runtime.InteropServices;
using Mesh.Node.Configuration;
using Mesh.Node.Local;
using Mesh.Node.Names;
using Mesh.Node.Runtime;
using Mesh.Node.State;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Service;

/// <summary>
/// Is <c>mesh daemon</c> from start to stop: what a crash left is cleaned, what the state directory holds is resumed, and on
/// SIGTERM or SIGINT everything that was set is taken back.
/// </summary>
static class Daemon
{
    static readonly TimeSpan _aliveTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Runs until it is told to stop.</summary>
    /// <param name="settings">What it was told.</param>
    /// <param name="openTunnel">Opens tunnels.</param>
    /// <param name="environment">Looks up an environment variable.</param>
    /// <param name="error">Where its log goes.</param>
    /// <param name="stop">Stops it as a signal does.</param>
    /// <exception cref="MeshFailureException">It cannot start.</exception>
    public static async Task RunAsync(
        DaemonSettings settings, TunnelFactory openTunnel, Func<string, string?> environment, TextWriter error, CancellationToken stop)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        var log = new LineLogger(error, priorities: environment("JOURNAL_STREAM") is not null);
        using var manager = new ServiceManager(environment);
        using var state = StateDirectory.Open(
            settings.StateDirectory, new WrappingKey(settings.CredentialsDirectory, settings.PassphraseFile, settings.KeyDirectory));
        LocalSocket.Prepare(settings.Socket);
        RemoveStaleNames(settings, log);
        if (StaticNetwork.IsIn(settings.File))
        {
            await using var node = await StaticNode.StartAsync(settings, log);
            await ServeAsync(node, resume: null);
        }
        else
        {
            await using var node = new NodeService(settings, state, openTunnel, TimeProvider.System, log);
            node.Load();
            await ServeAsync(node, node.ResumeAsync);
        }

        async Task ServeAsync(ILocalCommands node, Func<Task>? resume)
        {
            await using var api = await LocalApi.StartAsync(settings.Socket, settings.SocketMode, node, stopping.Token);
            log.Started(ProgramVersion.Text, settings.Socket, settings.StateDirectory);
            if (resume is not null)
                await resume();
            manager.Ready();
            await WaitAsync(node, manager, stopping.Token);
            manager.Stopping();
            log.Stopping();
        }

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stopping.Cancel();
        }
    }

    // With a watchdog, a sign of life is given only where the node still answers: what hangs is restarted.
    static async Task WaitAsync(ILocalCommands node, ServiceManager manager, CancellationToken stop)
    {
        var interval = manager.WatchdogInterval ?? Timeout.InfiniteTimeSpan;
        while (!stop.IsCancellationRequested)
        {
            await Task.Delay(interval, stop).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            if (stop.IsCancellationRequested)
                return;
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
            limit.CancelAfter(_aliveTimeout);
            try
            {
                await node.StatusAsync(limit.Token);
                manager.Alive();
            }
            catch (Exception silent) when (silent is OperationCanceledException or AskTimeoutException)
            {
                // No sign of life is the message.
                _ = silent;
            }
        }
    }

    static void RemoveStaleNames(DaemonSettings settings, LineLogger log)
    {
        if (settings.HostsFile is not { } path)
            return;
        try
        {
            new HostsFile(path, settings.Interface).Set([]);
        }
        catch (IOException failure)
        {
            log.HostsFileFailed(failure.Message);
        }
    }
}
