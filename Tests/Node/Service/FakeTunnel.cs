using System.Net;
using Mesh.Actors.Device;
using Mesh.Node.Service;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Tunnel;

namespace Mesh.Tests.Node.Service;

/// <summary>A tunnel without packets that remembers what it was told.</summary>
sealed class FakeTunnel : ITunnel
{
    readonly ActorSystem _system = ActorSystem.Create("test", "akka { loglevel = OFF, stdout-loglevel = OFF }");

    public MapBody? InForce { get; private set; }

    public bool Disposed { get; private set; }

    public string Interface => "meshtest";

    public int Port => 51820;

    public Task<IActorRef> StartActorAsync(string name, Props props) => Task.FromResult(_system.ActorOf(props, name));

    public Task ApplyAsync(MapBody? body, IReadOnlyDictionary<NodeId, IReadOnlyList<IPEndPoint>> endpoints)
    {
        InForce = body;
        return Task.CompletedTask;
    }

    /// <summary>Gets the keys that it was given last, and whether the second is answered to.</summary>
    public (TunnelPublicKey Key, TunnelPublicKey? Alternate)? Keys { get; private set; }

    public Task SetKeysAsync(TunnelPrivateKey key, TunnelPrivateKey? alternate)
    {
        Keys = (X25519.ComputePublicKey(key), alternate is null ? null : X25519.ComputePublicKey(alternate));
        return Task.CompletedTask;
    }

    public TunnelReport Report() => new("fake", TunnelCapabilities.DropCounters, new TunnelStatistics(
        [.. (InForce?.Peers ?? []).Select(peer => new TunnelPeerStatistics(peer.TunnelKey, default, null, null, 7, 5, 0, 0))],
        [KeyValuePair.Create(DropReason.NoRoute, 3L)], DeviceRestarts: 2)
    {
        Features = [new FeatureState(OffloadFeatures.SendSegmentation, true, "64 segments"), new FeatureState(OffloadFeatures.MultiQueue, false, "one core")],
        ListenPort = Port,
    });

    public ActorReport Actors() => _system.TakeCensus();

    public IReadOnlyList<CipherSuite> Suites => [];

    public IReadOnlyDictionary<TunnelPublicKey, PeerTraffic> Traffic() => (InForce?.Peers ?? []).ToDictionary(
        peer => peer.TunnelKey, _ => new PeerTraffic(IPEndPoint.Parse("192.0.2.20:51820"), 7, 5, DateTimeOffset.UtcNow));

    public IReadOnlyDictionary<string, long> Drops() => new Dictionary<string, long> { ["NoRoute"] = 3 };

    public async ValueTask DisposeAsync()
    {
        Disposed = true;
        await _system.Terminate();
    }
}
