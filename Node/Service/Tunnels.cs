using System.Collections.Immutable;
using System.Net;
using Mesh.Actors.Device;
using Mesh.Node.Configuration;
using Mesh.Node.Runtime;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Filter;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Routing;
using Mesh.Protocol.Tunnel;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Service;

/// <summary>Opens the tunnels of this machine, and says in a tunnel's terms what a map says.</summary>
static class Tunnels
{
    /// <summary>Opens a tunnel without addresses and peers. The key must outlive it.</summary>
    /// <exception cref="IOException">The system would not have it; the message says what to do.</exception>
    public static async Task<ITunnel> OpenAsync(DaemonSettings settings, TunnelPrivateKey key, ILogger log)
    {
        TunnelState alone = new() { PrivateKey = key, ListenPort = settings.Port };
        return new RuntimeTunnel(await ActorLog.StartAsync(new NodeOptions
        {
            Tunnel = new TunnelConfiguration
            {
                Interface = settings.Interface, Mtu = settings.Mtu, Queues = settings.Queues, Disabled = settings.Disabled,
                Suites = settings.Suites,
            },
            State = alone,
            Backend = settings.Backend,
            Actors = settings.File,
        }, log), alone, settings.Suites);
    }

    /// <summary>
    /// Translates a map for a machine that announces these suites. Entries that cannot be read are left out: what is not understood carries
    /// no packets. Pure.
    /// </summary>
    public static TunnelState Translate(
        MapBody body, IReadOnlyDictionary<NodeId, IReadOnlyList<IPEndPoint>> endpoints, IReadOnlyList<CipherSuite> announced)
    {
        var peers = ImmutableArray.CreateBuilder<TunnelPeer>(body.Peers.Count);
        // Whose time is over is shown and not opened; and where it is this node's own, nobody opens it either.
        foreach (var peer in body.Peers.Where(peer => peer.Expired != true && body.Self.Expired != true))
        {
            peers.Add(new TunnelPeer
            {
                Key = peer.TunnelKey,
                Name = peer.Name,
                AllowedIps = [.. Addresses(peer.Addresses).Select(address => address.Network)],
                Endpoints = endpoints.TryGetValue(peer.Id, out var known) ? [.. known.Select(EndpointAddress.From)] : [],
                FormerKey = peer.FormerKey,
                Rules = PeerRules.From(peer.Accept, peer.Send),
                Suite = announced.FirstOrDefault(suite => peer.Suites?.Contains(suite.Name()) == true),
            });
        }
        return new TunnelState
        {
            // The addresses stand for themselves; the ranges are routed as a whole, so that a new peer is no change of routes.
            Addresses = [.. Addresses(body.Self.Addresses)],
            Routes = [.. body.Prefixes.Select(text => IpPrefix.TryParse(text, out var prefix) ? prefix : default(IpPrefix?)).OfType<IpPrefix>()],
            Peers = peers.DrainToImmutable(),
        };
    }

    /// <summary>Reads what a tunnel counts.</summary>
    public static IReadOnlyDictionary<TunnelPublicKey, PeerTraffic> Traffic(TunnelStatistics statistics) =>
        statistics.Peers.ToDictionary(peer => peer.Key, peer => new PeerTraffic(
            peer.Endpoint.IsNone ? null : peer.Endpoint.ToIPEndPoint(), peer.BytesReceived, peer.BytesSent, peer.LastHandshake?.ToDateTimeOffset(), peer.Suite,
            peer.SuiteFellBack));

    /// <summary>Reads what a tunnel dropped.</summary>
    public static IReadOnlyDictionary<string, long> Drops(TunnelStatistics statistics) =>
        statistics.Drops.ToDictionary(drop => drop.Key.ToString(), drop => drop.Value);

    static IEnumerable<InterfaceAddress> Addresses(IEnumerable<string> texts)
    {
        foreach (var text in texts)
        {
            if (InterfaceAddress.TryParse(text, out var address))
                yield return address;
        }
    }

    /// <summary>Says what carries a node's packets.</summary>
    public static TunnelReport Report(NodeRuntime runtime) => new(runtime.Tunnel.Name, runtime.Tunnel.Capabilities, runtime.Tunnel.ReadStatistics());

    sealed class RuntimeTunnel(NodeRuntime runtime, TunnelState alone, IReadOnlyList<CipherSuite> suites) : ITunnel
    {
        readonly SemaphoreSlim _one = new(1, 1);
        TunnelState _alone = alone;
        TunnelState _applied = alone;

        public string Interface => runtime.Device.Interface;

        public int Port => runtime.Device.ListenPort;

        public IReadOnlyList<CipherSuite> Suites { get; } = runtime.Tunnel.Capabilities.HasFlag(TunnelCapabilities.CipherSuites) ? suites : [];

        public Task<IActorRef> StartActorAsync(string name, Props props) => runtime.StartChildAsync(name, props);

        public async Task ApplyAsync(MapBody? body, IReadOnlyDictionary<NodeId, IReadOnlyList<IPEndPoint>> endpoints)
        {
            var wanted = body is null ? TunnelState.Empty : Translate(body, endpoints, Suites);
            await _one.WaitAsync();
            try
            {
                await ApplyAsync(wanted with { ListenPort = _alone.ListenPort });
            }
            finally
            {
                _one.Release();
            }
        }

        public async Task SetKeysAsync(TunnelPrivateKey key, TunnelPrivateKey? alternate)
        {
            await _one.WaitAsync();
            try
            {
                _alone = _alone with { PrivateKey = key, AlternateKey = alternate };
                await ApplyAsync(_applied);
            }
            finally
            {
                _one.Release();
            }
        }

        // Also where the system refuses a part of it: the keys of the next state are those that were set last.
        Task ApplyAsync(TunnelState wanted)
        {
            _applied = wanted with { PrivateKey = _alone.PrivateKey, AlternateKey = _alone.AlternateKey };
            return runtime.ApplyAsync(_applied);
        }

        public TunnelReport Report() => Tunnels.Report(runtime);

        public ActorReport Actors() => runtime.System.TakeCensus();

        public IReadOnlyDictionary<TunnelPublicKey, PeerTraffic> Traffic() => Tunnels.Traffic(runtime.Tunnel.ReadStatistics());

        public IReadOnlyDictionary<string, long> Drops() => Tunnels.Drops(runtime.Tunnel.ReadStatistics());

        public async ValueTask DisposeAsync()
        {
            await runtime.DisposeAsync();
            _one.Dispose();
        }
    }
}
