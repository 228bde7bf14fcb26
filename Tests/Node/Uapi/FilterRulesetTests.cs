using System.Net;
using Mesh.Actors.Device;
using Mesh.Node.Uapi;
using Mesh.Protocol.Filter;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Routing;
using Mesh.Tests.Kit;

namespace Mesh.Tests.Node.Uapi;

public sealed class FilterRulesetTests
{
    static readonly InterfaceAddress[] _own = [new(IPAddress.Parse("10.7.0.1"), 24), new(IPAddress.Parse("fd00:7::1"), 64)];

    static TunnelPeer Peer(byte number, PeerRules rules, params string[] allowed) =>
        new() { Key = new TunnelPublicKey([.. Enumerable.Repeat(number, 32)]), Rules = rules, AllowedIps = [.. allowed.Select(IpPrefix.Parse)] };

    [Fact]
    public void Without_peers_everything_is_dropped() => Assert.Equal("""
        add table inet mesh_mesh0
        delete table inet mesh_mesh0
        table inet mesh_mesh0 {
        	comment "made by mesh, which replaces it as a whole"
        	chain from_peers {
        		drop
        	}
        	chain to_peers {
        		drop
        	}
        	chain input {
        		type filter hook input priority filter; policy accept;
        		iifname "mesh0" drop
        	}
        	chain forward {
        		type filter hook forward priority filter; policy accept;
        		iifname "mesh0" drop
        		oifname "mesh0" drop
        	}
        	chain output {
        		type filter hook output priority filter; policy accept;
        		oifname "mesh0" goto to_peers
        	}
        }

        """, FilterRuleset.Compile("mesh0", TunnelState.Empty));

    [Fact]
    public void Each_rule_is_written_for_its_opener_and_for_the_answers() => Assert.Equal("""
        add table inet mesh_wg_2d0
        delete table inet mesh_wg_2d0
        table inet mesh_wg_2d0 {
        	comment "made by mesh, which replaces it as a whole"
        	chain rules0_from {
        		meta l4proto 6 th dport 22 accept
        		meta l4proto { 6, 17, 132, 136 } th dport 53-60 accept
        		meta l4proto 47 accept
        		ct direction reply ct state established meta l4proto { 1, 58 } accept
        		ct direction reply ct state established meta l4proto 17 accept
        		ct state related meta l4proto { 1, 58 } accept
        		drop
        	}
        	chain rules0_to {
        		meta l4proto { 1, 58 } accept
        		meta l4proto 17 accept
        		ct direction reply ct state established meta l4proto 6 th sport 22 accept
        		ct direction reply ct state established meta l4proto { 6, 17, 132, 136 } th sport 53-60 accept
        		ct direction reply ct state established meta l4proto 47 accept
        		ct state related meta l4proto { 1, 58 } accept
        		drop
        	}
        	chain rules1_from {
        		accept
        	}
        	chain rules1_to {
        		ct direction reply ct state established accept
        		ct state related meta l4proto { 1, 58 } accept
        		drop
        	}
        	chain from_peers {
        		ip saddr vmap { 10.7.0.2 : goto rules0_from, 10.7.0.4 : goto rules0_from }
        		ip saddr vmap { 10.7.0.0/24 : goto rules1_from }
        		meta nfproto ipv4 goto rules1_from
        		ip6 saddr vmap { fd00:7::2 : goto rules0_from }
        		drop
        	}
        	chain to_peers {
        		ip daddr vmap { 10.7.0.2 : goto rules0_to, 10.7.0.4 : goto rules0_to }
        		ip daddr vmap { 10.7.0.0/24 : goto rules1_to }
        		meta nfproto ipv4 goto rules1_to
        		ip6 daddr vmap { fd00:7::2 : goto rules0_to }
        		drop
        	}
        	chain input {
        		type filter hook input priority filter; policy accept;
        		iifname "wg-0" ip daddr { 10.7.0.1 } goto from_peers
        		iifname "wg-0" ip6 daddr { fd00:7::1 } goto from_peers
        		iifname "wg-0" drop
        	}
        	chain forward {
        		type filter hook forward priority filter; policy accept;
        		iifname "wg-0" drop
        		oifname "wg-0" drop
        	}
        	chain output {
        		type filter hook output priority filter; policy accept;
        		oifname "wg-0" goto to_peers
        	}
        }

        """, FilterRuleset.Compile("wg-0", Network()));

    [Fact]
    public void A_router_forwards_what_the_rules_of_both_peers_allow()
    {
        var text = FilterRuleset.Compile("mesh0", Network() with { AnyDestination = true });

        Assert.Contains("""
            	chain input {
            		type filter hook input priority filter; policy accept;
            		iifname "mesh0" goto from_peers
            	}
            	chain forward_from {
            		type filter hook forward priority filter; policy accept;
            		iifname "mesh0" goto from_peers
            	}
            	chain forward_to {
            		type filter hook forward priority filter; policy accept;
            		oifname "mesh0" goto to_peers
            	}
            """, text, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_nothing_is_allowed_nothing_is_tracked()
    {
        var text = FilterRuleset.Compile("mesh0", new TunnelState { Addresses = [.. _own], Peers = [Peer(2, PeerRules.None, "10.7.0.2")] });

        Assert.Contains("chain rules0_from {\n\t\tdrop\n\t}", text, StringComparison.Ordinal);
        Assert.Contains("chain rules0_to {\n\t\tdrop\n\t}", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_rule_with_ports_says_nothing_of_a_protocol_without()
    {
        PeerRules rules = new([new FilterRule(IpProtocol.Icmp, 1, 2), new FilterRule(47, 1, 2)], []);

        var text = FilterRuleset.Compile("mesh0", new TunnelState { Peers = [Peer(2, rules, "10.7.0.2")] });
        Assert.Contains("chain rules0_from {\n\t\tct state related meta l4proto { 1, 58 } accept\n\t\tdrop\n\t}", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mesh0", true)]
    [InlineData("a_b-c.d=e+f", true)]
    [InlineData("a\"b", false)]
    [InlineData("wg*", false)]
    [InlineData("a;b", false)]
    [InlineData("ümlaut", false)]
    [InlineData("", false)]
    public void Only_plain_interface_names_stand_in_a_ruleset(string name, bool accepted) => Assert.Equal(accepted, FilterRuleset.CanName(name));

    [Fact]
    public void Names_that_differ_have_tables_that_differ() => Assert.Equal(4, new[] { "a-b", "a_b", "ab", "a.b" }.Select(FilterRuleset.TableName).Distinct().Count());

    [RequiresRootFact("nft")]
    public async Task The_kernel_takes_what_is_compiled_and_forgets_it_when_told()
    {
        await using NetnsTopology net = new("mbk");
        var ns = net.Add("a");
        var file = Path.Combine(net.TempFolder(), "rules");
        Load(FilterRuleset.Probe, "-c");
        foreach (var state in new[] { TunnelState.Empty, Network(), Network() with { AnyDestination = true } })
            Load(FilterRuleset.Compile("wg-0", state));
        Assert.Contains("table inet mesh_wg_2d0", List());
        Load(FilterRuleset.Remove("wg-0"));
        Load(FilterRuleset.Remove("wg-0"));
        Assert.Equal("", List());

        string List() => ns.Run("nft", "list", "ruleset").MustExit().Output;

        void Load(string text, params string[] options)
        {
            File.WriteAllText(file, text);
            ns.Run("nft", [.. options, "-f", file]).MustExit();
        }
    }

    static TunnelState Network() => new()
    {
        Addresses = [.. _own],
        Peers =
        [
            Peer(2, Mixed(), "10.7.0.2/32", "fd00:7::2/128"),
            Peer(3, new PeerRules([FilterRule.Any], []), "10.7.0.0/24", "0.0.0.0/0"),
            Peer(4, Mixed(), "10.7.0.4/32"),
        ],
    };

    static PeerRules Mixed() => new(
        [new FilterRule(IpProtocol.Tcp, 22, 22), new FilterRule(null, 53, 60), new FilterRule(47)],
        [new FilterRule(IpProtocol.Icmp), new FilterRule(IpProtocol.Udp)]);
}
