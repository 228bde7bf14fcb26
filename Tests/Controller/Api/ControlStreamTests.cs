using System.IO.Pipelines;
using System.Text;
using Mesh.Controller.Api;
using Mesh.Protocol;
using Mesh.Protocol.Control;
using Mesh.Protocol.Map;
using Mesh.Protocol.Trust;

namespace Mesh.Tests.Controller.Api;

public sealed class ControlStreamTests
{
    [Fact]
    public async Task Holds_so_much_and_no_more_for_a_node_that_does_not_read_and_says_when_there_is_room()
    {
        var stream = new ControlStream();
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 4096, resumeWriterThreshold: 1));
        var drained = new SemaphoreSlim(0);
        using var stop = new CancellationTokenSource();
        var writing = stream.WriteAsync(pipe.Writer, () => drained.Release(), stop.Token);
        var sent = 0;
        while (stream.TrySend(new DownFrame(Ping: sent)))
            Assert.True(++sent <= ControlStream.MaximumQueuedFrames + 4096 / 10, "it takes frames for ever");
        Assert.False(stream.TrySend(new DownFrame(Ping: -1)));
        Assert.Equal(0, drained.CurrentCount);

        var read = new StreamReader(pipe.Reader.AsStream(), Encoding.UTF8);
        for (var i = 0; i < sent; i++)
            Assert.Equal(i, Read(await read.ReadLineAsync(stop.Token)).Ping);
        Assert.True(await drained.WaitAsync(TimeSpan.FromSeconds(10)));
        Assert.True(stream.TrySend(new DownFrame(Ping: 7)));
        stream.Close("stopping");
        Assert.Equal(7, Read(await read.ReadLineAsync(stop.Token)).Ping);
        Assert.Equal("stopping", Read(await read.ReadLineAsync(stop.Token)).Close);
        await writing;
        Assert.Equal(0, drained.CurrentCount);
        Assert.False(stream.TrySend(new DownFrame(Ping: 8)));
    }

    [Fact]
    public void Takes_one_frame_of_any_size_but_not_a_second()
    {
        var stream = new ControlStream();
        var map = new DownFrame(Map: new MapFrame(Envelope, Envelope, 0, [], new byte[2 * ControlStream.MaximumQueuedBytes]));
        Assert.True(stream.TrySend(map));
        Assert.False(stream.TrySend(map));
        Assert.False(stream.TrySend(new DownFrame(Ping: 1)));
    }

    [Fact]
    public void Counts_frames_and_bytes()
    {
        var (many, big) = (new ControlStream(), new ControlStream());
        var taken = 0;
        while (many.TrySend(new DownFrame(Ping: 1)))
            taken++;
        Assert.Equal(ControlStream.MaximumQueuedFrames, taken);
        taken = 0;
        while (big.TrySend(new DownFrame(Hint: Envelope with { Payload = new byte[32 << 10] })))
            taken++;
        Assert.Equal(7, taken);
    }

    static DsseEnvelope Envelope { get; } = new(PayloadTypes.MapHead, [1], []);

    static DownFrame Read(string? line) =>
        ProtocolJson.TryDecode(Encoding.UTF8.GetBytes(line!), ProtocolJson.Default.DownFrame, out var frame) ? frame : throw new InvalidDataException(line);
}
