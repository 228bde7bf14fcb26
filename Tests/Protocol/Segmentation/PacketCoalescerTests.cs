using Mesh.Protocol.Segmentation;

namespace Mesh.Tests.Protocol.Segmentation;

public sealed class PacketCoalescerTests
{
    readonly PacketCoalescer _coalescer = new(256, coalesceTcp: true, coalesceUdp: true);

    static PlainPacket Tcp => new() { Payload = new byte[1000], Sequence = 7000, TcpOptions = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2] };

    static PlainPacket Udp => new() { Protocol = 17, Payload = new byte[1200] };

    static PlainPacket V6(PlainPacket packet) => packet with { Source = [0xfd, .. new byte[15]], Destination = [0xfd, .. new byte[14], 1] };

    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public void ARunBecomesOneWrite(bool tcp, bool v6)
    {
        var packet = tcp ? Tcp : Udp;
        packet = (v6 ? V6(packet) : packet) with { Payload = new RandomPackets(1).Bytes(20_500), Flags = PlainPacket.Ack | PlainPacket.Psh };
        var packets = packet.Segments(1000).Select(p => p.Build()).ToList();
        var group = Assert.Single(Run(packets));
        Assert.Equal(21, group.Packets.Count);
        Assert.Equal((tcp ? v6 ? 4 : 1 : 5, 1000), (group.Header.RawGsoType, group.Header.GsoSize));
        Assert.Equal(packet.BuildPartial(), group.Bytes);
        Assert.Equal(packets, CoalescerBatch.Receive(group.Header, group.Bytes));
    }

    [Fact]
    public void InterleavedFlowsAreMergedEach()
    {
        List<byte[]> packets = [];
        for (var i = 0; i < 8; i++)
        {
            for (var flow = 0; flow < 32; flow++)
            {
                var packet = flow % 2 == 0 ? Tcp : Udp;
                packet = flow % 3 == 0 ? V6(packet) : packet;
                packets.Add((packet with { SourcePort = (ushort)flow, Sequence = (uint)(i * 1000) }).Build());
            }
        }

        Assert.Equal(Enumerable.Repeat(8, 32), Run(packets).Select(g => g.Packets.Count));
    }

    [Fact]
    public void FlowsBeyondTheTablePassInOrder()
    {
        RandomPackets random = new(2);
        List<PlainPacket> packets = [];
        for (var i = 0; i < 256; i++)
            packets.Add(random.Flow(i % 100, tcp: true, v6: false) with { DestinationPort = 1, Fragment = 0x4000, Payload = [(byte)i] });
        AssertReceived(packets, Run(packets.Select(p => p.Build())));
    }

    [Fact]
    public void NothingIsMergedWhenTurnedOff()
    {
        var packets = Tcp.Segments(100).Concat(Udp.Segments(100)).Select(p => p.Build()).ToList();
        Assert.Equal(22, new CoalescerBatch(new PacketCoalescer(64, false, false), packets).Groups().Count);
        Assert.Equal(1 + 12, new CoalescerBatch(new PacketCoalescer(64, true, false), packets).Groups().Count);
        Assert.Equal(10 + 1, new CoalescerBatch(new PacketCoalescer(64, false, true), packets).Groups().Count);
        Assert.Equal(2, new CoalescerBatch(new PacketCoalescer(64, true, true), packets).Groups().Count);
    }

    public static TheoryData<string> Differences => [.. ThatDiffer.Keys];

    static readonly Dictionary<string, Func<PlainPacket, PlainPacket>> ThatDiffer = new()
    {
        ["sequence"] = p => p with { Sequence = p.Sequence + 1 },
        ["repeated"] = p => p with { Sequence = p.Sequence - 1000 },
        ["acknowledgement"] = p => p with { Acknowledgement = 1 },
        ["window"] = p => p with { Window = 501 },
        ["urgent pointer"] = p => p with { Urgent = 1 },
        ["reserved bits"] = p => p with { Reserved = 1 },
        ["timestamp"] = p => p with { TcpOptions = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 3] },
        ["options"] = p => p with { TcpOptions = [] },
        ["longer"] = p => p with { Payload = new byte[1001] },
        ["empty"] = p => p with { Payload = [] },
        ["SYN"] = p => p with { Flags = PlainPacket.Ack | PlainPacket.Syn },
        ["FIN"] = p => p with { Flags = PlainPacket.Ack | PlainPacket.Fin },
        ["RST"] = p => p with { Flags = PlainPacket.Ack | PlainPacket.Rst },
        ["URG"] = p => p with { Flags = PlainPacket.Ack | PlainPacket.Urg },
        ["CWR"] = p => p with { Flags = PlainPacket.Ack | PlainPacket.Cwr },
        ["ECE"] = p => p with { Flags = PlainPacket.Ack | PlainPacket.Ece },
        ["no ACK"] = p => p with { Flags = PlainPacket.Psh },
        ["traffic class"] = p => p with { TrafficClass = 1 },
        ["hop limit"] = p => p with { HopLimit = 63 },
        ["flow label"] = p => p.IsV6 ? p with { FlowLabel = 1 } : p with { Fragment = 0, Identification = 1 },
        ["fragment"] = p => p.IsV6 ? p with { IpOptions = [6, 0, 0, 1, 0, 0, 0, 0], FirstExtension = 44 } : p with { Fragment = 0x2000 },
        ["options of IP"] = p => p with { IpOptions = p.IsV6 ? [6, 0, 1, 4, 0, 0, 0, 0] : [1, 1, 1, 0] },
    };

    [Theory]
    [MemberData(nameof(Differences))]
    public void ADifferenceKeepsAPacketApartAndInItsPlace(string difference)
    {
        foreach (var flow in new[] { Tcp, V6(Tcp) })
        {
            var run = (flow with { Payload = new byte[6000] }).Segments(1000).ToList();
            run[3] = ThatDiffer[difference](run[3]);
            var groups = Run(run.Select(p => p.Build()));
            Assert.Equal([0, 1, 2], groups[0].Packets);
            Assert.Equal(3, groups[1].Packets[0]);
            AssertReceived(run, groups);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(5)]
    public void APacketWithABadChecksumPassesAloneAndUnchanged(int bad)
    {
        foreach (var flow in new[] { Tcp, V6(Tcp), Udp, V6(Udp) })
        {
            // In the payload, and, where there is one, in the checksum of the IP header.
            foreach (var at in flow.IsV6 ? new[] { 500 } : [500, 10])
            {
                var packets = (flow with { Payload = new byte[6000] }).Segments(1000).Select(p => p.Build()).ToList();
                packets[bad][at] ^= 1;
                var groups = Run(packets);
                var alone = Assert.Single(groups, g => g.Packets.Contains(bad));
                Assert.Equal([bad], alone.Packets);
                Assert.Equal(default, alone.Header);
                Assert.Equal(packets[bad], alone.Bytes);
                Assert.Equal(packets, groups.SelectMany(g => CoalescerBatch.Receive(g.Header, g.Bytes)));
            }
        }
    }

    [Fact]
    public void IdentificationsCountOnlyWithoutDf()
    {
        var run = Tcp.Segments(100).Select(p => p with { Identification = 9 }).ToList();
        Assert.Single(Run(run.Select(p => p.Build())));
        Assert.Equal(10, Run(run.Select(p => (p with { Fragment = 0 }).Build())).Count);
        Assert.Single(Run((Tcp with { Fragment = 0, Identification = 65530 }).Segments(100).Select(p => p.Build())));
    }

    [Fact]
    public void UdpWithoutAChecksumOrWithAnotherLengthIsNotMerged()
    {
        var run = Udp.Segments(100).ToList();
        Assert.Equal(12, Run(run.Select(p => (p with { ZeroChecksum = true }).Build())).Count);
        Assert.Equal(12, Run(Enumerable.Repeat(Udp with { Payload = [] }, 12).Select(p => p.Build())).Count);
        var odd = run.Select(p => p.Build()).ToList();
        odd[5][25]--;
        Assert.Equal([5, 1, 6], Run(odd).Select(g => g.Packets.Count));
    }

    [Fact]
    public void AUdpGroupHasAtMost64Datagrams() =>
        Assert.Equal([64, 64, 2], Run(Enumerable.Repeat(Udp with { Payload = new byte[50] }, 130).Select(p => p.Build())).Select(g => g.Packets.Count));

    [Fact]
    public void AGroupIsAtMost65535Bytes()
    {
        var run = Enumerable.Range(0, 100).Select(i => Tcp with { Payload = new byte[1368], Sequence = (uint)(i * 1368) });
        Assert.Equal([47, 47, 6], Run(run.Select(p => p.Build())).Select(g => g.Packets.Count));
    }

    [Fact]
    public void ABatchIsCompletedOnceAndCleared()
    {
        PacketCoalescer small = new(2, true, true);
        Assert.Throws<ArgumentOutOfRangeException>(() => new PacketCoalescer(0, true, true));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PacketCoalescer(PacketCoalescer.MaxCapacity + 1, true, true));
        Assert.Throws<ArgumentOutOfRangeException>(() => small.Add(0, 0));
        CoalescerBatch batch = new(small, [Tcp.Build(), Tcp.Build()]);
        Assert.True(small.IsFull);
        Assert.Equal(2, small.Complete());
        Assert.Equal(2, batch.Groups().Count);
        Assert.Throws<InvalidOperationException>(() => small.Add(1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => small[2].PacketCount);
        small.Clear();
        Assert.Throws<InvalidOperationException>(() => small[0].PacketCount);
        Assert.Equal((0, 0), (small.PacketCount, small.Complete()));
        small.Clear();
        Assert.Single(new CoalescerBatch(small, Tcp.Segments(500).Select(p => p.Build())).Groups());
        Assert.False(new PacketCoalescer(1, false, false) is { } one && new CoalescerBatch(one, [[1]]).Groups().Count != 1);
    }

    [Fact]
    public void AFullBatchTakesNoMore()
    {
        PacketCoalescer small = new(1, true, true);
        var bytes = GC.AllocateArray<byte>(20, pinned: true);
        unsafe
        {
            fixed (byte* at = bytes)
            {
                Assert.True(small.Add((nint)at, 20));
                Assert.False(small.Add((nint)at, 20));
            }
        }

        Assert.Equal(1, small.Complete());
    }

    List<(VirtioHeader Header, byte[] Bytes, List<int> Packets)> Run(IEnumerable<byte[]> packets)
    {
        _coalescer.Clear();
        return new CoalescerBatch(_coalescer, packets).Groups();
    }

    internal static void AssertReceived(List<PlainPacket> sent, List<(VirtioHeader Header, byte[] Bytes, List<int> Packets)> groups)
    {
        Assert.Equal(Enumerable.Range(0, sent.Count), groups.SelectMany(g => g.Packets).Order());
        List<(int Index, byte[] Bytes)> received = [];
        foreach (var (header, bytes, packets) in groups)
        {
            var segments = CoalescerBatch.Receive(header, bytes);
            Assert.Equal(packets.Count, segments.Count);
            received.AddRange(packets.Zip(segments));
        }

        foreach (var (index, bytes) in received)
        {
            // With DF a router may number as it likes (RFC 6864); everything else is as it was sent.
            var expected = sent[index];
            if (!expected.IsV6 && expected.Fragment == 0x4000 && bytes.Length >= 6)
                expected = expected with { Identification = (ushort)(bytes[4] << 8 | bytes[5]) };
            Assert.True(expected.Build().AsSpan().SequenceEqual(bytes), $"packet {index}");
        }

        foreach (var flow in sent.Where(p => !SlowMerger.IsOdd(p)).GroupBy(p => p.Flow))
        {
            // A fragment belongs to any flow between its addresses.
            bool Concerns(int index) => sent[index].Flow == flow.Key || (SlowMerger.IsOdd(sent[index])
                && sent[index].Source.SequenceEqual(flow.First().Source) && sent[index].Destination.SequenceEqual(flow.First().Destination));
            var order = received.Select(r => r.Index).Where(Concerns).ToList();
            Assert.Equal(order.Order(), order);
        }
    }
}
