using Mesh.Protocol.Filter;
using Mesh.Protocol.Map;

namespace Mesh.Tests.Protocol.Filter;

public sealed class PeerRulesTests
{
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
