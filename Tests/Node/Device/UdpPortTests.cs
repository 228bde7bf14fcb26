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
        // Runs as a pump makes them: equal lengths one behind the other, the last perhaps shorter; and single ones anywhere.
        PinnedMemory memory = new(64 * 1024);
        int[] sizes = [1000, 1000, 1000, 400, 1000, 1000, 32, 32, 1, 1200, 1200, 1200];
        (int Count, int Last)[] shapes = [(4, 400), (1, 1000), (2, 32), (1, 32), (1, 1), (3, 1200)];
        List<DatagramRun> runs = [];
        var (at0, number) = (0, 0);
        foreach (var (count, last) in shapes)
        {
            var stride = sizes[number];
            runs.Add(new DatagramRun(memory.Start + at0, stride, count, last));
            for (var i = 0; i < count; i++)
                memory.From(at0 + i * stride)[..(i == count - 1 ? last : stride)].Fill((byte)++number);
            at0 += stride * count + 100;
        }

        Assert.Equal(default, sender.CreateSender(0).Send(runs.ToArray(), to));
        ReceiveBatch batch = new(16);
        List<int> received = [];
        foreach (var descriptor in receiver.Descriptors(0))
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
    public void SeveralQueuesShareAPortThatNobodyElseGets()
    {
        using var port = UdpPort.Open(0, queues: 3);
        Assert.Equal(3, Enumerable.Range(0, 3).Select(i => port.Descriptors(i)[0]).Distinct().Count());
        var failure = Assert.Throws<IOException>(() => UdpPort.Open(port.LocalPort, queues: 3));
        Assert.Contains("choose another port", failure.Message);

        // Every sender reaches exactly one of the queues, and many senders reach all of them.
        HashSet<int> reached = [];
        ReceiveBatch batch = new(64);
        for (var i = 0; i < 64; i++)
        {
            using var sender = UdpPort.Open(0);
            Assert.Equal(0, sender.TrySend([1, 2, 3], new SocketEndpoint(RawEndpoint.From(new IPEndPoint(IPAddress.Loopback, port.LocalPort)))));
            var arrivals = 0;
            for (var queue = 0; queue < port.Queues; queue++)
            {
                Assert.Equal(0, port.Receive(port.Descriptors(queue)[0], batch));
                arrivals += batch.Count;
                if (batch.Count > 0)
                    reached.Add(queue);
            }

            Assert.Equal(1, arrivals);
        }

        Assert.Equal(3, reached.Count);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public void AnAnswerGoesFromTheAddressThatWasReachedAndAllocatesNothing(string address)
    {
        using var asker = UdpPort.Open(0);
        using var answerer = UdpPort.Open(0);
        Assert.Equal(0, asker.TrySend([1], RawEndpoint.From(new IPEndPoint(IPAddress.Parse(address), answerer.LocalPort))));
        ReceiveBatch question = new(4), answers = new(64);
        var source = Receive(answerer, question);
        Assert.NotEqual(0, source.LocalInterface);
        answerer.TrySend([2], source);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 15; i++)
            answerer.TrySend([2, 3], source);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        var from = Receive(asker, answers);
        Assert.Equal(16, answers.Count);
        Assert.True(from.SameRemote(RawEndpoint.From(new IPEndPoint(IPAddress.Parse(address), answerer.LocalPort))));

        static RawEndpoint Receive(UdpPort port, ReceiveBatch batch)
        {
            foreach (var descriptor in port.Descriptors(0))
            {
                Assert.Equal(0, port.Receive(descriptor, batch));
                if (batch.Count > 0)
                    return batch.Source(0);
            }

            throw new InvalidOperationException("nothing arrived");
        }
    }

    [Fact]
    public void ALocalAddressThatIsGoneDoesNotKeepAnAnswerBack()
    {
        using var asker = UdpPort.Open(0);
        using var answerer = UdpPort.Open(0);
        var source = RawEndpoint.From(new IPEndPoint(IPAddress.Loopback, asker.LocalPort));
        // 192.0.2.77 on the loopback interface: nobody has it.
        source.LocalInterface = 1;
        unsafe
        {
            (source.Local[0], source.Local[2], source.Local[3]) = (192, 2, 77);
        }

        Assert.Equal(0, answerer.TrySend([2], source));
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
