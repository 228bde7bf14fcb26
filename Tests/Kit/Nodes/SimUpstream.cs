using System.Net;
using System.Net.Http.Headers;
using Mesh.Protocol;
using Mesh.Protocol.Control;

namespace Mesh.Tests.Kit.Nodes;

/// <summary>Is the request body of a control stream: it stays open, and lines are written to it as they come. Safe for concurrent use.</summary>
sealed class SimUpstream : HttpContent
{
    readonly TaskCompletionSource<Stream> _stream = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly SemaphoreSlim _turn = new(1);
    readonly byte[] _first;

    /// <param name="first">The line that goes with the request.</param>
    public SimUpstream(UpFrame first)
    {
        _first = Line(first);
        Headers.ContentType = new MediaTypeHeaderValue("application/x-ndjson");
    }

    /// <summary>Sends a line.</summary>
    /// <exception cref="IOException">The stream is broken.</exception>
    public async Task SendAsync(UpFrame frame, CancellationToken cancel)
    {
        var stream = await _stream.Task.WaitAsync(cancel);
        await _turn.WaitAsync(cancel);
        try
        {
            await stream.WriteAsync(Line(frame), cancel);
            await stream.FlushAsync(cancel);
        }
        catch (Exception failure) when (failure is HttpRequestException or ObjectDisposedException or InvalidOperationException)
        {
            throw new IOException("the stream is broken", failure);
        }
        finally
        {
            _turn.Release();
        }
    }

    protected override void Dispose(bool disposing)
    {
        _done.TrySetResult();
        _stream.TrySetException(new IOException("the stream is closed"));
        // Nobody may be left to look at that failure.
        _ = _stream.Task.Exception;
        base.Dispose(disposing);
    }

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        await stream.WriteAsync(_first);
        await stream.FlushAsync();
        _stream.TrySetResult(stream);
        await _done.Task;
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    static byte[] Line(UpFrame frame) => [.. ProtocolJson.Encode(frame, ProtocolJson.Default.UpFrame), (byte)'\n'];
}
