namespace Mesh.Tests.Protocol.Segmentation;

/// <summary>Seeded random packets.</summary>
sealed class RandomPackets(int seed)
{
    public Random Random { get; } = new(seed);

    public bool Chance(int percent) => Random.Next(100) < percent;

    public byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        // Runs of 0x00 and 0xff exercise the carries.
        switch (Random.Next(6))
        {
            case 0:
                break;
            case 1:
                bytes.AsSpan().Fill(0xff);
                break;
            default:
                Random.NextBytes(bytes);
                break;
        }

        return bytes;
    }

    /// <summary>The fields that all packets of a flow share; flows with different numbers differ.</summary>
    public PlainPacket Flow(int number, bool? tcp = null, bool? v6 = null)
    {
        var isTcp = tcp ?? Chance(60);
        byte[] source, destination;
        if (v6 ?? Chance(50))
        {
            source = [0xfd, .. new byte[14], 1];
            destination = [0xfd, .. new byte[14], (byte)(2 + number % 3)];
        }
        else
        {
            source = [10, 7, 0, 1];
            destination = [10, 7, 0, (byte)(2 + number % 3)];
        }

        return new PlainPacket
        {
            Source = source,
            Destination = destination,
            Protocol = isTcp ? (byte)6 : (byte)17,
            SourcePort = (ushort)(1000 + number),
            DestinationPort = (ushort)Random.Next(1, 3),
            TrafficClass = (byte)Random.Next(256),
            FlowLabel = (uint)Random.Next(1 << 20),
            HopLimit = (byte)Random.Next(1, 256),
            Identification = (ushort)Random.Next(65536),
            Fragment = Chance(70) ? (ushort)0x4000 : (ushort)0,
            Sequence = Chance(20) ? uint.MaxValue - (uint)Random.Next(20000) : (uint)Random.NextInt64(1L << 32),
            Acknowledgement = (uint)Random.NextInt64(1L << 32),
            Window = (ushort)Random.Next(65536),
            TcpOptions = isTcp ? Bytes(Chance(60) ? 12 : Random.Next(11) * 4) : [],
        };
    }
}
