using Mesh.Protocol.Segmentation;

namespace Mesh.Tests.Protocol.Segmentation;

public sealed class TcpMssTests
{
    static readonly PlainPacket Syn = new() { Flags = PlainPacket.Syn, TcpOptions = Mss(1460) };
    static readonly PlainPacket Syn6 = Syn with { Source = [0xfd, .. new byte[15]], Destination = [0xfd, .. new byte[14], 1] };

    [Theory]
    [InlineData(1460, 1420, 1380, 1360)]
    [InlineData(65535, 1280, 1240, 1220)]
    [InlineData(1380, 1420, 1380, 1360)]
    [InlineData(1000, 1420, 1000, 1000)]
    [InlineData(1460, 100_000, 1460, 1460)]
    public void IsLoweredToWhatFits(int before, int mtu, int v4, int v6)
    {
        foreach (var flags in new[] { PlainPacket.Syn, PlainPacket.Syn | PlainPacket.Ack })
        {
            AssertClamped(Syn with { Flags = (byte)flags }, before, mtu, v4);
            AssertClamped(Syn6 with { Flags = (byte)flags }, before, mtu, v6);
        }

        AssertClamped(Syn with { IpOptions = [1, 1, 1, 0] }, before, mtu, v4);
        AssertClamped(Syn6 with { IpOptions = [6, 0, 1, 4, 0, 0, 0, 0] }, before, mtu, v6);
    }

    [Fact]
    public void TheChecksumFollowsWhereverTheOptionStands()
    {
        RandomPackets random = new(1);
        for (var i = 0; i < 5000; i++)
        {
            var flow = random.Flow(i, tcp: true) with { Flags = PlainPacket.Syn, Payload = random.Bytes(random.Random.Next(20)) };
            var value = random.Random.Next(65536);
            var mtu = random.Random.Next(576, 2000);
            var limit = Math.Min(value, mtu - (flow.IsV6 ? 60 : 40));
            byte[] before = [.. Enumerable.Repeat((byte)1, random.Random.Next(8)), .. random.Chance(50) ? new byte[] { 3, 3, 7 } : []];
            byte[] after = new byte[(8 - before.Length % 4) % 4];
            AssertClamp(
                (flow with { TcpOptions = [.. before, .. Mss(value), .. after] }).Build(),
                (flow with { TcpOptions = [.. before, .. Mss(limit), .. after] }).Build(),
                mtu);
        }
    }

    [Fact]
    public void EverythingElseIsLeftAlone()
    {
        foreach (var packet in new[]
        {
            Syn with { Flags = PlainPacket.Ack },
            Syn with { Fragment = 1 },
            Syn with { TcpOptions = [] },
            Syn with { TcpOptions = [0, 2, 4, 255] },
            Syn with { TcpOptions = [2, 3, 255, 0] },
            Syn with { TcpOptions = [2, 6, 255, 255] },
            Syn with { TcpOptions = [3, 0, 2, 4] },
            Syn with { TcpOptions = [1, 1, 1, 2] },
            Syn with { TcpOptions = [1, 1, 2, 4] },
            Syn with { TcpOptions = [5, 9, 2, 4, 255, 255, 0, 0] },
            Syn with { Protocol = 17, TcpOptions = [], Payload = [0, 0, 0, 0, 0x60, 2, 0, 0, 0, 0, 0, 0, 2, 4, 255, 255] },
        })
        {
            var bytes = packet.Build();
            AssertClamp(bytes, bytes, 1000);
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => TcpMss.Clamp(Syn.Build(), 67));
    }

    [Fact]
    public void RandomBytesNeverReachOutside()
    {
        RandomPackets random = new(2);
        using GuardedMemory memory = new(4096);
        for (var i = 0; i < 50_000; i++)
        {
            var flow = random.Flow(i, tcp: true) with { Flags = PlainPacket.Syn };
            var options = Mss(9000).Concat(random.Bytes(16)).ToArray();
            random.Random.Shuffle(options);
            var bytes = (flow with { TcpOptions = options }).Build();
            bytes[random.Random.Next(bytes.Length)] = (byte)random.Random.Next(256);
            bytes = bytes[..random.Random.Next(1, bytes.Length + 1)];
            var span = memory.Last(bytes.Length);
            bytes.CopyTo(span);
            if (!TcpMss.Clamp(span, 1280))
                Assert.True(span.SequenceEqual(bytes));
        }

        Assert.False(TcpMss.Clamp([], 1280));
    }

    static byte[] Mss(int value) => [2, 4, (byte)(value >> 8), (byte)value];

    static void AssertClamped(PlainPacket syn, int before, int mtu, int after) =>
        AssertClamp((syn with { TcpOptions = Mss(before) }).Build(), (syn with { TcpOptions = Mss(after) }).Build(), mtu);

    static void AssertClamp(byte[] packet, byte[] expected, int mtu)
    {
        var bytes = packet.ToArray();
        Assert.Equal(!packet.AsSpan().SequenceEqual(expected), TcpMss.Clamp(bytes, mtu));
        Assert.Equal(expected, bytes);
    }
}
