using Mesh.Protocol.Routing;

namespace Mesh.Tests.Protocol.Routing;

public sealed class IpPacketTests
{
    static byte[] IPv4(byte protocol, byte[] payload, int options = 0, ushort fragment = 0)
    {
        var header = 20 + options;
        var packet = new byte[header + payload.Length];
        packet[0] = (byte)(0x40 | (header / 4));
        packet[2] = (byte)(packet.Length >> 8);
        packet[3] = (byte)packet.Length;
        packet[6] = (byte)(fragment >> 8);
        packet[7] = (byte)fragment;
        packet[9] = protocol;
        new byte[] { 10, 0, 0, 1, 10, 0, 0, 2 }.CopyTo(packet, 12);
        payload.CopyTo(packet, header);
        return packet;
    }

    static byte[] IPv6(byte next, byte[] payload)
    {
        var packet = new byte[40 + payload.Length];
        packet[0] = 0x60;
        packet[4] = (byte)(payload.Length >> 8);
        packet[5] = (byte)payload.Length;
        packet[6] = next;
        packet[8] = 0xfd;
        packet[23] = 1;
        packet[24] = 0xfd;
        packet[39] = 2;
        payload.CopyTo(packet, 40);
        return packet;
    }

    [Fact]
    public void IPv4_with_padding_options_and_ports()
    {
        byte[] bytes = [.. IPv4(IpPacket.Udp, [0x30, 0x39, 0, 53, 0, 9, 0, 0, 1], options: 4), 0, 0, 0];
        Assert.Equal(IpPacketError.None, IpPacket.TryRead(bytes, out var packet));
        Assert.Equal(4, packet.Version);
        Assert.Equal(33, packet.TotalLength);
        Assert.Equal(IpPacket.Udp, packet.Protocol);
        Assert.Equal([10, 0, 0, 1], packet.Source.ToArray());
        Assert.Equal([10, 0, 0, 2], packet.Destination.ToArray());
        Assert.Equal(12345, packet.SourcePort);
        Assert.Equal(53, packet.DestinationPort);
        Assert.Equal(9, packet.Payload.Length);
        Assert.False(packet.IsFragment);
    }

    [Fact]
    public void A_later_fragment_has_no_ports()
    {
        Assert.Equal(IpPacketError.None, IpPacket.TryRead(IPv4(IpPacket.Tcp, new byte[24], fragment: 0x2000), out var first));
        Assert.True(first.IsFragment && first.IsFirstFragment && first.HasPorts);
        Assert.Equal(IpPacketError.None, IpPacket.TryRead(IPv4(IpPacket.Tcp, new byte[24], fragment: 0x0010), out var later));
        Assert.True(later.IsFragment && !later.IsFirstFragment && !later.HasPorts);
        Assert.Equal(0, later.SourcePort);
        Assert.Equal(IpPacketError.None, IpPacket.TryRead(IPv4(IpPacket.Tcp, new byte[24], fragment: 0x4000), out var whole));
        Assert.False(whole.IsFragment);
    }

    [Fact]
    public void IPv6_extension_headers_are_followed()
    {
        byte[] hopByHop = [60, 0, 0, 0, 0, 0, 0, 0];
        byte[] destination = [44, 1, .. new byte[14]];
        byte[] fragment = [IpPacket.Tcp, 0, 0, 1, 0, 0, 0, 5];
        byte[] tcp = [0, 80, 1, 187, .. new byte[16]];
        Assert.Equal(IpPacketError.None, IpPacket.TryRead(IPv6(0, [.. hopByHop, .. destination, .. fragment, .. tcp]), out var packet));
        Assert.Equal(IpPacket.Tcp, packet.Protocol);
        Assert.Equal(80, packet.SourcePort);
        Assert.Equal(443, packet.DestinationPort);
        Assert.True(packet.IsFragment && packet.IsFirstFragment);
        Assert.Equal(16, packet.Source.Length);
        Assert.Equal(2, packet.Destination[15]);

        fragment[3] = 9;
        Assert.Equal(IpPacketError.None, IpPacket.TryRead(IPv6(0, [.. hopByHop, .. destination, .. fragment, .. tcp]), out var later));
        Assert.True(!later.IsFirstFragment && !later.HasPorts);
        Assert.Equal(IpPacketError.Length, IpPacket.TryRead(IPv6(0, [60, 9, 0, 0, 0, 0, 0, 0]), out _));
    }

    [Fact]
    public void Lengths_that_contradict_are_refused()
    {
        var v4 = IPv4(IpPacket.Udp, new byte[8]);
        Assert.Equal(IpPacketError.Truncated, IpPacket.TryRead([], out _));
        Assert.Equal(IpPacketError.Truncated, IpPacket.TryRead(v4.AsSpan(0, 19), out _));
        Assert.Equal(IpPacketError.Length, IpPacket.TryRead(v4.AsSpan(0, 27), out _));
        v4[3] = 19;
        Assert.Equal(IpPacketError.Length, IpPacket.TryRead(v4, out _));
        v4[0] = 0x44;
        Assert.Equal(IpPacketError.Length, IpPacket.TryRead(v4, out _));
        v4[0] = 0x55;
        Assert.Equal(IpPacketError.Version, IpPacket.TryRead(v4, out _));
        var v6 = IPv6(IpPacket.Udp, new byte[8]);
        Assert.Equal(IpPacketError.Truncated, IpPacket.TryRead(v6.AsSpan(0, 39), out _));
        Assert.Equal(IpPacketError.Length, IpPacket.TryRead(v6.AsSpan(0, 47), out _));
    }

    [Fact]
    public void Random_bytes_never_lead_outside_the_packet()
    {
        var random = new Random(1);
        var bytes = new byte[200];
        for (var i = 0; i < 200_000; i++)
        {
            random.NextBytes(bytes);
            bytes[0] = (byte)((random.Next(2) == 0 ? 0x40 : 0x60) | (bytes[0] & 15));
            if (random.Next(2) == 0)
                bytes[2] = bytes[4] = 0;
            bytes[6] = (byte)random.Next(64);
            if (IpPacket.TryRead(bytes.AsSpan(0, random.Next(bytes.Length)), out var packet) != IpPacketError.None)
                continue;
            Assert.InRange(packet.TotalLength, packet.PayloadOffset, bytes.Length);
            _ = packet.SourcePort + packet.DestinationPort + packet.Source.Length + packet.Destination.Length + packet.Payload.Length;
        }
    }
}
