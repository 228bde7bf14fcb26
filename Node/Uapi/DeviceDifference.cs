using System.Collections.Immutable;
using Mesh.Actors.Device;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Routing;
using Mesh.Protocol.Tunnel;
using Mesh.Protocol.Uapi;

namespace Mesh.Node.Uapi;

/// <summary>What is to be said to a device to make it what is wanted, and no more: a peer that is right already is not named. Pure.</summary>
static class DeviceDifference
{
    const int MaximumKeepalive = 65535;

    /// <summary>Computes the operations of one set request; empty when nothing differs.</summary>
    /// <param name="device">The device as it is.</param>
    /// <param name="state">What is wanted.</param>
    /// <param name="endpoints">Endpoints to set; a peer that is not in it keeps what it has.</param>
    public static ImmutableArray<UapiOperation> Compute(
        UapiDevice device, TunnelState state, IReadOnlyDictionary<TunnelPublicKey, EndpointAddress> endpoints)
    {
        var operations = ImmutableArray.CreateBuilder<UapiOperation>();
        TunnelPublicKey? own = PublicKey(state.PrivateKey);
        // A device may keep the key with its clamped bits; the public half is the same.
        if (own != PublicKey(device.PrivateKey))
            operations.Add(new UapiOperation.SetPrivateKey(state.PrivateKey));
        if (state.ListenPort != 0 && state.ListenPort != device.ListenPort)
            operations.Add(new UapiOperation.SetListenPort(state.ListenPort));
        if (state.FirewallMark != device.FirewallMark)
            operations.Add(new UapiOperation.SetFirewallMark(state.FirewallMark));

        var wanted = state.Peers.Where(peer => peer.Key != own).ToDictionary(peer => peer.Key);
        foreach (var peer in device.Peers.Where(peer => !wanted.ContainsKey(peer.Key)))
            Add(operations, peer.Key, [new UapiOperation.Remove()]);
        // A prefix that is named twice belongs to the last peer named.
        Dictionary<IpPrefix, TunnelPublicKey> owners = [];
        foreach (var peer in wanted.Values)
        {
            foreach (var prefix in peer.AllowedIps)
                owners[prefix] = peer.Key;
        }

        var present = device.Peers.ToDictionary(peer => peer.Key);
        foreach (var peer in wanted.Values)
        {
            var about = About(peer, present.GetValueOrDefault(peer.Key), [.. peer.AllowedIps.Where(prefix => owners[prefix] == peer.Key).Distinct()]);
            if (endpoints.TryGetValue(peer.Key, out var endpoint) && !endpoint.IsNone)
                about.Add(new UapiOperation.SetEndpoint(endpoint));
            if (about.Count > 0 || !present.ContainsKey(peer.Key))
                Add(operations, peer.Key, about);
        }

        return operations.DrainToImmutable();
    }

    /// <summary>Computes what takes everything from a device that it was given: its key, its mark, its peers.</summary>
    public static ImmutableArray<UapiOperation> Clear(UapiDevice device) =>
        Compute(device, TunnelState.Empty, ImmutableDictionary<TunnelPublicKey, EndpointAddress>.Empty);

    static List<UapiOperation> About(TunnelPeer peer, UapiPeerStatus? status, ImmutableArray<IpPrefix> allowed)
    {
        List<UapiOperation> about = [];
        if (!SameSecret(peer.PresharedKey, status?.PresharedKey))
            about.Add(new UapiOperation.SetPresharedKey(peer.PresharedKey));
        // A device counts in seconds; a binding that is refreshed later than asked may be gone.
        var keepalive = (int)Math.Clamp(Math.Floor(peer.PersistentKeepalive.TotalSeconds), peer.PersistentKeepalive > TimeSpan.Zero ? 1 : 0, MaximumKeepalive);
        if (keepalive != (status?.PersistentKeepalive ?? 0))
            about.Add(new UapiOperation.SetPersistentKeepalive(keepalive));
        if (!new HashSet<IpPrefix>(allowed).SetEquals(status?.AllowedIps ?? []))
        {
            about.Add(new UapiOperation.ReplaceAllowedIps());
            about.AddRange(allowed.Select(prefix => new UapiOperation.AllowIp(prefix)));
        }

        return about;
    }

    static void Add(ImmutableArray<UapiOperation>.Builder operations, TunnelPublicKey peer, IEnumerable<UapiOperation> about)
    {
        operations.Add(new UapiOperation.Peer(peer));
        operations.AddRange(about);
    }

    static TunnelPublicKey? PublicKey(TunnelPrivateKey? key) => key is null ? null : X25519.ComputePublicKey(key);

    static bool SameSecret(PresharedKey? a, PresharedKey? b) => a is null || b is null ? a is null && b is null : a.SecretEquals(b);
}
