using System.Buffers;
using System.IO.Pipelines;
using System.Threading.Channels;
using Mesh.Actors.Cluster;
using Mesh.Actors.Registry;
using Mesh.Controller.Api;
using Mesh.Protocol;
using Mesh.Protocol.Identity;

namespace Mesh.Controller.Cluster;

/// <summary>
/// Is one end of a link between two controllers, whoever dialled: a bounded queue that one writer empties, one line of JSON per frame. A
/// controller that does not read fills its own queue, not the memory of the other.
/// </summary>
sealed class MemberStream : IMemberLink, IDisposable
{
    const int MaximumQueuedFrames = 2048;
    const long MaximumQueuedBytes = 32 << 20;

    static readonly TimeSpan WriteTimeout = TimeSpan.FromSeconds(10);

    readonly Channel<MemberFrame> _queue = Channel.CreateBounded<MemberFrame>(
        new BoundedChannelOptions(MaximumQueuedFrames) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });
    readonly CancellationTokenSource _over;
    long _queuedBytes;

    /// <summary>Makes an end that is over when the token says so.</summary>
    public MemberStream(CancellationToken over) => _over = CancellationTokenSource.CreateLinkedTokenSource(over);

    /// <inheritdoc/>
    public bool TrySend(MemberFrame frame)
    {
        var size = Weigh(frame);
        if (Interlocked.Add(ref _queuedBytes, size) <= MaximumQueuedBytes && _queue.Writer.TryWrite(frame))
            return true;
        Interlocked.Add(ref _queuedBytes, -size);
        return false;
    }

    /// <inheritdoc/>
    public void Close(string reason) => _ = CloseAsync();

    /// <summary>Hands what comes in to the actors and ends with the link, for whatever reason.</summary>
    public async Task RunAsync(ControllerSystem system, ControllerId member, PipeReader reader, Func<PipeWriter> writer)
    {
        var handle = system.OpenLink(member, this);
        try
        {
            var writing = WriteAsync(writer());
            var reading = new LineReader(reader, MemberFrame.MaximumLine).ReadAsync(Take, _over.Token);
            await await Task.WhenAny(writing, reading);
            await CloseAsync();
            await Task.WhenAll(writing, reading);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or HttpRequestException or Microsoft.AspNetCore.Http.BadHttpRequestException)
        {
            // It is dialled again.
        }
        finally
        {
            await CloseAsync();
            handle.Closed();
        }

        bool Take(ReadOnlySequence<byte> line) =>
            ProtocolJson.TryDecode(line.IsSingleSegment ? line.FirstSpan : line.ToArray(), ClusterJson.Default.MemberFrame, out var frame)
            && handle.Post(frame);
    }

    /// <inheritdoc/>
    public void Dispose() => _over.Dispose();

    async Task WriteAsync(PipeWriter writer)
    {
        while (await _queue.Reader.WaitToReadAsync(_over.Token))
        {
            while (_queue.Reader.TryRead(out var frame))
            {
                Interlocked.Add(ref _queuedBytes, -Weigh(frame));
                writer.Write(ProtocolJson.Encode(frame, ClusterJson.Default.MemberFrame));
                writer.Write("\n"u8);
                using var timeout = CancellationTokenSource.CreateLinkedTokenSource(_over.Token);
                timeout.CancelAfter(WriteTimeout);
                if ((await writer.FlushAsync(timeout.Token)).IsCompleted)
                    return;
            }
        }
    }

    async Task CloseAsync()
    {
        _queue.Writer.TryComplete();
        try
        {
            await _over.CancelAsync();
        }
        catch (ObjectDisposedException)
        {
            // It was over already.
        }
    }

    // What a frame costs while it waits, about: most of it are signed hints.
    static long Weigh(MemberFrame frame) =>
        256 + ((frame.Here?.Count ?? 0) + (frame.Hints?.Count ?? 0)) * 1024L + ((frame.Left?.Count ?? 0) + (frame.Acks?.Count ?? 0) + (frame.Seen?.Count ?? 0)) * 64L;
}
