using System.IO.Pipelines;
using System.Net;
using System.Text;
using Mesh.Protocol;
using Mesh.Protocol.Control;

namespace Mesh.Tests.Controller.Api;

/// <summary>Is a machine's end of an open control stream.</summary>
sealed class NodeStream : IDisposable
{
    readonly Pipe _up = new();
    readonly HttpResponseMessage _response;
    readonly StreamReader _down;

    NodeStream(Pipe up, HttpResponseMessage response, StreamReader down) => (_up, _response, _down) = (up, response, down);

    public static async Task<NodeStream> OpenAsync(Machine machine)
    {
        var up = new Pipe();
        var response = await machine.SendAsync(HttpMethod.Post, "/v1/stream", new UpContent(up.Reader));
        Assert.True(response.IsSuccessStatusCode, (await Machine.ProblemOfAsync(response))?.Title);
        return new NodeStream(up, response, new StreamReader(await response.Content.ReadAsStreamAsync(), Encoding.UTF8));
    }

    public async Task SendAsync(UpFrame frame) =>
        await SendAsync([.. ProtocolJson.Encode(frame, ProtocolJson.Default.UpFrame), (byte)'\n']);

    public async Task SendAsync(byte[] bytes) => await _up.Writer.WriteAsync(bytes);

    public Task AttachAsync() => SendAsync(new UpFrame(Attach: new AttachFrame("0.1.0", "linux", "machine", 0, 0)));

    /// <summary>Reads until a frame is what the test waits for; every ping on the way is answered.</summary>
    public async Task<DownFrame> ReadAsync(Func<DownFrame, bool> until)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (await _down.ReadLineAsync(patience.Token) is { } line)
        {
            Assert.True(ProtocolJson.TryDecode(Encoding.UTF8.GetBytes(line), ProtocolJson.Default.DownFrame, out var frame), line);
            if (frame.Ping is { } ping)
                await SendAsync(new UpFrame(Pong: ping));
            if (until(frame))
                return frame;
        }
        throw new EndOfStreamException("the stream ended before what was waited for");
    }

    /// <summary>Reads why the stream ends, and ends this side too.</summary>
    public async Task<string> ReadCloseAsync()
    {
        var reason = (await ReadAsync(frame => frame.Close is not null)).Close!;
        await _up.Writer.CompleteAsync();
        return reason;
    }

    public void Dispose()
    {
        _up.Writer.Complete();
        _down.Dispose();
        _response.Dispose();
    }

    sealed class UpContent(PipeReader source) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            // The headers must go out before the first line is written.
            await stream.FlushAsync();
            while (true)
            {
                var read = await source.ReadAsync();
                foreach (var part in read.Buffer)
                    await stream.WriteAsync(part);
                await stream.FlushAsync();
                source.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                    return;
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
