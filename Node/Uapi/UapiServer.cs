using System.Net.Sockets;
using Mesh.Protocol.Uapi;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Uapi;

/// <summary>What requests are answered by.</summary>
interface IUapiDevice
{
    /// <summary>Applies a set request and gives the errno to answer.</summary>
    Task<int> SetAsync(UapiSetRequest request);

    /// <summary>Gives the device as it is now.</summary>
    UapiDevice Get();
}

/// <summary>
/// Serves requests on a listening socket: any number in turn on each connection, at most <see cref="MaximumConnections"/> connections. What is no request
/// closes its connection without an answer, as wireguard-go does; a set request that is cut off changes nothing.
/// </summary>
sealed class UapiServer(Socket listener, IUapiDevice device, UapiScopes scopes, ILogger log)
{
    /// <summary>Connections at a time; others wait to be accepted.</summary>
    public const int MaximumConnections = 64;

    /// <summary>Bytes of the largest request: more than half a million prefixes.</summary>
    public const int MaximumRequest = 32 << 20;

    const int ReadAhead = 64 << 10;

    /// <summary>Serves until cancelled; no request is under way when it is done.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        using SemaphoreSlim free = new(MaximumConnections);
        while (!stop.IsCancellationRequested)
        {
            await free.WaitAsync(CancellationToken.None);
            if (await AcceptAsync(stop) is { } connection)
                _ = ServeAsync(connection, free, stop);
            else
                free.Release();
        }

        for (var i = 0; i < MaximumConnections; i++)
            await free.WaitAsync(CancellationToken.None);
    }

    async Task<Socket?> AcceptAsync(CancellationToken stop)
    {
        try
        {
            return await listener.AcceptAsync(stop);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
        catch (SocketException failed)
        {
            // Out of descriptors, perhaps: those who wait are served when there are some again.
            log.UapiFailed(failed.Message);
            await Task.Delay(TimeSpan.FromMilliseconds(100), CancellationToken.None);
            return null;
        }
    }

    async Task ServeAsync(Socket connection, SemaphoreSlim free, CancellationToken stop)
    {
        try
        {
            using (connection)
            using (UapiBuffer input = new())
            {
                while (await TryAnswerAsync(connection, input, stop))
                {
                }
            }
        }
        catch (Exception ended) when (ended is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // Whoever asked is gone, or we go.
            _ = ended;
        }
#pragma warning disable CA1031 // A request that fails in an unforeseen way costs its connection, not the device.
        catch (Exception failed)
#pragma warning restore CA1031
        {
            log.UapiFailed($"{failed.GetType().Name}: {failed.Message}");
        }
        finally
        {
            free.Release();
        }
    }

    async Task<bool> TryAnswerAsync(Socket connection, UapiBuffer input, CancellationToken stop)
    {
        UapiRequestFrame frame = new();
        while (!frame.TryFind(input.Written.Span))
        {
            if (input.Written.Length > MaximumRequest)
            {
                log.UapiFailed($"a request is longer than {MaximumRequest} bytes");
                return false;
            }

            var read = await connection.ReceiveAsync(input.Room(ReadAhead), SocketFlags.None, stop);
            if (read == 0)
                return false;
            input.Advance(read);
        }

        using UapiBuffer output = new();
        switch (frame.Kind)
        {
            case UapiRequestKind.Get:
                device.Get().WriteReply(output, scopes);
                break;
            case UapiRequestKind.Set:
                var request = UapiSetRequest.Parse(input.Written.Span[frame.Lines], scopes);
                var errno = await device.SetAsync(request);
                if (errno != UapiErrno.None)
                    log.SetRefused($"errno {errno}");
                UapiDevice.WriteErrno(output, errno);
                break;
            default:
                log.UapiFailed("somebody sent what is no request");
                return false;
        }

        input.Consume(frame.Length);
        for (var rest = output.Written; !rest.IsEmpty;)
            rest = rest[await connection.SendAsync(rest, SocketFlags.None, stop)..];
        return true;
    }
}
