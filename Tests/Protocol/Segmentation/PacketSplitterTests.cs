using Mesh.Protocol.Segmentation;

namespace Mesh.Tests.Protocol.Segmentation;

public sealed class PacketSplitterTests
{
    const int Headroom = 16;

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void SegmentsAreThoseOfThePlainSegmenter(bool tcp, bool v6)
    {
        RandomPackets random = new(tcp ? 10 : 20);
        for (var i = 0; i < 1500; i++)
        {
            var size = random.Random.Next(1, 1500);
            var packet = Super(random, i, tcp, v6, size);
            var expected = packet.Segments(size).Select(p => p.Build()).ToList();
            AssertSplit(packet, Header(packet, size, random), expected, Headroom + packet.HeaderLength + size + random.Random.Next(64));
        }
    }

    [Fact]
    public void SegmentsOfTheLargestPacket()
    {
        RandomPackets random = new(4);
        foreach (var (tcp, v6) in new[] { (true, false), (true, true), (false, false), (false, true) })
        {
            var flow = random.Flow(0, tcp, v6);
            // An IPv6 payload length leaves the header out, an IPv4 total length does not.
            var packet = flow with { Payload = random.Bytes(65535 - flow.HeaderLength + (v6 ? 40 : 0)), Flags = PlainPacket.Ack | PlainPacket.Psh };
            AssertSplit(packet, Header(packet, 1368, random), packet.Segments(1368).Select(p => p.Build()).ToList(), 1536);
        }
    }

    [Fact]
    public void ARoutingHeaderKeepsTheAddressOfThePseudoHeader()
    {
        var packet = new PlainPacket
        {
            Source = [0xfd, .. new byte[14], 1],
            Destination = [0xfd, .. new byte[14], 2],
            IpOptions = [6, 2, 4, 1, 0, 0, 0, 0, 0xfd, .. new byte[14], 9],
            FirstExtension = 43,
            Payload = new RandomPackets(5).Bytes(3000),
        };
        // The sums are over the final destination.
        var final = packet with { Destination = [0xfd, .. new byte[14], 9] };
        var expected = final.Segments(1000).Select(p => p.Build()).ToList();
        foreach (var segment in expected)
            packet.Destination.CopyTo(segment, 24);
        var bytes = final.BuildPartial();
        packet.Destination.CopyTo(bytes, 24);
        AssertSplit(bytes, new VirtioHeader(1, 4, 0, 1000, 64, 16), expected, 1200);
    }

    [Fact]
    public void AChecksumIsCompletedWhereverItIs()
    {
        RandomPackets random = new(6);
        for (var i = 0; i < 1000; i++)
        {
            var packet = random.Flow(i) with { Payload = random.Bytes(random.Random.Next(1500)) };
            AssertSplit(packet.BuildPartial(), new VirtioHeader(1, 0, 0, 0, (ushort)packet.TransportOffset, packet.IsTcp ? (ushort)16 : (ushort)6),
                [NonZero(packet.Build(), packet.TransportOffset + (packet.IsTcp ? 16 : 6))], 0);
            // Any protocol: what is there before counts as part of the sum.
            var bytes = random.Bytes(random.Random.Next(40, 200));
            var start = random.Random.Next(0, 30);
            var offset = random.Random.Next(0, bytes.Length - start - 1);
            var expected = bytes.ToArray();
            System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(expected.AsSpan(start + offset), (ushort)~PlainPacket.Sum(bytes[start..]));
            AssertSplit(bytes, new VirtioHeader(1, 0, 0, 0, (ushort)start, (ushort)offset), [NonZero(expected, start + offset)], 0);
        }
    }

    [Fact]
    public void APlainPacketStaysAsItIs()
    {
        byte[] packet = [1, 2, 3];
        Assert.Equal(SplitError.None, PacketSplitter.TryPlan(packet, default, out var plan));
        Assert.Equal((1, 3, 3, 0), (plan.SegmentCount, plan.LastLength, plan.SegmentLength, plan.HeaderLength));
        AssertSplit(packet, default, [packet], 0);
        AssertSplit(packet, new VirtioHeader(VirtioHeader.DataValid, 0, 0, 0, 0, 0), [packet], 0);
    }

    [Fact]
    public void WhatCannotBeSplitIsNamed()
    {
        var tcp = new PlainPacket { Payload = new byte[3000] };
        var udp = tcp with { Protocol = 17 };
        var v6 = tcp with { Source = new byte[16], Destination = new byte[16] };
        VirtioHeader tso = new(1, 1, 40, 1000, 20, 16), tso6 = new(1, 4, 60, 1000, 40, 16), uso = new(1, 5, 28, 1000, 20, 6);
        Assert.Equal(SplitError.None, Plan(tcp, tso));
        Assert.Equal(SplitError.None, Plan(v6, tso6));
        Assert.Equal(SplitError.None, Plan(udp, uso));
        Assert.Equal(SplitError.None, Plan(tcp with { Flags = PlainPacket.Ack | PlainPacket.Cwr }, tso with { RawGsoType = 0x81 }));
        // The length of the headers is a hint.
        Assert.Equal(SplitError.None, Plan(tcp, tso with { HeaderLength = 65535 }));

        Assert.Equal(SplitError.GsoType, Plan(tcp, tso6));
        Assert.Equal(SplitError.GsoType, Plan(v6, tso));
        Assert.Equal(SplitError.GsoType, Plan(tcp, uso));
        Assert.Equal(SplitError.GsoType, Plan(udp, tso));
        Assert.Equal(SplitError.GsoType, Plan(udp, uso with { RawGsoType = 0x85 }));
        Assert.Equal(SplitError.GsoType, Plan(udp, uso with { RawGsoType = 3 }));
        Assert.Equal(SplitError.GsoType, Plan(tcp, tso with { RawGsoType = 0x80 }));
        Assert.Equal(SplitError.GsoSize, Plan(tcp, tso with { GsoSize = 0 }));
        Assert.Equal(SplitError.TooManySegments, Plan(tcp, tso with { GsoSize = 23 }));
        Assert.Equal(SplitError.None, Plan(tcp, tso with { GsoSize = 24 }));
        Assert.Equal(SplitError.Checksum, Plan(tcp, tso with { ChecksumStart = 24 }));
        Assert.Equal(SplitError.Checksum, Plan(tcp, tso with { ChecksumOffset = 6 }));
        Assert.Equal(SplitError.Checksum, Plan(tcp, new VirtioHeader(1, 0, 0, 0, 3000, 39)));
        Assert.Equal(SplitError.None, Plan(tcp, new VirtioHeader(1, 0, 0, 0, 3000, 38)));
        Assert.Equal(SplitError.Checksum, Plan(tcp, new VirtioHeader(1, 0, 0, 0, 65535, 65535)));
        Assert.Equal(SplitError.Fragment, Plan(tcp with { Fragment = 0x2000 }, tso));
        Assert.Equal(SplitError.Fragment, Plan(tcp with { Fragment = 1 }, tso));
        Assert.Equal(SplitError.Fragment, Plan(v6 with { IpOptions = [6, 0, 0, 1, 0, 0, 0, 0], FirstExtension = 44 }, tso6));
        foreach (var flag in new[] { PlainPacket.Syn, PlainPacket.Rst, PlainPacket.Urg })
            Assert.Equal(SplitError.Flags, Plan(tcp with { Flags = (byte)(PlainPacket.Ack | flag) }, tso));
        Assert.Equal(SplitError.Length, PacketSplitter.TryPlan([], default, out _));
        foreach (var packet in new[] { tcp, v6 })
        {
            var bytes = packet.BuildPartial();
            for (var length = 1; length < bytes.Length; length++)
                Assert.Equal(SplitError.Length, PacketSplitter.TryPlan(bytes.AsSpan(0, length), packet.IsV6 ? tso6 : tso, out _));
        }
    }

    [Fact]
    public void RoomThatIsTooSmallIsRefused()
    {
        var packet = new PlainPacket { Payload = new byte[3000] }.BuildPartial();
        PacketSplitter.TryPlan(packet, new VirtioHeader(1, 1, 40, 1000, 20, 16), out var plan);
        Assert.Equal(2 * 1056 + 16 + 1040, plan.RequiredRoom(16, 1056));
        Assert.Throws<ArgumentException>(() => plan.Expand(new byte[8000], 16, 1055));
        Assert.Throws<ArgumentException>(() => plan.Expand(new byte[plan.RequiredRoom(16, 1056) - 1], 16, 1056));
        Assert.Throws<ArgumentOutOfRangeException>(() => plan.Expand(new byte[8000], -1, 1056));
    }

    [Fact]
    public void RandomBytesNeverReachOutside()
    {
        RandomPackets random = new(7);
        using GuardedMemory memory = new(300_000);
        var planned = 0;
        for (var i = 0; i < 30_000; i++)
        {
            var size = random.Random.Next(1, 300);
            var super = Super(random, i, random.Chance(50), random.Chance(50), size);
            var packet = random.Chance(20) ? random.Bytes(random.Random.Next(1, 400)) : super.BuildPartial();
            var header = Header(super, size, random);
            if (random.Chance(20))
                header = VirtioHeader.Read(random.Bytes(VirtioHeader.Size));
            for (var damage = random.Random.Next(3); damage > 0; damage--)
                packet[random.Random.Next(Math.Min(packet.Length, 70))] = (byte)random.Random.Next(256);
            if (random.Chance(20))
                packet = packet[..random.Random.Next(1, packet.Length + 1)];
            packet.CopyTo(memory.Last(packet.Length));
            if (PacketSplitter.TryPlan(memory.Last(packet.Length), header, out var plan) != SplitError.None)
                continue;
            planned++;
            var stride = Headroom + plan.SegmentLength;
            var room = plan.RequiredRoom(Headroom, stride);
            var span = memory.Last(Math.Max(room, Headroom + packet.Length));
            packet.CopyTo(span[Headroom..]);
            plan.Expand(span, Headroom, stride);
        }

        Assert.True(planned > 5000, $"only {planned} were planned");
    }

    internal static PlainPacket Super(RandomPackets random, int number, bool tcp, bool v6, int size)
    {
        var flow = random.Flow(number, tcp, v6);
        if (random.Chance(30))
            flow = flow with { IpOptions = v6 ? [flow.Protocol, 0, 1, 4, 0, 0, 0, 0] : random.Bytes(random.Random.Next(1, 11) * 4) };
        var flags = PlainPacket.Ack;
        foreach (var flag in new[] { PlainPacket.Fin, PlainPacket.Psh, PlainPacket.Ece, PlainPacket.Cwr })
        {
            if (random.Chance(30))
                flags |= flag;
        }

        var room = Math.Min(65535 - flow.HeaderLength, size * PacketSplitter.MaxSegments);
        return flow with
        {
            Flags = flags,
            Fragment = (ushort)(flow.Fragment & 0x4000),
            Payload = random.Bytes(random.Random.Next(1, random.Chance(20) ? room + 1 : Math.Min(room + 1, 5 * size))),
        };
    }

    internal static VirtioHeader Header(PlainPacket packet, int size, RandomPackets random) => new(
        VirtioHeader.NeedsChecksum,
        (byte)(packet.IsTcp ? (packet.IsV6 ? 4 : 1) | (packet.Flags & PlainPacket.Cwr) : 5),
        (ushort)(random.Chance(50) ? packet.HeaderLength : random.Random.Next(65536)),
        (ushort)size,
        (ushort)packet.TransportOffset,
        packet.IsTcp ? (ushort)16 : (ushort)6);

    static SplitError Plan(PlainPacket packet, VirtioHeader header) => PacketSplitter.TryPlan(packet.BuildPartial(), header, out _);

    static byte[] NonZero(byte[] packet, int at)
    {
        if (packet[at] == 0 && packet[at + 1] == 0)
            packet[at] = packet[at + 1] = 0xff;
        return packet;
    }

    static void AssertSplit(PlainPacket packet, VirtioHeader header, List<byte[]> expected, int stride) =>
        AssertSplit(packet.BuildPartial(), header, expected, stride);

    static void AssertSplit(byte[] packet, VirtioHeader header, List<byte[]> expected, int stride)
    {
        Assert.Equal(SplitError.None, PacketSplitter.TryPlan(packet, header, out var plan));
        Assert.Equal(expected.Count, plan.SegmentCount);
        Assert.Equal(expected[0].Length, plan.SegmentLength);
        var buffer = new byte[Math.Max(plan.RequiredRoom(Headroom, stride), Headroom + packet.Length)];
        buffer.AsSpan(0, Headroom).Fill(0xa5);
        packet.CopyTo(buffer, Headroom);
        plan.Expand(buffer, Headroom, stride);
        Assert.All(buffer.AsSpan(0, Headroom).ToArray(), b => Assert.Equal(0xa5, b));
        for (var i = 0; i < expected.Count; i++)
        {
            Assert.Equal(expected[i].Length, plan.LengthOf(i));
            Assert.True(expected[i].AsSpan().SequenceEqual(buffer.AsSpan(i * stride + Headroom, expected[i].Length)), $"segment {i} of {expected.Count}");
        }
    }
}
