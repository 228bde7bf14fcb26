using Mesh.Actors.Device;
using Mesh.Node.Device;
using Mesh.Protocol.Filter;
using Mesh.Protocol.Segmentation;
using Mesh.Protocol.Tunnel;
using Mesh.Tests.Kit;

namespace Mesh.Tests.Node.Device;

/// <summary>Tests that count what the whole process does: they run while no other test does.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;

/// <summary>Packets of 64 KiB through the whole path: split, sealed, sent over loopback, opened, merged.</summary>
[Collection(nameof(Alone))]
public sealed class BulkTests : IDisposable
{
    const string A = "10.7.0.1", B = "10.7.0.2";
    const int Segment = 1380, Segments = 45;

    readonly TestClock _clock = new();
    readonly TestNode _a;
    readonly TestNode _b;

    public BulkTests()
    {
        (_a, _b) = (new TestNode(A, _clock, merges: true), new TestNode(B, _clock, merges: true));
        // One may open flows, the other may only answer: the filter has a flow to find for every packet.
        PeerSlot toB = _a.AddPeer(_b, new PeerRules([], [FilterRule.Any])), toA = _b.AddPeer(_a, new PeerRules([FilterRule.Any], []));
        var (session, answering) = TestNode.Join(toB, toA, _clock.Now);
        toB.SetSendSession(session);
        toA.SetSendSession(answering);
    }

    public void Dispose()
    {
        _a.Dispose();
        _b.Dispose();
    }

    static VirtioHeader Tso => new(VirtioHeader.NeedsChecksum, (byte)GsoType.TcpV4, 40, Segment, 20, 16);

    static byte[] Bulk(string from, int port, string to, int toPort, int payload)
    {
        var packet = IpPackets.Tcp(from, port, to, toPort, IpPackets.Ack, payload);
        new Random(payload).NextBytes(packet.AsSpan(40));
        return packet;
    }

    [Theory]
    [InlineData(Segment * Segments)]
    [InlineData(Segment * Segments - 1)]
    [InlineData(Segment * 3 + 7)]
    [InlineData(Segment)]
    [InlineData(1)]
    public void APacketOf64KiBArrivesAsOne(int payload)
    {
        var packet = Bulk(A, 1, B, 2, payload);
        _a.Tun.Give(packet, Tso);
        _a.Pump();
        _b.Pump();
        var delivered = Assert.Single(_b.Tun.Delivered);
        Assert.Equal(packet.Length, delivered.Length);
        Assert.True(packet.AsSpan(40).SequenceEqual(delivered.AsSpan(40)));
        Assert.Equal(payload > Segment ? Segment : 0, _b.Tun.Headers[0].GsoSize);
        var slot = (PeerSlot)_a.Plane.Ports[0];
        Assert.Equal((payload + Segment - 1) / Segment, slot.Sent.Packets);
        Assert.Equal(slot.Sent.Packets, ((PeerSlot)_b.Plane.Ports[0]).Received.Packets);
    }

    [Fact]
    public void PeersWithLittleToSendGoBeforeBulkAndEachInOrder()
    {
        using TestNode c = new("10.7.0.3", _clock);
        PeerSlot toC = (PeerSlot)_a.Plane.AddPeer(_a.PeerFor(c)), toA = c.AddPeer(_a);
        _a.Plane.Publish(_a.Own, false, [(_a.Plane.Ports[0], _a.PeerFor(_b)), (toC, _a.PeerFor(c))]);
        toC.SetEndpoint(c.Endpoint);
        var (session, answering) = TestNode.Join(toC, toA, _clock.Now);
        toC.SetSendSession(session);
        toA.SetSendSession(answering);

        Recorder recorder = new();
        _a.Outbound.Sender = recorder;
        for (var i = 0; i < 4; i++)
            _a.Tun.Give(Bulk(A, 1, B, 2, Segment * 8), Tso);
        for (var i = 0; i < 3; i++)
            _a.Tun.Give(IpPackets.Udp(A, 10 + i, "10.7.0.3", 9));
        Assert.True(_a.Outbound.RunOnce(out _));
        Assert.Equal([(c.Udp.LocalPort, 3), (_b.Udp.LocalPort, 32)], recorder.Sent);
    }

    [Fact]
    public void AMillionPacketsEachWayAllocateNothing()
    {
        _a.Tun.Keep = _b.Tun.Keep = false;
        var forth = Bulk(A, 1, B, 2, Segment * Segments);
        var back = Bulk(B, 2, A, 1, Segment * Segments);
        void Round()
        {
            _a.Tun.Give(forth, Tso);
            _a.Pump();
            _b.Tun.Give(back, Tso);
            _b.Pump();
            _a.Pump();
        }

        for (var i = 0; i < 500; i++)
            Round();
        const int rounds = 1_000_000 / Segments + 1;
        var (atA, atB) = (_a.Tun.DeliveredCount, _b.Tun.DeliveredCount);
        var (collections, before) = (GC.CollectionCount(0), GC.GetAllocatedBytesForCurrentThread());
        for (var i = 0; i < rounds; i++)
            Round();
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(rounds * Segments, _b.Tun.DeliveredCount - atB);
        Assert.Equal(rounds * Segments, _a.Tun.DeliveredCount - atA);
        Assert.Equal(0, allocated);
        Assert.Equal(0, GC.CollectionCount(0) - collections);
    }

    sealed class Recorder : IDatagramSender
    {
        public List<(int Port, int Datagrams)> Sent { get; } = [];

        public SendResult Send(ReadOnlySpan<DatagramRun> runs, SocketEndpoint endpoint)
        {
            var datagrams = 0;
            foreach (var run in runs)
                datagrams += run.Count;
            Sent.Add((endpoint.Raw.ToIPEndPoint().Port, datagrams));
            return default;
        }
    }
}
