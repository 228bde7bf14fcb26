using Mesh.Protocol.Filter;
using Mesh.Protocol.Time;
using Mesh.Tests.Kit;

namespace Mesh.Tests.Protocol.Filter;

public sealed class PacketFilterTests
{
    const string Us = "10.7.0.1", Them = "10.7.0.2", Us6 = "fd00::1", Them6 = "fd00::2";
    const int Peer = 3;

    readonly PacketFilter _filter = new(new FlowTable(1024, seed: 42));
    Instant _now = new(TimeSpan.FromHours(1).Ticks);

    static readonly PeerRules AcceptSsh = new([new FilterRule(IpProtocol.Tcp, 22, 22)], []);
    static readonly PeerRules SendAny = new([], [FilterRule.Any]);

    FilterVerdict In(byte[] packet, PeerRules rules, int peer = Peer) => _filter.Inbound(packet, peer, rules, _now);

    FilterVerdict Out(byte[] packet, PeerRules rules, int peer = Peer) => _filter.Outbound(packet, peer, rules, _now);

    [Fact]
    public void WithoutRulesNothingPasses()
    {
        Assert.Equal(FilterVerdict.NotAccepted, In(IpPackets.Tcp(Them, 1000, Us, 22), PeerRules.None));
        Assert.Equal(FilterVerdict.NotAccepted, In(IpPackets.Echo(Them, Us, 1), PeerRules.None));
        Assert.Equal(FilterVerdict.NotAccepted, In(IpPackets.Ip(Them, Us, 47, new byte[20]), PeerRules.None));
        Assert.Equal(FilterVerdict.NotAllowedToSend, Out(IpPackets.Udp(Us, 1, Them, 53), PeerRules.None));
    }

    [Theory]
    [InlineData(Us, Them)]
    [InlineData(Us6, Them6)]
    public void RepliesToFlowsWeOpenedPassAndNothingElseDoes(string us, string them)
    {
        Assert.Equal(FilterVerdict.NotAccepted, In(IpPackets.Tcp(them, 443, us, 5000, IpPackets.Syn | IpPackets.Ack), SendAny));
        Assert.Equal(FilterVerdict.Pass, Out(IpPackets.Tcp(us, 5000, them, 443), SendAny));
        Assert.Equal(FilterVerdict.Pass, In(IpPackets.Tcp(them, 443, us, 5000, IpPackets.Syn | IpPackets.Ack), SendAny));
        Assert.Equal(FilterVerdict.NotAccepted, In(IpPackets.Tcp(them, 443, us, 5001, IpPackets.Ack), SendAny));
        Assert.Equal(FilterVerdict.NotAccepted, In(IpPackets.Tcp(them, 444, us, 5000, IpPackets.Ack), SendAny));
        Assert.Equal(FilterVerdict.NotAccepted, In(IpPackets.Udp(them, 443, us, 5000), SendAny));
        Assert.Equal(FilterVerdict.NotAccepted, In(IpPackets.Tcp(them, 443, us, 5000, IpPackets.Ack), SendAny, peer: 4));
    }

    [Theory]
    [InlineData(Us, Them)]
    [InlineData(Us6, Them6)]
    public void EchoPassesOneWayOnly(string us, string them)
    {
        Assert.Equal(FilterVerdict.Pass, Out(IpPackets.Echo(us, them, 7), SendAny));
        Assert.Equal(FilterVerdict.Pass, In(IpPackets.Echo(them, us, 7, reply: true), SendAny));
        Assert.Equal(FilterVerdict.NotAccepted, In(IpPackets.Echo(them, us, 8, reply: true), SendAny));
        Assert.Equal(FilterVerdict.NotAccepted, In(IpPackets.Echo(them, us, 7), SendAny));
    }

    [Fact]
    public void APeerReachesOnlyItsPortsAndGetsItsAnswers()
    {
        Assert.Equal(FilterVerdict.Pass, In(IpPackets.Tcp(Them, 1000, Us, 22), AcceptSsh));
        Assert.Equal(FilterVerdict.NotAccepted, In(IpPackets.Tcp(Them, 1000, Us, 23), AcceptSsh));
        Assert.Equal(FilterVerdict.NotAccepted, In(IpPackets.Udp(Them, 1000, Us, 22), AcceptSsh));
        Assert.Equal(FilterVerdict.NotAccepted, In(IpPackets.Echo(Them, Us, 1), AcceptSsh));
        Assert.Equal(FilterVerdict.Pass, Out(IpPackets.Tcp(Us, 22, Them, 1000, IpPackets.Syn | IpPackets.Ack), AcceptSsh));
        Assert.Equal(FilterVerdict.NotAllowedToSend, Out(IpPackets.Tcp(Us, 22, Them, 1001), AcceptSsh));
        Assert.Equal(FilterVerdict.NotAllowedToSend, Out(IpPackets.Tcp(Us, 1000, Them, 22), AcceptSsh));
    }

    [Fact]
    public void ARuleTakenAwayCutsItsFlowsAtOnceBothWays()
    {
        Assert.Equal(FilterVerdict.Pass, In(IpPackets.Tcp(Them, 1000, Us, 22), AcceptSsh));
        Assert.Equal(FilterVerdict.NotAllowedToSend, Out(IpPackets.Tcp(Us, 22, Them, 1000, IpPackets.Ack), PeerRules.None));
        Assert.Equal(FilterVerdict.NotAccepted, In(IpPackets.Tcp(Them, 1000, Us, 22, IpPackets.Ack), PeerRules.None));
    }

    [Theory]
    [InlineData(Us, Them)]
    [InlineData(Us6, Them6)]
    public void ErrorsPassOnlyWhenTheyAreAboutAKnownFlow(string us, string them)
    {
        var sent = IpPackets.Udp(us, 5000, them, 53);
        Assert.Equal(FilterVerdict.NotAccepted, In(IpPackets.Unreachable(them, us, sent), SendAny));
        Assert.Equal(FilterVerdict.Pass, Out(sent, SendAny));
        Assert.Equal(FilterVerdict.Pass, In(IpPackets.Unreachable(them, us, sent), SendAny));
        Assert.Equal(FilterVerdict.NotAccepted, In(IpPackets.Unreachable(them, us, IpPackets.Udp(us, 5001, them, 53)), SendAny));

        var received = IpPackets.Tcp(them, 1000, us, 22);
        Assert.Equal(FilterVerdict.Pass, In(received, AcceptSsh));
        Assert.Equal(FilterVerdict.Pass, Out(IpPackets.Unreachable(us, them, received), AcceptSsh));
        Assert.Equal(FilterVerdict.NotAllowedToSend, Out(IpPackets.Unreachable(us, them, IpPackets.Tcp(them, 1001, us, 22)), AcceptSsh));
    }

    [Fact]
    public void FlowsExpireAfterTheirSilence()
    {
        var query = IpPackets.Udp(Us, 5000, Them, 53);
        var answer = IpPackets.Udp(Them, 53, Us, 5000);
        Out(query, SendAny);
        _now += FlowTable.DatagramOpening + TimeSpan.FromSeconds(1);
        Assert.Equal(FilterVerdict.NotAccepted, In(answer, SendAny));

        Out(query, SendAny);
        Assert.Equal(FilterVerdict.Pass, In(answer, SendAny));
        _now += FlowTable.DatagramEstablished - TimeSpan.FromSeconds(1);
        Assert.Equal(FilterVerdict.Pass, In(answer, SendAny));
        _now += FlowTable.DatagramEstablished + TimeSpan.FromSeconds(1);
        Assert.Equal(FilterVerdict.NotAccepted, In(answer, SendAny));
    }

    [Fact]
    public void ATcpFlowLivesForDaysAndEndsSoonAfterItsEnd()
    {
        var answer = IpPackets.Tcp(Them, 443, Us, 5000, IpPackets.Ack);
        Out(IpPackets.Tcp(Us, 5000, Them, 443), SendAny);
        Assert.Equal(FilterVerdict.Pass, In(answer, SendAny));
        _now += TimeSpan.FromDays(4);
        Assert.Equal(FilterVerdict.Pass, In(answer, SendAny));
        Assert.Equal(FilterVerdict.Pass, In(IpPackets.Tcp(Them, 443, Us, 5000, IpPackets.Rst), SendAny));
        _now += FlowTable.TcpClosing + TimeSpan.FromSeconds(1);
        Assert.Equal(FilterVerdict.NotAccepted, In(answer, SendAny));
    }

    [Fact]
    public void ALaterFragmentPassesOnlyAfterItsFirst()
    {
        PeerRules rules = new([new FilterRule(IpProtocol.Udp, 53, 53)], []);
        var first = IpPackets.Fragment(IpPackets.Udp(Them, 1000, Us, 53, 1000), 0, more: true, id: 9);
        var later = IpPackets.Fragment(IpPackets.Ip(Them, Us, 17, new byte[200]), 1008, more: false, id: 9);
        Assert.Equal(FilterVerdict.FragmentWithoutFirst, In(later, rules));
        Assert.Equal(FilterVerdict.Pass, In(first, rules));
        Assert.Equal(FilterVerdict.Pass, In(later, rules));
        Assert.Equal(FilterVerdict.FragmentWithoutFirst, In(IpPackets.Fragment(later, 1008, more: false, id: 10), rules));
        // Overlapping the transport header, and a first fragment too short to hold one.
        Assert.Equal(FilterVerdict.Malformed, In(IpPackets.Fragment(later, 8, more: true, id: 9), rules));
        Assert.Equal(FilterVerdict.Malformed, In(IpPackets.Fragment(IpPackets.Ip(Them, Us, 6, new byte[16]), 0, more: true, id: 9), rules));
        var refused = IpPackets.Fragment(IpPackets.Udp(Them, 1000, Us, 54, 1000), 0, more: true, id: 11);
        Assert.Equal(FilterVerdict.NotAccepted, In(refused, rules));
        Assert.Equal(FilterVerdict.FragmentWithoutFirst, In(IpPackets.Fragment(later, 1008, more: false, id: 11), rules));
    }

    [Fact]
    public void AnIpV6PortIsFoundBehindExtensionHeaders()
    {
        PeerRules rules = new([new FilterRule(IpProtocol.Udp, 53, 53)], []);
        byte[] Extended(int port)
        {
            var plain = IpPackets.Udp(Them6, 1000, Us6, port);
            byte[] hopByHop = [17, 0, 1, 4, 0, 0, 0, 0];
            return IpPackets.Ip(Them6, Us6, 0, [.. hopByHop, .. plain[40..]]);
        }

        Assert.Equal(FilterVerdict.Pass, In(Extended(53), rules));
        Assert.Equal(FilterVerdict.NotAccepted, In(Extended(54), rules));
    }

    [Fact]
    public void WhatIsCutOrContradictsItselfIsMalformedAndNeverThrows()
    {
        var seed = Environment.TickCount;
        Random random = new(seed);
        PeerRules rules = new([new FilterRule(IpProtocol.Udp, 53, 53)], [new FilterRule(null, 1, 100)]);
        byte[][] samples =
        [
            IpPackets.Udp(Them, 1, Us, 53), IpPackets.Tcp(Them6, 1, Us6, 2), IpPackets.Echo(Them, Us, 3),
            IpPackets.Unreachable(Them6, Us6, IpPackets.Udp(Us6, 1, Them6, 2)), IpPackets.Unreachable(Them, Us, IpPackets.Tcp(Us, 1, Them, 2)),
        ];
        foreach (var sample in samples)
        {
            for (var length = 0; length < sample.Length; length++)
                Assert.Equal(FilterVerdict.Malformed, In(sample[..length], PeerRules.All));
        }

        try
        {
            for (var i = 0; i < 100_000; i++)
            {
                var copy = samples[random.Next(samples.Length)].ToArray();
                for (var flips = random.Next(1, 6); flips > 0; flips--)
                    copy[random.Next(copy.Length)] = (byte)random.Next(256);
                var cut = copy.AsSpan(0, random.Next(4) == 0 ? random.Next(copy.Length) : copy.Length).ToArray();
                In(cut, rules);
                Out(cut, rules);
            }
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"seed {seed}", e);
        }
    }

    [Fact]
    public void DecidingAllocatesNothing()
    {
        var open = IpPackets.Tcp(Us, 5000, Them, 443);
        var answer = IpPackets.Tcp(Them, 443, Us, 5000, IpPackets.Ack);
        var error = IpPackets.Unreachable(Them, Us, open);
        void Round()
        {
            for (var i = 0; i < 2000; i++)
            {
                Out(open, SendAny);
                In(answer, SendAny);
                In(error, SendAny);
            }
        }

        Round();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Round();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void TheTableStaysBoundedAndKeepsWhatIsAlive()
    {
        PacketFilter filter = new(new FlowTable(1024, 7));
        filter.Outbound(IpPackets.Tcp(Us, 5000, Them, 443), Peer, SendAny, _now);
        filter.Inbound(IpPackets.Tcp(Them, 443, Us, 5000, IpPackets.Ack), Peer, SendAny, _now);
        for (var i = 0; i < 20_000; i++)
            filter.Outbound(IpPackets.Udp(Us, 1 + i % 60000, Them, 53), Peer, SendAny, _now);
        Assert.True(filter.Flows.Count(_now) <= filter.Flows.Capacity);
        Assert.Equal(FilterVerdict.Pass, filter.Inbound(IpPackets.Tcp(Them, 443, Us, 5000, IpPackets.Ack), Peer, SendAny, _now));
    }

    [Fact]
    public async Task TwoThreadsNeverLoseAnEstablishedFlowNorLetAStrangerIn()
    {
        PacketFilter filter = new(new FlowTable(4096, 11));
        var now = _now;
        var wrong = 0;
        filter.Outbound(IpPackets.Tcp(Us, 5000, Them, 443), Peer, SendAny, now);
        filter.Inbound(IpPackets.Tcp(Them, 443, Us, 5000, IpPackets.Ack), Peer, SendAny, now);
        var open = IpPackets.Tcp(Us, 5000, Them, 443, IpPackets.Ack);
        var outbound = Task.Run(() =>
        {
            for (var i = 0; i < 200_000; i++)
            {
                filter.Outbound(IpPackets.Udp(Us, 1 + i % 60000, Them, 53), Peer, SendAny, now + TimeSpan.FromMilliseconds(i));
                filter.Outbound(open, Peer, SendAny, now + TimeSpan.FromSeconds(2 * i));
            }
        });
        var answer = IpPackets.Tcp(Them, 443, Us, 5000, IpPackets.Ack);
        var stranger = IpPackets.Tcp(Them, 444, Us, 5000, IpPackets.Ack);
        for (var i = 0; i < 200_000; i++)
        {
            if (filter.Inbound(answer, Peer, SendAny, now + TimeSpan.FromSeconds(2 * i)) != FilterVerdict.Pass ||
                filter.Inbound(stranger, Peer, SendAny, now) == FilterVerdict.Pass)
                wrong++;
        }

        await outbound;
        Assert.Equal(0, wrong);
    }
}
