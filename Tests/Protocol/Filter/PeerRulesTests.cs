using Mesh.Protocol.Filter;
using Mesh.Protocol.Map;

namespace Mesh.Tests.Protocol.Filter;

public sealed class PeerRulesTests
{
    [Theory]
    [InlineData("*", null, 0, 65535)]
    [InlineData("icmp", 1, 0, 65535)]
    [InlineData("tcp", 6, 0, 65535)]
    [InlineData("tcp:5201", 6, 5201, 5201)]
    [InlineData("udp:5000-5999", 17, 5000, 5999)]
    [InlineData("47", 47, 0, 65535)]
    [InlineData("6:22", 6, 22, 22)]
    public void A_rule_is_read_as_people_write_it(string text, int? protocol, int first, int last)
    {
        Assert.True(FilterRule.TryParse(text, out var rule));
        Assert.Equal(new FilterRule((byte?)protocol, (ushort)first, (ushort)last), rule);
    }

    [Theory]
    [InlineData("")]
    [InlineData("*:22")]
    [InlineData("TCP")]
    [InlineData("tcp:")]
    [InlineData("tcp:22-")]
    [InlineData("tcp:9-8")]
    [InlineData("tcp:1-2-3")]
    [InlineData("tcp:65536")]
    [InlineData("tcp: 22")]
    [InlineData("icmp:8")]
    [InlineData("256")]
    public void What_is_no_rule_is_refused(string text) => Assert.False(FilterRule.TryParse(text, out _));

    [Fact]
    public void GrantsBecomeRules()
    {
        var rules = PeerRules.From(
            [new Grant(6, [new PortRange(22, 22), new PortRange(8000, 8999)]), new Grant(1)],
            [Grant.Everything]);
        Assert.True(rules.Accepts(IpProtocol.Tcp, 22));
        Assert.True(rules.Accepts(IpProtocol.Tcp, 8500));
        Assert.False(rules.Accepts(IpProtocol.Tcp, 23));
        Assert.False(rules.Accepts(IpProtocol.Udp, 22));
        Assert.True(rules.Accepts(IpProtocol.Icmp, -1));
        Assert.True(rules.Accepts(IpProtocol.IcmpV6, -1));
        Assert.False(rules.AcceptsAll);
        Assert.True(rules.SendsAll);
        Assert.True(rules.Sends(47, -1));
    }

    [Fact]
    public void AGrantTowardsPrefixesBehindTheReceiverSaysNothingAboutTheReceiver()
    {
        var rules = PeerRules.From([new Grant(Destinations: ["192.168.0.0/16"])], []);
        Assert.False(rules.AcceptsAll);
        Assert.False(rules.Accepts(IpProtocol.Tcp, 22));
    }

    [Fact]
    public void NoGrantsAllowNothingAndARuleWithPortsCoversNoProtocolWithoutThem()
    {
        var none = PeerRules.From([], []);
        Assert.False(none.Accepts(IpProtocol.Tcp, 1) || none.Sends(IpProtocol.Udp, 1) || none.Accepts(IpProtocol.Icmp, -1));
        Assert.False(new FilterRule(null, 1, 100).Allows(IpProtocol.Icmp, -1));
        Assert.True(new FilterRule(null, 1, 100).Allows(IpProtocol.Udp, 100));
    }
}
