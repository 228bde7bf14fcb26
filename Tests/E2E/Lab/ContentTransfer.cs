using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Mesh.Tests.E2E.Lab;

/// <summary>Is one stream of seeded content that arrived as it was sent.</summary>
readonly record struct ContentTransfer(long Bytes, TimeSpan Elapsed)
{
    const int Chunk = 1 << 18;

    /// <summary>How long a side waits for the other to take or give one more byte before the stream counts as stalled.</summary>
    static readonly TimeSpan _stall = TimeSpan.FromSeconds(15);

    /// <summary>Gets the rate.</summary>
    public double MegabitsPerSecond => Bytes * 8 / Elapsed.TotalSeconds / 1e6;

    /// <summary>Sends content over TCP from one machine to an address of another, and fails unless the SHA-256 at both ends is the same.</summary>
    public static async Task<ContentTransfer> TcpAsync(Netns from, Netns to, string address, long bytes, ulong seed)
    {
        IPEndPoint at = new(IPAddress.Parse(address), 0);
        using var listener = NetnsSocket.Create(to, at.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(at);
        listener.Listen(1);
        using var sender = NetnsSocket.Create(from, at.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        sender.SendTimeout = (int)_stall.TotalMilliseconds;
        var watch = Stopwatch.StartNew();
        await sender.ConnectAsync(listener.LocalEndPoint!).WaitAsync(_stall);
        using var receiver = await listener.AcceptAsync().WaitAsync(_stall);
        receiver.ReceiveTimeout = (int)_stall.TotalMilliseconds;
        var sending = Task.Factory.StartNew(() => Send(sender, bytes, seed), TaskCreationOptions.LongRunning);
        var receiving = Task.Factory.StartNew(() => Receive(receiver, bytes), TaskCreationOptions.LongRunning);
        var (sent, received) = (await sending, await receiving);
        Assert.Equal(sent, received);
        return new ContentTransfer(bytes, watch.Elapsed);
    }

    static string Send(Socket socket, long bytes, ulong seed)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[Chunk];
        for (long at = 0; at < bytes; at += buffer.Length)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, bytes - at));
            SeededContent.Write(part, seed, at);
            hash.AppendData(part);
            try
            {
                for (var rest = part; !rest.IsEmpty;)
                    rest = rest[socket.Send(rest)..];
            }
            catch (SocketException failure)
            {
                throw new InvalidOperationException($"sending stopped after {at} of {bytes} bytes: {failure.Message}", failure);
            }
        }
        socket.Shutdown(SocketShutdown.Send);
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    static string Receive(Socket socket, long bytes)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[Chunk];
        long received = 0;
        try
        {
            for (int count; (count = socket.Receive(buffer)) > 0; received += count)
                hash.AppendData(buffer, 0, count);
        }
        catch (SocketException failure)
        {
            throw new InvalidOperationException($"receiving stopped after {received} of {bytes} bytes: {failure.Message}", failure);
        }
        Assert.Equal(bytes, received);
        return Convert.ToHexString(hash.GetHashAndReset());
    }
}
