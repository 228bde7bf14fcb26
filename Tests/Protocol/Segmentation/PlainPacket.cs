using System.Buffers.Binary;

namespace Mesh.Tests.Protocol.Segmentation;

/// <summary>A TCP or UDP packet field by field, written and read the slow and obvious way: the reference for the fast code.</summary>
sealed record PlainPacket
{
    public const byte Fin = 1, Syn = 2, Rst = 4, Psh = 8, Ack = 16, Urg = 32, Ece = 64, Cwr = 128;

    public byte[] Source { get; init; } = [10, 7, 0, 1];

    public byte[] Destination { get; init; } = [10, 7, 0, 2];

    public byte Protocol { get; init; } = 6;

    public ushort SourcePort { get; init; } = 5001;

    public ushort DestinationPort { get; init; } = 443;

    public byte TrafficClass { get; init; }

    public uint FlowLabel { get; init; }

    public byte HopLimit { get; init; } = 64;

    public ushort Identification { get; init; }

    /// <summary>Flags and offset of an IPv4 fragment, as they stand in the header: 0x4000 is DF.</summary>
    public ushort Fragment { get; init; } = 0x4000;

    /// <summary>IPv4 options, or IPv6 extension headers whose last names the transport.</summary>
    public byte[] IpOptions { get; init; } = [];

    /// <summary>Number of the first extension header.</summary>
    public byte FirstExtension { get; init; } = 60;

    public uint Sequence { get; init; }

    public uint Acknowledgement { get; init; }

    public byte Flags { get; init; } = Ack;

    public byte Reserved { get; init; }

    public ushort Window { get; init; } = 500;

    public ushort Urgent { get; init; }

    public byte[] TcpOptions { get; init; } = [];

    public byte[] Payload { get; init; } = [];

    public bool ZeroChecksum { get; init; }

    public bool IsV6 => Source.Length == 16;

    public bool IsTcp => Protocol == 6;

    public int TransportOffset => (IsV6 ? 40 : 20) + IpOptions.Length;

    public int HeaderLength => TransportOffset + (IsTcp ? 20 + TcpOptions.Length : 8);

    public string Flow => $"{Convert.ToHexString(Source)}:{SourcePort}>{Convert.ToHexString(Destination)}:{DestinationPort}/{Protocol}";

    /// <summary>The ones' complement sum, one word after the other.</summary>
    public static ushort Sum(params byte[][] parts)
    {
        ulong sum = 0;
        foreach (var part in parts)
        {
            for (var i = 0; i < part.Length; i++)
                sum += i % 2 == 0 ? (ulong)part[i] << 8 : part[i];
        }

        while (sum > 0xffff)
            sum = (sum >> 16) + (sum & 0xffff);
        return (ushort)sum;
    }

    public byte[] PseudoHeader(int length) => [.. Source, .. Destination, 0, Protocol, (byte)(length >> 16 & 255), 0, (byte)(length >> 8), (byte)length];

    public byte[] Build()
    {
        var transport = Transport();
        if (!ZeroChecksum)
        {
            var checksum = (ushort)~Sum(PseudoHeader(transport.Length), transport);
            Put(transport, IsTcp ? 16 : 6, !IsTcp && checksum == 0 ? 0xffff : checksum);
        }

        return [.. Header(transport.Length), .. transport];
    }

    /// <summary>The packet as a kernel hands it to a device that completes checksums: the field holds the sum of the pseudo header.</summary>
    public byte[] BuildPartial()
    {
        var transport = Transport();
        Put(transport, IsTcp ? 16 : 6, Sum(PseudoHeader(transport.Length)));
        return [.. Header(transport.Length), .. transport];
    }

    /// <summary>Cuts the payload as RFC 9293 and RFC 3168 would have it, one packet after the other.</summary>
    public IEnumerable<PlainPacket> Segments(int size)
    {
        var count = Math.Max(1, (Payload.Length + size - 1) / size);
        for (var i = 0; i < count; i++)
        {
            var flags = Flags;
            if (i > 0)
                flags &= unchecked((byte)~Cwr);
            if (i < count - 1)
                flags &= unchecked((byte)~(Fin | Psh));
            yield return this with
            {
                Identification = (ushort)(Identification + i),
                Sequence = Sequence + (uint)(i * size),
                Flags = flags,
                Payload = Payload.Skip(i * size).Take(size).ToArray(),
            };
        }
    }

    byte[] Transport()
    {
        if (!IsTcp)
        {
            byte[] datagram = [0, 0, 0, 0, 0, 0, 0, 0, .. Payload];
            Put(datagram, 0, SourcePort);
            Put(datagram, 2, DestinationPort);
            Put(datagram, 4, datagram.Length);
            return datagram;
        }

        byte[] segment = [.. new byte[20], .. TcpOptions, .. Payload];
        Put(segment, 0, SourcePort);
        Put(segment, 2, DestinationPort);
        BinaryPrimitives.WriteUInt32BigEndian(segment.AsSpan(4), Sequence);
        BinaryPrimitives.WriteUInt32BigEndian(segment.AsSpan(8), Acknowledgement);
        segment[12] = (byte)((20 + TcpOptions.Length) / 4 << 4 | Reserved);
        segment[13] = Flags;
        Put(segment, 14, Window);
        Put(segment, 18, Urgent);
        return segment;
    }

    byte[] Header(int length)
    {
        byte[] header;
        if (IsV6)
        {
            header = [.. new byte[8], .. Source, .. Destination, .. IpOptions];
            BinaryPrimitives.WriteUInt32BigEndian(header, 6u << 28 | (uint)TrafficClass << 20 | FlowLabel);
            Put(header, 4, IpOptions.Length + length);
            header[6] = IpOptions.Length == 0 ? Protocol : FirstExtension;
            header[7] = HopLimit;
            return header;
        }

        header = [.. new byte[12], .. Source, .. Destination, .. IpOptions];
        header[0] = (byte)(0x40 | header.Length / 4);
        header[1] = TrafficClass;
        Put(header, 2, header.Length + length);
        Put(header, 4, Identification);
        Put(header, 6, Fragment);
        header[8] = HopLimit;
        header[9] = Protocol;
        Put(header, 10, ~Sum(header));
        return header;
    }

    static void Put(byte[] bytes, int at, int value) => BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(at), (ushort)value);
}
