using Mesh.Node.Configuration;
using Mesh.Actors.Device;
using Mesh.Node.Local;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;

namespace Mesh.Node.Service;

/// <summary>Says for people and programs what carries the packets and how that does. Pure.</summary>
static class DeviceReport
{
    // What a backend without the capability is without.
    static readonly (TunnelCapabilities Capability, string Lack)[] _lacks =
    [
        (TunnelCapabilities.PacketFilter, "no packet filter in its path"),
        (TunnelCapabilities.DropCounters, "no drop counters"),
        (TunnelCapabilities.PacketCounters, "no packet counters"),
        (TunnelCapabilities.EndpointCandidates, "tries endpoints one after the other"),
        (TunnelCapabilities.CipherSuites, "no cipher suite but WireGuard's own"),
        (TunnelCapabilities.PathProbes, "no path probes"),
        (TunnelCapabilities.KeyRotation, "sessions end where a key is rotated and are agreed anew"),
    ];

    /// <summary>Describes what carries the packets.</summary>
    public static TunnelDocument Describe(TunnelReport report) => new(
        report.Backend,
        [.. Enum.GetValues<TunnelCapabilities>().Where(one => one != TunnelCapabilities.None && report.Capabilities.HasFlag(one)).Select(one => one.ToString())],
        [.. _lacks.Where(entry => !report.Capabilities.HasFlag(entry.Capability)).Select(entry => Lack(entry.Capability, entry.Lack, report.Capabilities))],
        [.. report.Statistics.Features.Select(feature => new FeatureDocument(OffloadNames.Of(feature.Feature), feature.On, feature.Detail))]);

    /// <summary>Describes the device with its peers.</summary>
    /// <param name="interfaceName">What the device is called.</param>
    /// <param name="report">What carries the packets.</param>
    /// <param name="names">What people call the peers.</param>
    /// <param name="now">Wall-clock time.</param>
    public static DeviceDocument Create(string interfaceName, TunnelReport report, IReadOnlyDictionary<TunnelPublicKey, string> names, DateTimeOffset now) => new(
        interfaceName, report.Statistics.ListenPort, Describe(report), report.Statistics.DeviceRestarts, Tunnels.Drops(report.Statistics),
        [.. report.Statistics.Peers.Select(peer => Describe(peer, report.Capabilities, names, now)).OrderBy(peer => peer.Name, StringComparer.Ordinal)]);

    static string Lack(TunnelCapabilities capability, string lack, TunnelCapabilities has) =>
        capability == TunnelCapabilities.PacketFilter && has.HasFlag(TunnelCapabilities.SystemPacketFilter) ? $"{lack}: nftables on its interface stands in" : lack;

    static DevicePeerDocument Describe(
        TunnelPeerStatistics peer, TunnelCapabilities capabilities, IReadOnlyDictionary<TunnelPublicKey, string> names, DateTimeOffset now)
    {
        var counted = capabilities.HasFlag(TunnelCapabilities.PacketCounters);
        return new DevicePeerDocument(
            names.GetValueOrDefault(peer.Key) is { Length: > 0 } name ? name : peer.Key.ToString(), peer.Key.ToString(),
            peer.Endpoint.IsNone ? null : peer.Endpoint.ToString(), peer.Suite?.Name(), peer.SuiteFellBack ? true : null,
            peer.LastHandshake is { } at ? Math.Max(0, Math.Round((now - at.ToDateTimeOffset()).TotalSeconds, 1)) : null,
            peer.BytesReceived, peer.BytesSent, counted ? peer.PacketsReceived : null, counted ? peer.PacketsSent : null);
    }
}
