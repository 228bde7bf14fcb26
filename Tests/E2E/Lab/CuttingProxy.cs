using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Mesh.Tests.E2E.Lab;

/// <summary>
/// Is a TCP proxy that loses answers: it lets the TLS handshake through, hands the client's request on, and from then on keeps back
/// what the server says. After <see cref="Heal"/> it lets everything through.
/// </summary>
sealed class CuttingProxy : IAsyncDisposable
{
    // The request with a PKCS #10 document and keys in base64; handshake and HTTP/2 preface are far smaller.
    const int RequestSize = 600;
    const byte ApplicationData = 23;

    readonly Socket _listener;
    readonly Netns _ns;
    readonly IPEndPoint _server;
    readonly CancellationTokenSource _end = new();
    readonly Task _accepting;
    readonly TaskCompletionSource _cut = new(TaskCreationOptions.RunContinuationsAsynchronously);
    volatile bool _healed;

    /// <param name="ns">The machine that it runs on.</param>
    /// <param name="address">The address and port that it listens on.</param>
    /// <param name="server">Where it leads.</param>
    public CuttingProxy(Netns ns, IPEndPoint address, IPEndPoint server)
    {
        _ns = ns;
        _server = server;
        _listener = NetnsSocket.Create(ns, AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _listener.Bind(address);
        _listener.Listen();
        _accepting = AcceptAsync();
    }

    /// <summary>Completes when a request has gone through whose answer is kept back.</summary>
    public Task Cut => _cut.Task;

    /// <summary>Lets everything through from now on.</summary>
    public void Heal() => _healed = true;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Dispose();
        await _accepting;
        _end.Dispose();
    }

    async Task AcceptAsync()
    {
        List<Task> connections = [];
        try
        {
            while (true)
            {
                var client = await _listener.AcceptAsync(_end.Token);
                connections.Add(ServeAsync(client));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(connections);
        }
    }

    async Task ServeAsync(Socket client)
    {
        using var server = NetnsSocket.Create(_ns, AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        using (client)
        {
            var cut = false;
            try
            {
                await server.ConnectAsync(_server, _end.Token);
                var up = PumpAsync(client, server, record =>
                {
                    if (!_healed && record is { Type: ApplicationData, Length: > RequestSize })
                        cut = true;
                    return true;
                });
                var down = PumpAsync(server, client, _ => !cut);
                await Task.WhenAny(up, Task.WhenAll(up, down));
                if (cut)
                {
                    _cut.TrySetResult();
                    await Task.WhenAny(up, down);
                }
                else
                    await Task.WhenAll(up, down);
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException)
            {
                _ = e;
            }
        }
    }

    // Moves whole TLS records (RFC 8446 section 5.1): type, version, length, content.
    async Task PumpAsync(Socket from, Socket to, Func<(byte Type, int Length), bool> allow)
    {
        var buffer = new byte[5 + ushort.MaxValue];
        while (await FillAsync(from, buffer.AsMemory(0, 5)))
        {
            var length = BinaryPrimitives.ReadUInt16BigEndian(buffer.AsSpan(3));
            if (!await FillAsync(from, buffer.AsMemory(5, length)))
                return;
            var allowed = allow((buffer[0], length));
            if (allowed)
                await to.SendAsync(buffer.AsMemory(0, 5 + length), _end.Token);
            else
                _cut.TrySetResult();
        }
        to.Shutdown(SocketShutdown.Send);
    }

    async Task<bool> FillAsync(Socket from, Memory<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var read = await from.ReceiveAsync(buffer, _end.Token);
            if (read == 0)
                return false;
            buffer = buffer[read..];
        }
        return true;
    }
}
