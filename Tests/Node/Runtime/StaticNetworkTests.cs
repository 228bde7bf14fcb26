using System.Text;
using Mesh.Node;
using Mesh.Node.Runtime;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Filter;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Routing;
using Mesh.Protocol.Tunnel;

namespace Mesh.Tests.Node.Runtime;

public sealed class StaticNetworkTests
{
    readonly Dictionary<string, string> _files = [];
    readonly TunnelPublicKey _peer = X25519.ComputePublicKey(new TunnelPrivateKey(SystemEntropy.Instance));

    public StaticNetworkTests()
    {
        _files["/key"] = new TunnelPrivateKey(SystemEntropy.Instance).ExportBase64() + "\n";
        _files["/psk"] = new PresharedKey(SystemEntropy.Instance).ExportBase64() + "\n";
    }

    StaticNetwork Read(string hocon) =>
        StaticNetwork.Read(ConfigurationFactory.ParseString(hocon), [CipherSuite.Aes256Gcm], (path, _) => Encoding.ASCII.GetBytes(_files[path]));

    [Fact]
    public void EverySettingIsRead()
    {
        using var network = Read($$"""
            mesh {
              interface = wg7, port = 1234, mtu = 1380, private-key-file = /key
              addresses = ["10.7.0.1/24", "fd00:7::1/64"]
              peers.gateway {
                public-key = "{{_peer}}", preshared-key-file = /psk, endpoint = "[2001:db8::1]:51820"
                allowed-ips = ["10.7.0.2/32", "10.8.0.0/16", "0.0.0.0/0"], persistent-keepalive = 25
              }
              peers."b.example" { public-key = "{{X25519.ComputePublicKey(new TunnelPrivateKey(SystemEntropy.Instance))}}", persistent-keepalive = 1m }
            }
            """);
        Assert.Equal(("wg7", 1234, 1380), (network.Tunnel.Interface, network.State.ListenPort, network.Tunnel.Mtu));
        Assert.Equal(["10.7.0.1/24", "fd00:7::1/64"], network.State.Addresses.Select(a => a.ToString()));
        var gateway = network.State.Peers.Single(p => p.Name == "gateway");
        Assert.Equal(_peer, gateway.Key);
        Assert.NotNull(gateway.PresharedKey);
        Assert.Equal(TimeSpan.FromSeconds(25), gateway.PersistentKeepalive);
        Assert.True(EndpointAddress.TryParse("[2001:db8::1]:51820", out var endpoint));
        Assert.Equal(endpoint, Assert.Single(gateway.Endpoints));
        Assert.Same(PeerRules.All, gateway.Rules);
        Assert.Equal(TimeSpan.FromMinutes(1), network.State.Peers.Single(p => p.Name == "b.example").PersistentKeepalive);
        // A default route is the administrator's to set.
        Assert.Equal([IpPrefix.Parse("10.7.0.2/32"), IpPrefix.Parse("10.8.0.0/16")], network.State.Routes.ToArray());
    }

    [Fact]
    public void RulesAndSuitesOfAPeerAreRead()
    {
        using var network = Read($$"""
            mesh.private-key-file = /key
            mesh.peers.a { public-key = "{{_peer}}", accept = ["icmp", "tcp:5201", "udp:5000-5999"], suites = ["aes-256-gcm"] }
            """);
        var peer = Assert.Single(network.State.Peers);
        Assert.Equal([new FilterRule(IpProtocol.Icmp), new FilterRule(IpProtocol.Tcp, 5201, 5201), new FilterRule(IpProtocol.Udp, 5000, 5999)], peer.Rules.Accept.ToArray());
        Assert.True(peer.Rules.SendsAll);
        Assert.False(peer.Rules.AcceptsAll);
        Assert.Equal(CipherSuite.Aes256Gcm, peer.Suite);
        Assert.Equal([CipherSuite.Aes256Gcm], network.Tunnel.Suites.ToArray());

        // Only what this machine announces too is asked for.
        using var without = StaticNetwork.Read(
            ConfigurationFactory.ParseString($$"""mesh.private-key-file = /key, mesh.peers.a { public-key = "{{_peer}}", send = [], suites = ["aes-256-gcm"] }"""),
            [], (path, _) => Encoding.ASCII.GetBytes(_files[path]));
        Assert.Equal(CipherSuite.ChaCha20Poly1305, without.State.Peers[0].Suite);
        Assert.Empty(without.State.Peers[0].Rules.Send);
        Assert.True(without.State.Peers[0].Rules.AcceptsAll);
    }

    [Theory]
    [InlineData("mesh.port = 70000", "mesh.port is 0 to 65535")]
    [InlineData("mesh.mtu = 100", "mesh.mtu is 576 to 9000")]
    [InlineData("mesh.addresses = [10.7.0.1.5]", "mesh.addresses: '10.7.0.1.5' is not an address")]
    [InlineData("mesh.peers.a { allowed-ips = [] }", "mesh.peers.a.public-key must be 32 bytes")]
    [InlineData("mesh.peers.a { public-key = KEY, allowed-ips = [10.0.0.0/33] }", "'10.0.0.0/33' is not a prefix")]
    [InlineData("mesh.peers.a { public-key = KEY, endpoint = here }", "'here' is not host:port")]
    [InlineData("mesh.peers.a { public-key = KEY, persistent-keepalive = 100000 }", "0 to 65535 seconds")]
    [InlineData("mesh.peers.a { public-key = KEY, suites = [rot13] }", "mesh.peers.a.suites: 'rot13' is not a suite; there is aes-256-gcm")]
    [InlineData("mesh.peers.a { public-key = KEY, accept = [\"tcp:70000\"] }", "mesh.peers.a.accept: 'tcp:70000' is not a rule such as")]
    [InlineData("mesh.peers.a { public-key = KEY, send = \"*\" }", "must be a list")]
    [InlineData("mesh.peers.a { public-key = KEY, presharedkey = x }", "unknown key mesh.peers.a.presharedkey")]
    [InlineData("mesh.peers.a { public-key = KEY }, mesh.peers.b { public-key = KEY }", "a and b have the same public key")]
    [InlineData("mesh.peers.a { public-key = KEY, preshared-key-file = /bad }", "the pre-shared key file /bad must hold 32 bytes in base64")]
    public void WhatWillNotDoIsNamed(string lines, string message)
    {
        _files["/bad"] = "hunter2";
        var failure = Assert.Throws<ConfigurationException>(() => Read($"mesh.private-key-file = /key, {lines.Replace("KEY", $"\"{_peer}\"")}"));
        Assert.Contains(message, failure.Message);
        Assert.DoesNotContain('\n', failure.Message);
        Assert.DoesNotContain("hunter2", failure.Message);
    }
}
