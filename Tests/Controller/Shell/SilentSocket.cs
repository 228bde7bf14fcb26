using System.Net.Sockets;
using System.Text;

namespace Mesh.Tests.Controller.Shell;

/// <summary>Stands where a controller's admin socket would: refuses the first request for want of scope, and never answers the next.</summary>
sealed class SilentSocket : IDisposable
{
    readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    readonly CancellationTokenSource _stop = new();

    public SilentSocket(string path)
    {
        Path = path;
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen();
        _ = ServeAsync();
    }

    public string Path { get; }

    /// <summary>Is called with the number of every request that was read, from 1.</summary>
    public Action<int>? WhenAsked { get; set; }

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Dispose();
        _stop.Dispose();
    }

    async Task ServeAsync()
    {
        const string problem = """{"title":"not for you","status":403,"code":"scope"}""";
        using var client = await _listener.AcceptAsync(_stop.Token);
        using var stream = new NetworkStream(client);
        using var reader = new StreamReader(stream);
        for (var count = 0; await reader.ReadLineAsync(_stop.Token) is { } line;)
        {
            if (line.Length > 0)
                continue;
            if (++count == 1)
                await stream.WriteAsync(Encoding.UTF8.GetBytes($"HTTP/1.1 403 Forbidden\r\nContent-Length: {problem.Length}\r\n\r\n{problem}"), _stop.Token);
            WhenAsked?.Invoke(count);
        }
    }
}
