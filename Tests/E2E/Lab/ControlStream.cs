using System.IO.Pipelines;
using System.Net;
using System.Net.Http.Headers;
using Mesh.Protocol;
using Mesh.Protocol.Control;
using Mesh.Protocol.Map;

namespace Mesh.Tests.E2E.Lab;

/// <summary>Is an <see cref="ApiNode"/>'s end of the control stream: lines up and lines down on one HTTP/2 exchange.</summary>
sealed class ControlStream : IAsyncDisposable
{
    readonly HttpResponseMessage _response;
    readonly UpBody _up;
    readonly StreamReader _down;

    ControlStream(HttpResponseMessage response, UpBody up, Stream down) => (_response, _up, _down) = (response, up, new StreamReader(down));

    /// <summary>Opens the stream and attaches with the body that the welcome carried.</summary>
    public static async Task<ControlStream> OpenAsync(ApiNode node, HttpClient client)
    {
        var (response, up) = await SendAsync(node, client);
        if (!response.IsSuccessStatusCode)
            throw new InvalidOperationException($"{(int)response.StatusCode}: {await response.Content.ReadAsStringAsync()}");
        return new ControlStream(response, up, await response.Content.ReadAsStreamAsync());
    }

    /// <summary>Opens the stream and gives the answer, whatever it is.</summary>
    public static async Task<HttpResponseMessage> PostAsync(ApiNode node, HttpClient client)
    {
        var (response, up) = await SendAsync(node, client);
        up.Complete();
        return response;
    }

    /// <summary>Sends a line up.</summary>
    public Task SendAsync(UpFrame frame) => _up.WriteAsync(frame);

    /// <summary>Gets the next line down; null where the controller has ended the stream.</summary>
    public async Task<DownFrame?> NextAsync(TimeSpan limit)
    {
        try
        {
            return await _down.ReadLineAsync().WaitAsync(limit) is { } line ? Decode(line) : null;
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _up.Complete();
        _down.Dispose();
        _response.Dispose();
        return ValueTask.CompletedTask;
    }

    static DownFrame Decode(string line) => ProtocolJson.TryDecode(System.Text.Encoding.UTF8.GetBytes(line), ProtocolJson.Default.DownFrame, out var frame)
        ? frame : throw new InvalidDataException($"a line that is no frame: {line}");

    static async Task<(HttpResponseMessage Response, UpBody Up)> SendAsync(ApiNode node, HttpClient client)
    {
        var body = node.Body;
        UpBody up = new();
        var request = new HttpRequestMessage(HttpMethod.Post, "/v1/stream")
        {
            Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = up,
        };
        await up.WriteAsync(new UpFrame(Attach: new AttachFrame("0.1.0", "linux", node.Hostname, 0, 0, MapChange.Hash(body))));
        return (await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead), up);
    }

    sealed class UpBody : HttpContent
    {
        readonly Pipe _pipe = new();

        public UpBody() => Headers.ContentType = new MediaTypeHeaderValue("application/x-ndjson");

        public async Task WriteAsync(UpFrame frame)
        {
            await _pipe.Writer.WriteAsync(ProtocolJson.Encode(frame, ProtocolJson.Default.UpFrame));
            await _pipe.Writer.WriteAsync("\n"u8.ToArray());
        }

        public void Complete() => _pipe.Writer.Complete();

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            while (true)
            {
                var read = await _pipe.Reader.ReadAsync();
                foreach (var segment in read.Buffer)
                    await stream.WriteAsync(segment);
                _pipe.Reader.AdvanceTo(read.Buffer.End);
                await stream.FlushAsync();
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
