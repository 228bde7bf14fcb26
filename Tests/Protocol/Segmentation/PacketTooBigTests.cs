using System.Net;
using Mesh.Protocol.Filter;
using Mesh.Protocol.Segmentation;
using Mesh.Tests.Kit;

namespace Mesh.Tests.Protocol.Segmentation;

public sealed class PacketTooBigTests
{
    const string Us = "10.7.0.1", Them = "10.7.0.2", Router = "10.7.0.9", Us6 = "fd00::1", Them6 = "fd00::2", Router6 = "fd00::9";

    [Theory]
    [InlineData(28)]
    [InlineData(1420)]
    public void AnIPv4SenderIsToldTheMtu(int length)
    {
        var packet = IpPackets.Udp(Us, 1, Them, 2, length - 28);
        var message = Write(packet, Router, 1380);
        Assert.Equal(Math.Min(576, 28 + length), message.Length);
        Assert.Equal(0xffff, PlainPacket.Sum(message[..20]));
        Assert.Equal(0xffff, PlainPacket.Sum(message[20..]));
        Assert.Equal(message.Length, message[2] << 8 | message[3]);
        Assert.Equal([3, 4], message[20..22]);
        Assert.Equal([0, 0, 1380 >> 8, 1380 & 255], message[24..28]);
        AssertAddressed(message, Router, Us, packet);
    }

    [Theory]
    [InlineData(48)]
    [InlineData(1420)]
    public void AnIPv6SenderIsToldTheMtu(int length)
    {
        var packet = IpPackets.Udp(Us6, 1, Them6, 2, length - 48);
        var message = Write(packet, Router6, 1380);
        Assert.Equal(Math.Min(1280, 48 + length), message.Length);
        Assert.Equal(message.Length - 40, message[4] << 8 | message[5]);
        var icmp = message[40..];
        Assert.Equal(0xffff, PlainPacket.Sum(message[8..40], [(byte)(icmp.Length >> 8), (byte)icmp.Length, 0, 58], icmp));
        Assert.Equal([2, 0], icmp[..2]);
        Assert.Equal([0, 0, 1380 >> 8, 1380 & 255], icmp[4..8]);
        AssertAddressed(message, Router6, Us6, packet);
    }

    [Fact]
    public void SomePacketsAreNeverAnswered()
    {
        var udp = IpPackets.Udp(Us, 1, Them, 2, 1000);
        var udp6 = IpPackets.Udp(Us6, 1, Them6, 2, 1000);
        foreach (var packet in new[]
        {
            IpPackets.Unreachable(Us, Them, udp),
            IpPackets.Unreachable(Us6, Them6, udp6),
            IpPackets.Ip(Us6, Them6, 58, [137, 0, 0, 0, 0, 0, 0, 0]),
            IpPackets.Ip(Us6, Them6, 58, []),
            IpPackets.Ip(Us, Them, 1, []),
            IpPackets.Fragment(udp, 512, true, 1),
            IpPackets.Udp(Us, 1, "224.0.0.1", 2),
            IpPackets.Udp(Us, 1, "255.255.255.255", 2),
            IpPackets.Udp("0.0.0.0", 1, Them, 2),
            IpPackets.Udp("239.1.1.1", 1, Them, 2),
            IpPackets.Udp(Us6, 1, "ff02::1", 2),
            IpPackets.Udp("ff02::1", 1, Them6, 2),
            IpPackets.Udp("::", 1, Them6, 2),
            IpPackets.Ip(Us6, Them6, 44, [17, 0, 1, 0, 0, 0, 0, 1, .. new byte[64]]),
            udp[..10],
            udp[..100],
            [],
            [0x10],
        })
            Assert.Equal(0, PacketTooBig.Write(packet, IPAddress.Parse(packet is [>= 0x60 and < 0x70, ..] ? Router6 : Router).GetAddressBytes(), 1380, new byte[1280]));
    }

    [Fact]
    public void OthersAre()
    {
        foreach (var packet in new[]
        {
            IpPackets.Echo(Us, Them, 1, payload: 1400),
            IpPackets.Echo(Us, Them, 1, reply: true, payload: 1400),
            IpPackets.Fragment(IpPackets.Udp(Us, 1, Them, 2, 1000), 0, true, 1),
            IpPackets.Ip(Us, Them, 47, new byte[1400]),
        })
            AssertAddressed(Write(packet, Router, 1300), Router, Us, packet);
        AssertAddressed(Write(IpPackets.Echo(Us6, Them6, 1, payload: 1400), Router6, 1300), Router6, Us6, IpPackets.Echo(Us6, Them6, 1, payload: 1400));
    }

    [Fact]
    public void WrongArgumentsAreRefused()
    {
        var packet = IpPackets.Udp(Us, 1, Them, 2, 1000);
        Assert.Throws<ArgumentException>(() => PacketTooBig.Write(packet, new byte[16], 1380, new byte[1280]));
        Assert.Throws<ArgumentException>(() => PacketTooBig.Write(packet, new byte[4], 1380, new byte[575]));
    }

    static byte[] Write(byte[] packet, string from, int mtu)
    {
        var buffer = new byte[PacketTooBig.MaxLength];
        buffer.AsSpan().Fill(0xa5);
        return buffer[..PacketTooBig.Write(packet, IPAddress.Parse(from).GetAddressBytes(), mtu, buffer)];
    }

    static void AssertAddressed(byte[] message, string from, string to, byte[] about)
    {
        Assert.True(InnerPacket.TryRead(message, out var inner));
        Assert.Equal(InnerKind.IcmpError, inner.Kind);
        Assert.Equal(message.Length, inner.Length);
        Assert.Equal(about[..(message.Length - inner.EmbeddedOffset)], message[inner.EmbeddedOffset..]);
        var address = from.Contains(':') ? message[8..40] : message[12..20];
        Assert.Equal([.. IPAddress.Parse(from).GetAddressBytes(), .. IPAddress.Parse(to).GetAddressBytes()], address);
    }
}
