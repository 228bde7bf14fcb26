using System.Buffers.Binary;
using System.Net;

namespace Mesh.Tests.Kit;

/// <summary>Builds inner IP packets for tests: right lengths and addresses, IPv4 header checksum; transport checksums are left zero.</summary>
public static class IpPackets
{
    public const byte Fin = 1, Syn = 2, Rst = 4, Ack = 16;

    public static byte[] Udp(string source, int sourcePort, string destination, int destinationPort, int payload = 8)
    {
        var segment = new byte[8 + payload];
        Ports(segment, sourcePort, destinationPort);
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(4), (ushort)segment.Length);
        for (var i = 0; i < payload; i++)
            segment[8 + i] = (byte)i;
        return Ip(source, destination, 17, segment);
    }

    public static byte[] Tcp(string source, int sourcePort, string destination, int destinationPort, byte flags = Syn, int payload = 0)
    {
        var segment = new byte[20 + payload];
        Ports(segment, sourcePort, destinationPort);
        segment[12] = 5 << 4;
        segment[13] = flags;
        return Ip(source, destination, 6, segment);
    }

    public static byte[] Echo(string source, string destination, int id, bool reply = false, int payload = 8)
    {
        var v6 = source.Contains(':');
        var message = new byte[8 + payload];
        message[0] = (byte)(v6 ? (reply ? 129 : 128) : reply ? 0 : 8);
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(4), (ushort)id);
        return Ip(source, destination, v6 ? (byte)58 : (byte)1, message);
    }

    /// <summary>Destination unreachable about a packet: its first bytes are embedded.</summary>
    public static byte[] Unreachable(string source, string destination, byte[] about, int embedded = 28)
    {
        var v6 = source.Contains(':');
        var message = new byte[8 + Math.Min(v6 ? 48 : embedded, about.Length)];
        message[0] = (byte)(v6 ? 1 : 3);
        about.AsSpan(0, message.Length - 8).CopyTo(message.AsSpan(8));
        return Ip(source, destination, v6 ? (byte)58 : (byte)1, message);
    }

    public static byte[] Ip(string source, string destination, byte protocol, byte[] payload)
    {
        var from = IPAddress.Parse(source).GetAddressBytes();
        var to = IPAddress.Parse(destination).GetAddressBytes();
        if (from.Length == 16)
        {
            var v6 = new byte[40 + payload.Length];
            v6[0] = 0x60;
            BinaryPrimitives.WriteUInt16BigEndian(v6.AsSpan(4), (ushort)payload.Length);
            v6[6] = protocol;
            v6[7] = 64;
            from.CopyTo(v6, 8);
            to.CopyTo(v6, 24);
            payload.CopyTo(v6, 40);
            return v6;
        }

        var v4 = new byte[20 + payload.Length];
        v4[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(v4.AsSpan(2), (ushort)v4.Length);
        v4[8] = 64;
        v4[9] = protocol;
        from.CopyTo(v4, 12);
        to.CopyTo(v4, 16);
        payload.CopyTo(v4, 20);
        Checksum(v4);
        return v4;
    }

    /// <summary>Makes an IPv4 packet a fragment: offset in bytes, a multiple of 8.</summary>
    public static byte[] Fragment(byte[] packet, int offset, bool more, ushort id)
    {
        var copy = packet.ToArray();
        BinaryPrimitives.WriteUInt16BigEndian(copy.AsSpan(4), id);
        BinaryPrimitives.WriteUInt16BigEndian(copy.AsSpan(6), (ushort)(offset / 8 | (more ? 0x2000 : 0)));
        Checksum(copy);
        return copy;
    }

    static void Ports(byte[] segment, int source, int destination)
    {
        BinaryPrimitives.WriteUInt16BigEndian(segment, (ushort)source);
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(2), (ushort)destination);
    }

    /// <summary>Makes the checksum of an IPv4 header right.</summary>
    public static void Checksum(byte[] v4)
    {
        v4[10] = v4[11] = 0;
        uint sum = 0;
        for (var i = 0; i < 20; i += 2)
            sum += BinaryPrimitives.ReadUInt16BigEndian(v4.AsSpan(i));
        while (sum >> 16 != 0)
            sum = (sum & 0xffff) + (sum >> 16);
        BinaryPrimitives.WriteUInt16BigEndian(v4.AsSpan(10), (ushort)~sum);
    }
}
