using Mesh.Protocol.Filter;
using Mesh.Protocol.Routing;
using Mesh.Protocol.Segmentation;

namespace Mesh.Tests.Protocol.Segmentation;

public sealed class FlowRunTests
{
    static readonly PlainPacket Tcp = new() { Payload = new byte[100] };
    static readonly PlainPacket Tcp6 = Tcp with { Source = [0xfd, .. new byte[15]], Destination = [0xfd, .. new byte[14], 1] };

    [Fact]
    public void PacketsInTheMiddleOfAFlowContinueIt()
    {
        foreach (var first in new[] { Tcp, Tcp6, Tcp with { Protocol = 17 }, Tcp6 with { Protocol = 17 } })
        {
            Assert.True(Continues(first, first));
            Assert.True(Continues(first, first with { Payload = [], Sequence = 9, Acknowledgement = 7, Identification = 4, Fragment = 0, HopLimit = 3 }));
            if (first.IsTcp)
                Assert.True(Continues(first, first with { Flags = PlainPacket.Ack | PlainPacket.Psh | PlainPacket.Ece | PlainPacket.Cwr }));
            foreach (var other in new[]
            {
                first with { SourcePort = 1 },
                first with { DestinationPort = 1 },
                first with { Source = [.. first.Source[..^1], 77] },
                first with { Destination = [.. first.Destination[..^1], 77] },
                first with { Source = [11, .. first.Source[1..]] },
                first with { Destination = [11, .. first.Destination[1..]] },
                first with { Protocol = first.IsTcp ? (byte)17 : (byte)6 },
                first with { IpOptions = first.IsV6 ? [first.Protocol, 0, 1, 4, 0, 0, 0, 0] : [1, 1, 1, 0] },
                first.IsV6 ? Tcp with { Protocol = first.Protocol } : Tcp6 with { Protocol = first.Protocol },
            })
            {
                Assert.False(Continues(first, other));
                Assert.False(Continues(other, first));
            }
        }

        foreach (var fragment in new ushort[] { 0x2000, 1, 0x1f00 })
        {
            Assert.False(Continues(Tcp, Tcp with { Fragment = fragment }));
            Assert.False(Continues(Tcp with { Fragment = fragment }, Tcp));
        }
    }

    [Fact]
    public void ATcpFlagThatOpensOrClosesEndsTheRun()
    {
        foreach (var flow in new[] { Tcp, Tcp6 })
        {
            for (var flags = 0; flags < 256; flags++)
            {
                var plain = (flags & (PlainPacket.Syn | PlainPacket.Fin | PlainPacket.Rst | PlainPacket.Urg | PlainPacket.Ack)) == PlainPacket.Ack;
                Assert.Equal(plain, Continues(flow, flow with { Flags = (byte)flags }));
                Assert.Equal(plain, Continues(flow with { Flags = (byte)flags }, flow));
            }
        }
    }

    [Fact]
    public void WhatContinuesIsReadAlikeByRouterAndFilter()
    {
        RandomPackets random = new(3);
        using GuardedMemory left = new(4096);
        using GuardedMemory right = new(4096);
        var continued = 0;
        for (var i = 0; i < 100_000; i++)
        {
            var flow = random.Flow(0) with { Payload = random.Bytes(random.Random.Next(30)) };
            var (a, b) = (Damaged(flow, random), Damaged(flow, random));
            a.CopyTo(left.Last(a.Length));
            b.CopyTo(right.Last(b.Length));
            if (!FlowRun.Continues(left.Last(a.Length), right.Last(b.Length)))
                continue;
            continued++;
            Assert.True(InnerPacket.TryRead(a, out var first));
            Assert.True(InnerPacket.TryRead(b, out var second));
            Assert.Equal(
                (first.Source, first.Destination, first.IsV6, first.Protocol, first.Kind, first.SourcePort, first.DestinationPort, false),
                (second.Source, second.Destination, second.IsV6, second.Protocol, second.Kind, second.SourcePort, second.DestinationPort, second.FirstFragment));
            Assert.Equal(0, (first.TcpFlags | second.TcpFlags) & (PlainPacket.Syn | PlainPacket.Fin | PlainPacket.Rst));
            Assert.Equal(IpPacketError.None, IpPacket.TryRead(b, out var packet));
            Assert.True(packet.HasPorts);
        }

        Assert.True(continued > 10_000, $"only {continued} continued");
    }

    static bool Continues(PlainPacket previous, PlainPacket packet) => FlowRun.Continues(previous.Build(), packet.Build());

    static byte[] Damaged(PlainPacket packet, RandomPackets random)
    {
        var bytes = packet.Build();
        if (random.Chance(20))
            bytes[random.Random.Next(Math.Min(bytes.Length, 60))] = (byte)random.Random.Next(256);
        return random.Chance(10) ? bytes[..random.Random.Next(bytes.Length)] : bytes;
    }
}
