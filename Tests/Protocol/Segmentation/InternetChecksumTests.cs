using Mesh.Protocol.Segmentation;

namespace Mesh.Tests.Protocol.Segmentation;

public sealed class InternetChecksumTests
{
    [Fact]
    public void TheExampleOfRfc1071()
    {
        var sum = InternetChecksum.Add([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7], 0);
        Assert.Equal(0xddf2, InternetChecksum.Fold(sum));
        Assert.Equal(0x220d, InternetChecksum.Finish(sum));
    }

    [Fact]
    public void EveryLengthAtBothEndsOfItsMemory()
    {
        RandomPackets random = new(1);
        using GuardedMemory memory = new(70_000);
        using GuardedMemory target = new(70_000);
        foreach (var length in Enumerable.Range(0, 700).Concat([1368, 1420, 1421, 9000, 65535]))
        {
            var bytes = random.Bytes(length);
            var seed = (ulong)random.Random.NextInt64(1L << 40);
            var expected = PlainPacket.Sum(bytes, [.. BitConverter.GetBytes(seed)]);
            foreach (var place in new[] { 0, 1 })
            {
                var span = place == 0 ? memory.First(length) : memory.Last(length);
                bytes.CopyTo(span);
                Assert.Equal(expected, InternetChecksum.Fold(InternetChecksum.Add(span, seed)));
                var copy = place == 0 ? target.First(length) : target.Last(length);
                Assert.Equal(expected, InternetChecksum.Fold(InternetChecksum.AddCopy(span, copy, seed)));
                Assert.True(copy.SequenceEqual(bytes));
            }
        }
    }

    [Fact]
    public void ACopyMayOverlapItsSourceFromAbove()
    {
        RandomPackets random = new(2);
        for (var i = 0; i < 3000; i++)
        {
            var length = random.Random.Next(2000);
            var distance = random.Random.Next(1, 200);
            var buffer = random.Bytes(length + distance + 8);
            var bytes = buffer.AsSpan(0, length).ToArray();
            var below = buffer.AsSpan(0, Math.Min(distance, length)).ToArray();
            var above = buffer.AsSpan(length + distance).ToArray();
            var sum = InternetChecksum.AddCopy(buffer.AsSpan(0, length), buffer.AsSpan(distance), 0);
            Assert.Equal(PlainPacket.Sum(bytes), InternetChecksum.Fold(sum));
            Assert.Equal(bytes, buffer.AsSpan(distance, length).ToArray());
            Assert.Equal(below, buffer.AsSpan(0, below.Length).ToArray());
            Assert.Equal(above, buffer.AsSpan(length + distance).ToArray());
        }
    }

    [Fact]
    public void ACopyDownwardsOrIntoTooLittleIsRefused()
    {
        var buffer = new byte[100];
        Assert.Throws<ArgumentException>(() => InternetChecksum.AddCopy(buffer.AsSpan(10, 50), buffer, 0));
        Assert.Throws<ArgumentException>(() => InternetChecksum.AddCopy(buffer, buffer.AsSpan(1), 0));
    }

    [Fact]
    public void PseudoHeaders()
    {
        RandomPackets random = new(3);
        for (var i = 0; i < 200; i++)
        {
            var flow = random.Flow(i);
            var length = random.Random.Next(65536);
            byte[] addresses = [.. flow.Source, .. flow.Destination];
            Assert.Equal(
                PlainPacket.Sum(flow.PseudoHeader(length)),
                InternetChecksum.Fold(InternetChecksum.AddPseudoHeader(addresses, flow.Protocol, length, 0)));
        }
    }
}
