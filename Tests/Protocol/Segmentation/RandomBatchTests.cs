using Mesh.Protocol.Segmentation;
using Mesh.Tests.Kit;

namespace Mesh.Tests.Protocol.Segmentation;

/// <summary>Thousands of random batches against the plain merger, round trips, bytes that are no packets, and allocation.</summary>
public sealed unsafe class RandomBatchTests
{
    static int Times(int count) => Requirements.Full ? 10 * count : count;

    readonly PacketCoalescer _coalescer = new(256, coalesceTcp: true, coalesceUdp: true);

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void GroupsAreThoseOfThePlainMerger(bool tcp, bool udp)
    {
        PacketCoalescer coalescer = new(256, tcp, udp);
        var merged = 0;
        for (var seed = 0; seed < Times(300); seed++)
        {
            var batch = RandomBatch(new RandomPackets(seed));
            var packets = batch.Select(Bytes).ToList();
            coalescer.Clear();
            var groups = new CoalescerBatch(coalescer, packets).Groups();
            Assert.Equal(SlowMerger.Merge(batch, tcp, udp), groups.Select(g => g.Packets));
            foreach (var (header, _, members) in groups.Where(g => g.Packets.Count == 1))
                Assert.Equal(default, header);
            merged += groups.Count(g => g.Packets.Count > 1);
            // Damaged packets arrive damaged, so that the plain builder does not know them.
            if (batch.TrueForAll(p => p.Right))
                PacketCoalescerTests.AssertReceived(batch.Select(p => p.Packet).ToList(), groups);
            else
                AssertBytes(batch, packets, groups);
        }

        Assert.True(merged > 300, $"only {merged} groups");
    }

    [Fact]
    public void WhatIsSplitComesTogetherAgain()
    {
        RandomPackets random = new(5);
        var buffer = GC.AllocateArray<byte>(400_000, pinned: true);
        fixed (byte* start = buffer)
        {
            for (var i = 0; i < Times(400); i++)
            {
                var (tcp, v6) = (random.Chance(50), random.Chance(50));
                var size = random.Random.Next(100, 1500);
                var packet = PacketSplitterTests.Super(random, i, tcp, v6, size) with { IpOptions = [] };
                packet = packet with { Flags = (byte)(packet.Flags & ~(PlainPacket.Fin | PlainPacket.Cwr)) };
                if (packet.Payload.Length > 64 * size)
                    packet = packet with { Payload = packet.Payload[..(64 * size)] };
                var bytes = packet.BuildPartial();
                bytes.CopyTo(buffer, 16);
                Assert.Equal(SplitError.None, PacketSplitter.TryPlan(bytes, PacketSplitterTests.Header(packet, size, random), out var plan));
                var stride = 16 + plan.SegmentLength + 32;
                plan.Expand(buffer, 16, stride);
                _coalescer.Clear();
                for (var s = 0; s < plan.SegmentCount; s++)
                    Assert.True(_coalescer.Add((nint)start + s * stride + 16, plan.LengthOf(s)));
                Assert.Equal(1, _coalescer.Complete());
                var group = _coalescer[0];
                List<byte> written = [];
                foreach (var vector in group.Vectors[1..])
                    written.AddRange(new ReadOnlySpan<byte>((void*)vector.Data, (int)vector.Length));
                if (plan.SegmentCount == 1)
                {
                    Assert.Equal(packet.Build(), written);
                    continue;
                }

                Assert.Equal(bytes, written);
                Assert.Equal(size, group.Header.GsoSize);
                Assert.Equal(SplitError.None, PacketSplitter.TryPlan(written.ToArray(), group.Header, out var again));
                Assert.Equal(plan, again);
            }
        }
    }

    [Fact]
    public void RandomBytesNeverReachOutside()
    {
        RandomPackets random = new(6);
        List<GuardedMemory> memory = [];
        try
        {
            for (var i = 0; i < 32; i++)
                memory.Add(new GuardedMemory(4096));
            for (var round = 0; round < Times(600); round++)
            {
                _coalescer.Clear();
                List<byte[]> sent = [];
                List<byte[]> places = [];
                var run = RandomBatch(random).Select(Bytes).Take(32).ToList();
                for (var i = 0; i < run.Count; i++)
                {
                    var packet = random.Chance(10) ? random.Bytes(random.Random.Next(1, 120)) : run[i];
                    if (random.Chance(20))
                        packet[random.Random.Next(Math.Min(packet.Length, 70))] = (byte)random.Random.Next(256);
                    if (random.Chance(20))
                        packet = packet[..random.Random.Next(1, packet.Length + 1)];
                    if (packet.Length > 4096)
                        packet = packet[..4096];
                    var place = random.Chance(50) ? memory[i].Last(packet.Length) : memory[i].First(packet.Length);
                    packet.CopyTo(place);
                    sent.Add(packet);
                    fixed (byte* at = place)
                        Assert.True(_coalescer.Add((nint)at, packet.Length));
                }

                _coalescer.Complete();
                var count = 0;
                for (var g = 0; g < _coalescer.GroupCount; g++)
                {
                    var group = _coalescer[g];
                    count += group.PacketCount;
                    List<byte> bytes = [];
                    foreach (var vector in group.Vectors[1..])
                        bytes.AddRange(new ReadOnlySpan<byte>((void*)vector.Data, (int)vector.Length));
                    Assert.Equal(group.PacketCount, CoalescerBatch.Receive(group.Header, [.. bytes]).Count);
                }

                Assert.Equal(sent.Count, count);
            }
        }
        finally
        {
            memory.ForEach(m => m.Dispose());
        }
    }

    [Fact]
    public void NothingIsAllocated()
    {
        var bytes = new PlainPacket { Payload = new byte[60_000] }.BuildPartial();
        var buffer = GC.AllocateArray<byte>(70_000, pinned: true);
        VirtioHeader header = new(VirtioHeader.NeedsChecksum, 1, 40, 1360, 20, 16);
        fixed (byte* start = buffer)
        {
            var groups = Once((nint)start);
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 1000; i++)
                groups += Once((nint)start);
            var after = GC.GetAllocatedBytesForCurrentThread();
            Assert.Equal(1001, groups);
            Assert.Equal(0, after - before);
        }

        int Once(nint start)
        {
            bytes.CopyTo(buffer, 16);
            if (PacketSplitter.TryPlan(buffer.AsSpan(16, bytes.Length), header, out var plan) != SplitError.None)
                return 0;
            plan.Expand(buffer, 16, 1456);
            _coalescer.Clear();
            for (var i = 0; i < plan.SegmentCount; i++)
                _coalescer.Add(start + 16 + i * 1456, plan.LengthOf(i));
            var count = _coalescer.Complete();
            return _coalescer[0].Vectors.Length == plan.SegmentCount + 1 ? count : 0;
        }
    }

    /// <summary>A few flows whose packets come in runs, now and then with a difference, a packet of another kind, a fragment, or damage.</summary>
    static List<(PlainPacket Packet, bool Right)> RandomBatch(RandomPackets random)
    {
        var flows = Enumerable.Range(0, random.Random.Next(1, 9)).Select(i => random.Flow(i)).ToArray();
        var sizes = flows.Select(_ => random.Random.Next(1, 1400)).ToArray();
        var oddity = random.Random.Next(3) * 8;
        List<(PlainPacket, bool)> batch = [];
        var count = random.Random.Next(1, 256);
        while (batch.Count < count)
        {
            var i = random.Random.Next(flows.Length);
            for (var run = random.Random.Next(1, 12); run > 0 && batch.Count < count; run--)
            {
                var length = random.Chance(oddity / 2) ? random.Random.Next(1, sizes[i] + 2) : sizes[i];
                var packet = flows[i] with { Payload = random.Bytes(length) };
                var right = true;
                if (random.Chance(oddity))
                    packet = Vary(packet, random);
                if (random.Chance(oddity / 4))
                    right = false;
                batch.Add((packet, right || SlowMerger.IsOdd(packet)));
                flows[i] = flows[i] with
                {
                    Identification = (ushort)(flows[i].Identification + 1),
                    Sequence = flows[i].Sequence + (uint)packet.Payload.Length,
                };
            }
        }

        return batch;
    }

    static PlainPacket Vary(PlainPacket packet, RandomPackets random) => random.Random.Next(14) switch
    {
        0 => packet with { Sequence = packet.Sequence + (uint)random.Random.Next(-2, 3) },
        1 => packet with { Acknowledgement = packet.Acknowledgement + 1 },
        2 => packet with { Window = (ushort)(packet.Window + 1) },
        3 => packet with { Flags = packet.IsTcp ? (byte)random.Random.Next(256) : packet.Flags },
        4 or 5 => packet with { Flags = PlainPacket.Ack | PlainPacket.Psh },
        6 => packet with { HopLimit = (byte)(packet.HopLimit + 1) },
        7 => packet with { TrafficClass = (byte)(packet.TrafficClass ^ 1) },
        8 => packet with { Payload = [] },
        9 => packet with { IpOptions = packet.IsV6 ? [packet.Protocol, 0, 1, 4, 0, 0, 0, 0] : [1, 1, 1, 0] },
        10 => packet.IsV6 ? packet with { FlowLabel = packet.FlowLabel ^ 1 } : packet with { Fragment = (ushort)(packet.Fragment ^ 0x4000) },
        11 => packet.IsV6 ? packet : packet with { Fragment = (ushort)(random.Chance(50) ? 0x2000 : random.Random.Next(1, 0x2000)) },
        12 => packet with { TcpOptions = packet.IsTcp ? random.Bytes(packet.TcpOptions.Length) : [] },
        _ => packet with { ZeroChecksum = !packet.IsTcp },
    };

    static byte[] Bytes((PlainPacket Packet, bool Right) packet)
    {
        var bytes = packet.Packet.Build();
        if (!packet.Right)
            bytes[packet.Packet.TransportOffset + (packet.Packet.IsTcp ? 16 : 6)] ^= 0x10;
        return bytes;
    }

    static void AssertBytes(
        List<(PlainPacket Packet, bool Right)> batch, List<byte[]> sent, List<(VirtioHeader Header, byte[] Bytes, List<int> Packets)> groups)
    {
        foreach (var (header, bytes, packets) in groups)
        {
            foreach (var (index, segment) in packets.Zip(CoalescerBatch.Receive(header, bytes)))
            {
                var expected = sent[index];
                var first = batch[index].Packet.IsV6 ? 6 : batch[index].Packet.Fragment == 0x4000 && packets.Count > 1 ? 12 : 0;
                Assert.True(expected.AsSpan(first).SequenceEqual(segment.AsSpan(first)), $"packet {index}");
            }
        }
    }
}
