using System.Net;
using Mesh.Node.Device;
using Mesh.Protocol.Tunnel;

namespace Mesh.Tests.Node.Device;

public sealed class UdpPortTests
{
    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public void SegmentsArriveWithTheirBoundariesAndTheAddressTheyReached(string address)
    {
        using var sender = UdpPort.Open(0);
        using var receiver = UdpPort.Open(0);
        SocketEndpoint to = new(RawEndpoint.From(new IPEndPoint(IPAddress.Parse(address), receiver.LocalPort)));
        PacketBatch memory = new(64, 1400);
        int[] sizes = [1000, 1000, 1000, 400, 1000, 1000, 32, 32, 1, 1200, 1200, 1200];
        List<OutgoingDatagram> datagrams = [];
        foreach (var size in sizes)
        {
            memory.Commit(size);
            memory.Slot(memory.Count - 1)[..size].Fill((byte)memory.Count);
            datagrams.Add(new OutgoingDatagram(memory.Reference(memory.Count - 1, size), to));
        }

        Assert.Equal(0, sender.CreateSender().Send(datagrams.ToArray(), new bool[64]));
        ReceiveBatch batch = new(16);
        List<int> received = [];
        foreach (var descriptor in receiver.Descriptors)
        {
            Assert.Equal(0, receiver.Receive(descriptor, batch));
            for (var i = 0; i < batch.Count; i++)
            {
                Assert.Equal(sender.LocalPort, Endpoints.ToAddress(batch.Source(i)).Port);
                Assert.NotEqual(0, batch.Source(i).LocalInterface);
                for (var at = 0; at < batch.Unit(i).Length; at += batch.SegmentSize(i))
                {
                    var segment = batch.Unit(i).Span[at..Math.Min(at + batch.SegmentSize(i), batch.Unit(i).Length)];
                    received.Add(segment.Length);
                    Assert.Equal((byte)received.Count, segment[0]);
                    Assert.Equal((byte)received.Count, segment[^1]);
                }
            }
        }

        Assert.Equal(sizes, received);
    }

    [Fact]
    public void EndpointsSurviveTheKernelsForm()
    {
        foreach (var text in new[] { "192.0.2.1:51820", "[2001:db8::1]:1", "[fe80::1%3]:65535" })
        {
            Assert.True(EndpointAddress.TryParse(text, out var endpoint));
            Assert.Equal(endpoint, Endpoints.ToAddress(Endpoints.ToRaw(endpoint)));
            Assert.Equal(text, new SocketEndpoint(Endpoints.ToRaw(endpoint)).ToString());
        }
    }

    [Fact]
    public void APortInUseIsRefusedInOneLine()
    {
        using var first = UdpPort.Open(0);
        var failure = Assert.Throws<IOException>(() => UdpPort.Open(first.LocalPort));
        Assert.Contains($"UDP port {first.LocalPort}", failure.Message);
        Assert.Contains("choose another port", failure.Message);
        Assert.DoesNotContain('\n', failure.Message);
    }
}
