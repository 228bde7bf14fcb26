using System.Collections.Immutable;
using Mesh.Actors.Device;
using Mesh.Node;
using Mesh.Node.Uapi;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Routing;
using Mesh.Protocol.Tunnel;
using Mesh.Protocol.Uapi;

namespace Mesh.Tests.Node.Uapi;

public sealed class DeviceDifferenceTests
{
    static readonly ImmutableDictionary<TunnelPublicKey, EndpointAddress> None = ImmutableDictionary<TunnelPublicKey, EndpointAddress>.Empty;
    static readonly UapiDevice Bare = new(null, 0, 0, []);

    static readonly TunnelPublicKey A = Key(1), B = Key(2), C = Key(3);

    static TunnelPublicKey Key(byte number) => new([.. Enumerable.Repeat(number, 32)]);

    static TunnelPeer Peer(TunnelPublicKey key, params string[] allowed) => new() { Key = key, AllowedIps = [.. allowed.Select(IpPrefix.Parse)] };

    static UapiPeerStatus Has(TunnelPublicKey key, params string[] allowed) => new() { Key = key, AllowedIps = [.. allowed.Select(IpPrefix.Parse)] };

    static string[] Said(UapiDevice device, TunnelState state, ImmutableDictionary<TunnelPublicKey, EndpointAddress>? endpoints = null) =>
        [.. DeviceDifference.Compute(device, state, endpoints ?? None).Select(operation => operation.ToString())];

    static string[] Said(params UapiOperation[] operations) => [.. operations.Select(operation => operation.ToString())];

    [Fact]
    public void Where_nothing_differs_nothing_is_said()
    {
        using TunnelPrivateKey key = new(SystemEntropy.Instance), clamped = new(Clamp(key.Span));
        using PresharedKey psk = new(SystemEntropy.Instance), same = new(psk.Span);
        UapiDevice device = new(clamped, 51820, 7, [Has(B, "10.0.0.2/32"), Has(A, "10.0.0.9/32", "10.0.0.1/32") with { PresharedKey = same, PersistentKeepalive = 25 }]);
        TunnelState state = new()
        {
            PrivateKey = key, ListenPort = 51820, FirewallMark = 7,
            Peers =
            [
                Peer(A, "10.0.0.1/32", "10.0.0.9/32") with { PresharedKey = psk, PersistentKeepalive = TimeSpan.FromSeconds(25.5) },
                Peer(B, "10.0.0.2/32"),
            ],
        };

        Assert.Empty(Said(device, state));
        Assert.Empty(Said(device, state with { ListenPort = 0 }));
    }

    [Fact]
    public void A_new_peer_is_described_whole_and_one_not_wanted_is_removed()
    {
        var endpoint = EndpointAddress.FromIPv4(0xc0000201, 51820);
        TunnelState state = new() { Peers = [Peer(A, "10.0.0.1/32") with { PersistentKeepalive = TimeSpan.FromMilliseconds(300) }, Peer(B)] };

        Assert.Equal(
            Said(new UapiOperation.Peer(C), new UapiOperation.Remove(),
                new UapiOperation.Peer(A), new UapiOperation.SetPersistentKeepalive(1), new UapiOperation.ReplaceAllowedIps(),
                new UapiOperation.AllowIp(IpPrefix.Parse("10.0.0.1/32")), new UapiOperation.SetEndpoint(endpoint),
                new UapiOperation.Peer(B)),
            Said(Bare with { Peers = [Has(C, "10.0.0.3/32")] }, state, None.Add(A, endpoint)));
    }

    [Fact]
    public void Only_the_peer_that_changed_is_named()
    {
        using PresharedKey psk = new(SystemEntropy.Instance);
        var device = Bare with { Peers = [Has(A, "10.0.0.1/32"), Has(B, "10.0.0.2/32") with { PersistentKeepalive = 5 }] };
        TunnelState state = new() { Peers = [Peer(A, "10.0.0.1/32"), Peer(B, "10.0.0.2/32", "10.0.0.3/32") with { PresharedKey = psk }] };

        Assert.Equal(
            Said(new UapiOperation.Peer(B), new UapiOperation.SetPresharedKey(psk), new UapiOperation.SetPersistentKeepalive(0),
                new UapiOperation.ReplaceAllowedIps(), new UapiOperation.AllowIp(IpPrefix.Parse("10.0.0.2/32")), new UapiOperation.AllowIp(IpPrefix.Parse("10.0.0.3/32"))),
            Said(device, state));
    }

    [Fact]
    public void A_prefix_named_twice_is_the_last_peers_and_settles()
    {
        TunnelState state = new() { Peers = [Peer(A, "10.0.0.1/32", "10.0.0.9/32"), Peer(B, "10.0.0.9/32")] };

        Assert.Empty(Said(Bare with { Peers = [Has(A, "10.0.0.1/32"), Has(B, "10.0.0.9/32")] }, state));
        Assert.Equal(6, Said(Bare with { Peers = [Has(A, "10.0.0.1/32", "10.0.0.9/32"), Has(B)] }, state).Length);
    }

    [Fact]
    public void A_peer_with_our_own_key_is_not_used()
    {
        using TunnelPrivateKey key = new(SystemEntropy.Instance);

        Assert.Single(Said(Bare, new TunnelState { PrivateKey = key, Peers = [Peer(X25519.ComputePublicKey(key), "10.0.0.1/32")] }));
    }

    [Fact]
    public void Clearing_takes_key_mark_and_peers_and_leaves_the_port()
    {
        using TunnelPrivateKey key = new(SystemEntropy.Instance);

        Assert.Equal(
            Said(new UapiOperation.SetPrivateKey(null), new UapiOperation.SetFirewallMark(0), new UapiOperation.Peer(A), new UapiOperation.Remove()),
            DeviceDifference.Clear(new UapiDevice(key, 51820, 7, [Has(A)])).Select(operation => operation.ToString()));
    }

    // RFC 7748 section 5.
    static byte[] Clamp(ReadOnlySpan<byte> key)
    {
        var bytes = key.ToArray();
        bytes[0] &= 248;
        bytes[31] = (byte)(bytes[31] & 127 | 64);
        return bytes;
    }
}
