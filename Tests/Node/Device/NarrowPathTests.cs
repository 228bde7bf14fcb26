using System.Buffers.Binary;
using Mesh.Actors.Device;
using Mesh.Node.Device;
using Mesh.Protocol.Filter;
using Mesh.Protocol.Segmentation;
using Mesh.Protocol.Tunnel;
using Mesh.Tests.Kit;

namespace Mesh.Tests.Node.Device;

/// <summary>What happens to packets for a peer whose path is known to be narrower than the device.</summary>
public sealed class NarrowPathTests : IDisposable
{
    const string A = "10.7.0.1", B = "10.7.0.2";

    // 1400 bytes outside over IPv4 are 1340 inside: 20 of IP, 8 of UDP, 32 of the transport message.
    const int Outer = 1400, Inner = 1340;

    readonly TestClock _clock = new();
    readonly TestNode _a;
    readonly TestNode _b;
    readonly PeerSlot _toB;

    public NarrowPathTests()
    {
        (_a, _b) = (new TestNode(A, _clock), new TestNode(B, _clock));
        PeerSlot toA = _b.AddPeer(_a);
        _toB = _a.AddPeer(_b);
        var (session, answering) = TestNode.Join(_toB, toA, _clock.Now);
        _toB.SetSendSession(session);
        toA.SetSendSession(answering);
        _toB.NotePathMtu(_toB.SocketEndpoint!, Outer, _clock.Now);
    }

    public void Dispose()
    {
        _a.Dispose();
        _b.Dispose();
    }

    void Send(byte[] packet, VirtioHeader header = default)
    {
        _a.Tun.Give(packet, header);
        _a.Pump();
        _b.Pump();
    }

    [Fact]
    public void TheMssOfASynIsLoweredAndItsChecksumIsRight()
    {
        // As the kernel hands it over: the checksum field holds the pseudo header's sum, and the rest is left to whoever sends.
        var segment = new byte[24];
        BinaryPrimitives.WriteUInt16BigEndian(segment, 1);
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(2), 2);
        segment[12] = 6 << 4;
        segment[13] = IpPackets.Syn;
        segment[20] = 2;
        segment[21] = 4;
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(22), 1380);
        var syn = IpPackets.Ip(A, B, 6, segment);
        var pseudo = InternetChecksum.AddPseudoHeader(syn.AsSpan(12, 8), 6, segment.Length, 0);
        BinaryPrimitives.WriteUInt16BigEndian(syn.AsSpan(36), InternetChecksum.Fold(pseudo));

        Send(syn, new VirtioHeader(VirtioHeader.NeedsChecksum, 0, 0, 0, 20, 16));
        var delivered = Assert.Single(_b.Tun.Delivered);
        Assert.Equal(Inner - 40, BinaryPrimitives.ReadUInt16BigEndian(delivered.AsSpan(42)));
        Assert.Equal(0, InternetChecksum.Finish(InternetChecksum.Add(delivered.AsSpan(20), InternetChecksum.AddPseudoHeader(delivered.AsSpan(12, 8), 6, 24, 0))));
    }

    [Fact]
    public void ASenderThatForbidsFragmentsIsToldAndOthersGoInOuterFragments()
    {
        var large = IpPackets.Udp(A, 1, B, 9, Inner);
        Send(large);
        Assert.Equal(large, Assert.Single(_b.Tun.Delivered));

        var whole = IpPackets.Udp(A, 1, B, 9, Inner);
        whole[6] = 0x40;
        IpPackets.Checksum(whole);
        Send(whole);
        Assert.Single(_b.Tun.Delivered);
        Assert.Equal(1, _a.Plane.Drops[DropReason.TooBig]);
        // Destination unreachable, fragmentation needed, with the MTU that fits, from the address that it was for.
        var notice = Assert.Single(_a.Tun.Delivered);
        Assert.Equal((3, 4, Inner), (notice[20], notice[21], BinaryPrimitives.ReadUInt16BigEndian(notice.AsSpan(26))));
        Assert.Equal(whole.AsSpan(16, 4).ToArray(), notice.AsSpan(12, 4).ToArray());
    }

    [Fact]
    public void AfterTenMinutesTheFullSizeIsTriedAgain()
    {
        Assert.Equal(Inner, _toB.InnerMtu(1420, _clock.Now));
        _clock.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(1420, _toB.InnerMtu(1420, _clock.Now));
        Assert.False(_toB.IsNarrow);
    }
}
