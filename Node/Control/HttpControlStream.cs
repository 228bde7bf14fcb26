using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Mesh.Actors.Control;
using Mesh.Protocol;
using Mesh.Protocol.Control;

namespace Mesh.Node.Control;

/// <summary>Is a control stream over one HTTP/2 exchange: lines up in the request body, lines down in the response body.</summary>
sealed class HttpControlStream : IControlStream
{
    // A full map of many thousand peers is one line.
    const int MaximumLine = 64 * 1024 * 1024;

    readonly ControllerConnection _connection;
    readonly HttpResponseMessage _response;
    readonly UpstreamContent _up;
    readonly PipeReader _down;

    HttpControlStream(ControllerConnection connection, HttpResponseMessage response, UpstreamContent up, PipeReader down)
    {
        _connection = connection;
        _response = response;
        _up = up;
        _down = down;
    }

    /// <summary>Opens a stream and takes the connection over.</summary>
    /// <exception cref="ControlRefusedException">The controller says no.</exception>
    /// <exception cref="IOException">It cannot be reached or is not of this network.</exception>
    public static async Task<HttpControlStream> OpenAsync(ControllerConnection connection, AttachFrame attach, string instance, CancellationToken cancel)
    {
        var up = new UpstreamContent(Line(new UpFrame(Attach: attach)));
        HttpResponseMessage? response = null;
        try
        {
            response = await connection.SendAsync(new HttpRequestMessage(HttpMethod.Post, "/v1/stream")
            {
                Content = up,
                Headers = { { ControlHeaders.Instance, instance } },
            }, cancel);
            return new HttpControlStream(connection, response, up, PipeReader.Create(await response.Content.ReadAsStreamAsync(cancel)));
        }
        catch
        {
            up.Complete();
            response?.Dispose();
            connection.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public async Task<DownFrame?> ReadAsync(CancellationToken cancel)
    {
        while (true)
        {
            ReadResult result;
            try
            {
                result = await _down.ReadAsync(cancel);
            }
            catch (Exception failure) when (failure is HttpRequestException or InvalidOperationException)
            {
                throw new IOException(failure.Message, failure);
            }
            var buffer = result.Buffer;
            if (buffer.PositionOf((byte)'\n') is { } end)
            {
                var line = buffer.Slice(0, end);
                var frame = line.IsEmpty ? null : Parse(line);
                _down.AdvanceTo(buffer.GetPosition(1, end));
                // An empty line only keeps the stream alive.
                if (frame is not null)
                    return frame;
                continue;
            }
            if (result.IsCompleted)
                return null;
            if (buffer.Length > MaximumLine)
                throw new IOException("the controller sent a line that is too long");
            _down.AdvanceTo(buffer.Start, buffer.End);
        }
    }

    /// <inheritdoc/>
    public async Task SendAsync(UpFrame frame, CancellationToken cancel)
    {
        try
        {
            var stream = await _up.Stream.WaitAsync(cancel);
            await stream.WriteAsync(Line(frame), cancel);
            await stream.FlushAsync(cancel);
        }
        catch (Exception failure) when (failure is HttpRequestException or ObjectDisposedException or InvalidOperationException)
        {
            throw new IOException("the stream is broken", failure);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _up.Complete();
        await _down.CompleteAsync();
        _response.Dispose();
        _connection.Dispose();
    }

    static byte[] Line(UpFrame frame) => [.. ProtocolJson.Encode(frame, ProtocolJson.Default.UpFrame), (byte)'\n'];

    static DownFrame Parse(ReadOnlySequence<byte> line)
    {
        var reader = new Utf8JsonReader(line);
        try
        {
            return JsonSerializer.Deserialize(ref reader, ProtocolJson.Default.DownFrame) ?? throw new IOException("the controller sent an empty frame");
        }
        catch (JsonException failure)
        {
            throw new IOException("the controller sent a line that cannot be read", failure);
        }
    }

    // A request body that stays open: the first line goes with the request, the others as they come.
    sealed class UpstreamContent : HttpContent
    {
        readonly TaskCompletionSource<Stream> _stream = new(TaskCreationOptions.RunContinuationsAsynchronously);
        readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        readonly byte[] _first;

        public UpstreamContent(byte[] first)
        {
            _first = first;
            Headers.ContentType = new MediaTypeHeaderValue("application/x-ndjson");
        }

        public Task<Stream> Stream => _stream.Task;

        public void Complete()
        {
            _done.TrySetResult();
            _stream.TrySetException(new IOException("the stream is closed"));
            // Nobody may be left to look at that failure.
            _ = _stream.Task.Exception;
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
            SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            await stream.WriteAsync(_first, cancellationToken);
            await stream.FlushAsync(cancellationToken);
            _stream.TrySetResult(stream);
            await _done.Task.WaitAsync(cancellationToken);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
