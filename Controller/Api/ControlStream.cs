using System.Buffers;
using System.IO.Pipelines;
using System.Threading.Channels;
using Mesh.Actors.Ports;
using Mesh.Protocol;
using Mesh.Protocol.Control;

namespace Mesh.Controller.Api;

/// <summary>
/// Is the way down to one node: a bounded queue that one writer empties onto the HTTP response, one line of JSON per frame. A node
/// that does not read fills its own queue, not the controller's memory.
/// </summary>
sealed class ControlStream : IControlStream
{
    /// <summary>The greatest length of a line down, in bytes, line feed included.</summary>
    public const int MaximumLine = 1 << 20;

    // A map of some hundred peers has some 100 KiB: a healthy node is never more than a few of them behind.
    const int MaximumQueuedFrames = 256;
    const long MaximumQueuedBytes = 4 << 20;

    static readonly TimeSpan WriteTimeout = TimeSpan.FromSeconds(30);

    readonly Channel<DownFrame> _queue = Channel.CreateBounded<DownFrame>(
        new BoundedChannelOptions(MaximumQueuedFrames) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });
    long _queuedBytes;
    string? _reason;

    /// <inheritdoc/>
    public bool TrySend(DownFrame frame)
    {
        var size = Weigh(frame);
        if (Interlocked.Add(ref _queuedBytes, size) <= MaximumQueuedBytes && _queue.Writer.TryWrite(frame))
            return true;
        Interlocked.Add(ref _queuedBytes, -size);
        return false;
    }

    /// <inheritdoc/>
    public void Close(string reason)
    {
        Interlocked.CompareExchange(ref _reason, reason, null);
        _queue.Writer.TryComplete();
    }

    /// <summary>Writes frames as they come, until <see cref="Close"/>; then says why, and returns.</summary>
    /// <exception cref="OperationCanceledException">Cancelled, or the node did not read for 30 seconds.</exception>
    /// <exception cref="IOException">The connection is gone.</exception>
    public async Task WriteAsync(PipeWriter writer, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        while (await _queue.Reader.WaitToReadAsync(cancellationToken))
        {
            while (_queue.Reader.TryRead(out var frame))
            {
                Interlocked.Add(ref _queuedBytes, -Weigh(frame));
                await WriteLineAsync(frame);
            }
        }
        await WriteLineAsync(new DownFrame(Close: _reason ?? "stopping"));

        async Task WriteLineAsync(DownFrame frame)
        {
            var line = ProtocolJson.Encode(frame, ProtocolJson.Default.DownFrame);
            if (line.Length >= MaximumLine)
                throw new IOException($"a line down would have {line.Length} bytes, {MaximumLine} are allowed");
            timeout.CancelAfter(WriteTimeout);
            writer.Write(line);
            writer.Write("\n"u8);
            var flushed = await writer.FlushAsync(timeout.Token);
            timeout.CancelAfter(Timeout.InfiniteTimeSpan);
            if (flushed.IsCompleted)
                throw new IOException("the node closed the stream");
        }
    }

    // What a frame costs while it waits: nearly all of it is the leaf of a map.
    static long Weigh(DownFrame frame) => 512 + (frame.Map?.Leaf.Length ?? 0) + (frame.Hint?.Payload.Length ?? 0);
}
