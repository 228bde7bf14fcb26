using System.CommandLine;
using System.Runtime.InteropServices;
using Mesh.Actors.Device;
using Mesh.Node.Configuration;
using Mesh.Node.Device.Native;
using Mesh.Node.Service;
using Mesh.Node.Uapi;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Cli;

/// <summary><c>mesh wireguard</c>: a plain WireGuard device for <c>wg</c> and <c>wg-quick</c>, used as wireguard-go is.</summary>
static class WireGuardVerb
{
    public static Command Create(CliConsole console)
    {
        var name = new Argument<string>("IFNAME") { Description = "Name of the interface to make, 1 to 15 characters" };
        var foreground = new Option<bool>("--foreground", "-f") { Description = "Do not go to the background" };
        var disable = new Option<OffloadFeatures>("--disable")
        {
            Description = $"Offloads not to use, separated by commas: {OffloadNames.Known}",
            HelpName = "FEATURE,...",
            CustomParser = result =>
            {
                if (OffloadNames.TryParse(string.Join(',', result.Tokens.Select(t => t.Value)), out var features, out var unknown))
                    return features;
                result.AddError($"'{unknown}' is no offload: choose from {OffloadNames.Known}");
                return OffloadFeatures.None;
            },
        };
        var queues = CommonOptions.Number("--queues", "Queues of the interface (default: as many as the machine calls for)", 1, DaemonSettings.MaximumQueues);
        var verb = new Verb("wireguard", "Run a plain WireGuard interface that wg and wg-quick configure, as wireguard-go does.", "mesh wireguard wg0")
        {
            name, foreground, disable, queues,
        };
        verb.Validators.Add(result =>
        {
            if (result.GetValue(name) is { } given && !IsInterfaceName(given))
                result.AddError($"'{given}' is not an interface name: 1 to 15 characters without slash and white space");
        });
        verb.SetAction(async (parsed, cancel) =>
        {
            WireGuardOptions options = new(parsed.GetValue(name)!, parsed.GetValue(queues) ?? 0, parsed.GetValue(disable));
            var isChild = console.Environment(Background.Variable) == "1";
            if (isChild || parsed.GetValue(foreground) || console.Environment("WG_PROCESS_FOREGROUND") == "1")
                return await RunAsync(options, isChild, console, cancel);
            List<string> again = ["wireguard", options.Interface];
            if (options.Queues != 0)
                again.AddRange(["--queues", options.Queues.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
            if (options.Disabled != OffloadFeatures.None)
                again.AddRange(["--disable", OffloadNames.Join(options.Disabled)]);
            return await Background.StartAsync(again, cancel);
        });
        return verb;
    }

    static async Task<int> RunAsync(WireGuardOptions options, bool isChild, CliConsole console, CancellationToken cancel)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        var level = console.Environment("LOG_LEVEL") switch
        {
            "verbose" or "debug" => LogLevel.Debug,
            "silent" => LogLevel.None,
            _ => LogLevel.Error,
        };
        LineLogger log = new(console.Error, priorities: false, level);
        try
        {
            await using var device = await WireGuardDevice.StartAsync(options, log);
            using var socket = UapiSocket.Bind(UapiSocket.StandardFolder, device.Interface);
            var serving = new UapiServer(socket.Listener, device, InterfaceScopes.Instance, log).RunAsync(stopping.Token);
            log.WireGuardUp(device.Interface);
            if (isChild)
                Background.Ready(keepError: level == LogLevel.Debug);
            var stopped = Task.Delay(Timeout.Infinite, stopping.Token);
            var first = await Task.WhenAny(stopped, socket.Deleted, device.Lost);
            await stopping.CancelAsync();
            await serving;
            log.WireGuardDown(device.Interface);
            if (first == device.Lost && await device.Lost is var cause && cause.HResult != LibC.EBADFD)
                throw new MeshFailureException(ExitCodes.Failed, cause.Message, cause);
            return ExitCodes.Done;
        }
        catch (Exception failure) when (failure is IOException or ArgumentException)
        {
            throw new MeshFailureException(ExitCodes.Failed, failure.Message, failure);
        }

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stopping.Cancel();
        }
    }

    static bool IsInterfaceName(string name) =>
        System.Text.Encoding.UTF8.GetByteCount(name) is >= 1 and <= 15 && name is not ("." or "..") && !name.Any(c => c is '/' or ':' || char.IsWhiteSpace(c));
}
