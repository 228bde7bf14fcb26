using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Mesh.Actors.Device;
using Mesh.Node.Runtime;
using Mesh.Protocol.Filter;
using Mesh.Protocol.Tunnel;

namespace Mesh.Tests.E2E.Backend;

/// <summary>What a backend says of itself and its peers, as the host prints it.</summary>
sealed record BackendReport(string[] Capabilities, PeerReport[] Peers, Dictionary<string, long> Drops);

/// <summary>What a backend says of one peer.</summary>
sealed record PeerReport(string Key, string Endpoint, DateTimeOffset? LastHandshake, long Received, long Sent);

/// <summary>
/// Runs one backend as a process of its own, so that a test can put it into a namespace: <c>backend KIND FILE</c>. The file is a static network and,
/// beside it, <c>rules.PEER { accept = [..], send = [..] }</c> and <c>candidates.PEER = [..]</c>. Prints <c>ready INTERFACE PORT</c>, on SIGWINCH applies
/// the file again, on SIGUSR1 prints a <see cref="BackendReport"/>, on SIGUSR2 stops the backend twice and lives on, on SIGTERM ends. (Not SIGHUP:
/// where the tests run without a terminal, that is ignored from the start.)
/// </summary>
static class BackendHost
{
    public static async Task<int> RunAsync(string kind, string file)
    {
        // The backend reads keys whenever a session is made: every network lives as long as the process.
        List<StaticNetwork> networks = [Read(file, out var state)];
        TaskCompletionSource end = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using var onTerminate = On(PosixSignal.SIGTERM, end.SetResult);
        NodeOptions options = new() { Tunnel = networks[0].Tunnel, State = state, Backend = Enum.Parse<BackendKind>(kind) };
        NodeRuntime runtime;
        try
        {
            runtime = await NodeRuntime.StartAsync(options);
        }
        catch (IOException failure)
        {
            Console.WriteLine($"failed {failure.Message}");
            return 1;
        }

        using var onApply = On(PosixSignal.SIGWINCH, () =>
        {
            networks.Add(Read(file, out var changed));
            try
            {
                runtime.ApplyAsync(changed).Wait();
                Console.WriteLine("applied");
            }
            catch (AggregateException failure)
            {
                Console.WriteLine($"refused {failure.InnerException!.Message}");
            }
        });
        using var onReport = On((PosixSignal)10, () => Console.WriteLine("report " + JsonSerializer.Serialize(Report(runtime.Tunnel))));
        using var onStop = On((PosixSignal)12, () =>
        {
            runtime.Tunnel.StopAsync().Wait();
            runtime.Tunnel.StopAsync().Wait();
            Console.WriteLine("stopped");
        });
        Console.WriteLine($"ready {runtime.Device.Interface} {runtime.Device.ListenPort}");
        await end.Task;
        await runtime.DisposeAsync();
        networks.ForEach(network => network.Dispose());
        return 0;
    }

    static PosixSignalRegistration On(PosixSignal signal, Action action) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        action();
    });

    static StaticNetwork Read(string file, out TunnelState state)
    {
        var config = ConfigurationFactory.ParseString(File.ReadAllText(file));
        var network = StaticNetwork.Read(config, [], (path, _) => File.ReadAllBytes(path));
        state = network.State with { Peers = [.. network.State.Peers.Select(Adjust)] };
        return network;

        TunnelPeer Adjust(TunnelPeer peer)
        {
            if (config.HasPath($"candidates.{peer.Name}"))
            {
                peer = peer with
                {
                    Endpoints = [.. config.GetStringList($"candidates.{peer.Name}").Select(text =>
                        EndpointAddress.TryParse(text, out var endpoint) ? endpoint : throw new FormatException(text))],
                };
            }

            return config.HasPath($"rules.{peer.Name}")
                ? peer with { Rules = new PeerRules(Rules(config, $"rules.{peer.Name}.accept"), Rules(config, $"rules.{peer.Name}.send")) }
                : peer;
        }
    }

    // "any", "icmp", "tcp 22", "udp 53-60".
    static ImmutableArray<FilterRule> Rules(Config config, string path) => [.. config.GetStringList(path).Select(text =>
    {
        var words = text.Split(' ', '-');
        byte? protocol = words[0] switch { "tcp" => IpProtocol.Tcp, "udp" => IpProtocol.Udp, "icmp" => IpProtocol.Icmp, _ => null };
        return words.Length == 1
            ? new FilterRule(protocol)
            : new FilterRule(protocol, ushort.Parse(words[1], CultureInfo.InvariantCulture), ushort.Parse(words[^1], CultureInfo.InvariantCulture));
    })];

    static BackendReport Report(ITunnelBackend backend)
    {
        var statistics = backend.ReadStatistics();
        return new BackendReport(
            backend.Capabilities == TunnelCapabilities.None ? [] : backend.Capabilities.ToString().Split(", "),
            [.. statistics.Peers.Select(peer => new PeerReport(
                peer.Key.ToString(), peer.Endpoint.ToString(), peer.LastHandshake?.ToDateTimeOffset(), peer.BytesReceived, peer.BytesSent))],
            statistics.Drops.ToDictionary(drop => drop.Key.ToString(), drop => drop.Value));
    }
}
