using System.Buffers;
using System.IO.Pipelines;
using System.Threading.Channels;
using Mesh.Actors.Ports;
using Mesh.Protocol;
using Mesh.Protocol.Control;

namespace Mesh.Controller.Api;

/// <summary>
/// Is the way down to one node: a bounded queue that one writer empties onto the HTTP response, one line of JSON per frame. A node
/// that does not read fills its own queue, not the controller's memory. Safe for concurrent use.
/// </summary>
sealed class ControlStream : IControlStream
{
    /// <summary>The greatest length of a line down, in bytes, line feed included: a full map of many thousand peers. Nodes take twice that.</summary>
    public const int MaximumLine = 32 << 20;

    /// <summary>How many frames wait at most.</summary>
    public const int MaximumQueuedFrames = 128;

    /// <summary>How many bytes wait at most, where more than one frame does.</summary>
    public const long MaximumQueuedBytes = 256 << 10;

    static readonly TimeSpan WriteTimeout = TimeSpan.FromSeconds(30);

    readonly Channel<DownFrame> _queue = Channel.CreateUnbounded<DownFrame>(new UnboundedChannelOptions { SingleReader = true });
    readonly Lock _gate = new();
    int _frames;
    long _bytes;
    bool _wasFull;
    string? _reason;

    /// <inheritdoc/>
    public bool TrySend(DownFrame frame)
    {
        var size = Weigh(frame);
        lock (_gate)
        {
            if (_frames > 0 && (_frames >= MaximumQueuedFrames || _bytes + size > MaximumQueuedBytes))
            {
                _wasFull = true;
                return false;
            }
            if (!_queue.Writer.TryWrite(frame))
                return false;
            (_frames, _bytes) = (_frames + 1, _bytes + size);
            return true;
        }
    }

    /// <inheritdoc/>
    public void Close(string reason)
    {
        Interlocked.CompareExchange(ref _reason, reason, null);
        _queue.Writer.TryComplete();
    }

    /// <summary>Writes frames as they come, until <see cref="Close"/>; then says why, and returns.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="drained">Is called when the queue, having been full, is nearly empty.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="OperationCanceledException">Cancelled, or the node did not read for 30 seconds.</exception>
    /// <exception cref="IOException">The connection is gone.</exception>
    public async Task WriteAsync(PipeWriter writer, Action drained, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        while (await _queue.Reader.WaitToReadAsync(cancellationToken))
        {
            while (_queue.Reader.TryRead(out var frame))
            {
                await WriteLineAsync(frame);
                if (IsDrainedBy(frame))
                    drained();
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

    // A frame counts until it is written: whoever finds the queue full is sure to be called after one that is still under way.
    bool IsDrainedBy(DownFrame written)
    {
        lock (_gate)
        {
            (_frames, _bytes) = (_frames - 1, _bytes - Weigh(written));
            if (!_wasFull || _frames > MaximumQueuedFrames / 4 || _bytes > MaximumQueuedBytes / 4)
                return false;
            _wasFull = false;
            return true;
        }
    }

    // What a frame costs while it waits: nearly all of it is the leaf of a map. Hints are shared by those who wait for them.
    static long Weigh(DownFrame frame) => 512 + (frame.Map?.Leaf.Length ?? 0) + (frame.Hint?.Payload.Length ?? 0) + 64 * (frame.Hints?.Count ?? 0);
}
