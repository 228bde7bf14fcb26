using Mesh.Actors.Device;
using Mesh.Node.Configuration;
using Mesh.Node.Local;
using Mesh.Node.Runtime;
using Mesh.Node.State;
using Mesh.Protocol.Crypto;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Service;

/// <summary>Is a node whose peers are written in its configuration: it needs no controller, and nothing can be changed while it runs.</summary>
sealed class StaticNode : ILocalCommands, IAsyncDisposable
{
    readonly StaticNetwork _network;
    readonly NodeRuntime _runtime;
    readonly ILogger _log;

    StaticNode(StaticNetwork network, NodeRuntime runtime, ILogger log)
    {
        _network = network;
        _runtime = runtime;
        _log = log;
    }

    /// <summary>Starts the tunnel that the configuration describes.</summary>
    /// <exception cref="MeshFailureException">The configuration will not do, or the system would not have it.</exception>
    public static async Task<StaticNode> StartAsync(DaemonSettings settings, ILogger log)
    {
        StaticNetwork? network = null;
        try
        {
            network = StaticNetwork.Read(settings.File, settings.Suites, static (path, what) => SecretFile.Read(path, what));
            var tunnel = network.Tunnel with
            {
                Interface = settings.Interface, Mtu = settings.Mtu, Queues = settings.Queues, Disabled = settings.Disabled,
            };
            var state = network.State with { ListenPort = settings.Port };
            var runtime = await ActorLog.StartAsync(new NodeOptions { Tunnel = tunnel, State = state, Backend = settings.Backend, Actors = settings.File }, log);
            log.TunnelUp(runtime.Device.Interface, runtime.Device.ListenPort);
            return new StaticNode(network, runtime, log);
        }
        catch (Exception failure) when (failure is ConfigurationException or IOException or MeshFailureException)
        {
            network?.Dispose();
            throw failure switch
            {
                MeshFailureException already => already,
                ConfigurationException => new MeshFailureException(ExitCodes.BadConfiguration, failure.Message, failure),
                _ => new MeshFailureException(ExitCodes.Failed, $"the tunnel could not be started: {failure.Message}", failure),
            };
        }
    }

    /// <inheritdoc/>
    public Task<StatusDocument> StatusAsync(CancellationToken cancel)
    {
        var report = Tunnels.Report(_runtime);
        var statistics = report.Statistics;
        var traffic = Tunnels.Traffic(statistics);
        var now = DateTimeOffset.UtcNow;
        var self = new NodeDocument(
            "", MachineNames.Describe(null).Hostname, null, null, MachineNames.Describe(null).Os,
            [.. _network.State.Addresses.Select(address => address.Address.ToString())], _runtime.PublicKey.ToString()!, [], null,
            traffic.Values.Sum(peer => peer.RxBytes), traffic.Values.Sum(peer => peer.TxBytes), null, null, null, Active: true);
        return Task.FromResult(new StatusDocument(
            ProgramVersion.Text, "Running", _runtime.Device.Interface, _runtime.Device.ListenPort, null, null, 0, 0, null, null, null, self,
            [.. _network.State.Peers.Select(peer => Describe(peer, traffic, now)).OrderBy(peer => peer.HostName, StringComparer.Ordinal)],
            [], Tunnels.Drops(statistics)) { Tunnel = DeviceReport.Describe(report) });
    }

    /// <inheritdoc/>
    public Task<DeviceDocument> DeviceAsync(CancellationToken cancel) => Task.FromResult(DeviceReport.Create(
        _runtime.Device.Interface, Tunnels.Report(_runtime), _network.State.Peers.ToDictionary(peer => peer.Key, peer => peer.Name), DateTimeOffset.UtcNow));

    /// <inheritdoc/>
    public Task<ActorReport> ActorsAsync(CancellationToken cancel) => Task.FromResult(_runtime.System.TakeCensus());

    /// <inheritdoc/>
    public Task<UpReply> UpAsync(UpRequest request, CancellationToken cancel) => throw Fixed();

    /// <inheritdoc/>
    public Task<DoneReply> DownAsync(CancellationToken cancel) => throw Fixed();

    /// <inheritdoc/>
    public Task<DoneReply> LogoutAsync(CancellationToken cancel) => throw Fixed();

    /// <inheritdoc/>
    public Task<RotationReply> RotateKeysAsync(CancellationToken cancel) => throw Fixed();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _runtime.DisposeAsync();
        _network.Dispose();
        _log.TunnelDown(_runtime.Device.Interface);
    }

    static NodeDocument Describe(TunnelPeer peer, IReadOnlyDictionary<Protocol.Identity.TunnelPublicKey, PeerTraffic> traffic, DateTimeOffset now)
    {
        traffic.TryGetValue(peer.Key, out var counted);
        return new NodeDocument(
            "", peer.Name, null, null, null, [.. peer.AllowedIps.Select(prefix => prefix.ToString().Split('/')[0])], peer.Key.ToString(), [],
            counted.Endpoint?.ToString(), counted.RxBytes, counted.TxBytes, counted.LastHandshake, null, null, StatusReport.IsActive(counted.LastHandshake, now),
            counted.Suite?.Name(), counted.SuiteFellBack ? true : null);
    }

    static MeshFailureException Fixed() =>
        new(ExitCodes.BadConfiguration, "this node runs from its configuration file: take mesh.private-key-file and mesh.peers out of it and restart the daemon to join a network");
}
