using System.Buffers.Binary;
using System.Collections;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Mesh.Tests.E2E.Lab;

/// <summary>
/// Is one run of numbered datagrams of seeded sizes and content: what arrived was sent so, once, whole and alone; what did not is counted.
/// A datagram is its number (8 bytes, big-endian), then content; one too short for a number has content that depends on its size.
/// </summary>
sealed class DatagramTransfer
{
    const int NumberSize = 8, UnderWay = 128;
    readonly int _count;
    readonly int _largest;
    readonly ulong _seed;
    int _received;
    volatile bool _sent;

    DatagramTransfer(int count, int largest, ulong seed) => (_count, _largest, _seed) = (count, largest, seed);

    /// <summary>Gets how many were sent.</summary>
    public int Sent => _count;

    /// <summary>Gets how many arrived.</summary>
    public int Received => _received;

    /// <summary>Gets how long it took.</summary>
    public TimeSpan Elapsed { get; private set; }

    /// <summary>Sends datagrams of 1 to <paramref name="largest"/> bytes from one machine to an address of another; fails on any that is not as it was sent.</summary>
    public static async Task<DatagramTransfer> RunAsync(Netns from, Netns to, string address, int count, int largest, ulong seed)
    {
        DatagramTransfer transfer = new(count, largest, seed);
        IPEndPoint at = new(IPAddress.Parse(address), 0);
        using var receiver = NetnsSocket.Create(to, at.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        receiver.Bind(at);
        receiver.ReceiveTimeout = 300;
        // All that may be under way, should the receiver be slow for a moment: the kernel counts more than the bytes of a datagram.
        receiver.ReceiveBufferSize = UnderWay * 4096;
        using var sender = NetnsSocket.Create(from, at.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        var watch = Stopwatch.StartNew();
        var receiving = Task.Factory.StartNew(() => transfer.Receive(receiver), TaskCreationOptions.LongRunning);
        await Task.Factory.StartNew(() => transfer.Send(sender, receiver.LocalEndPoint!), TaskCreationOptions.LongRunning);
        transfer.Elapsed = watch.Elapsed;
        await receiving;
        return transfer;
    }

    int SizeOf(int number) => 1 + (int)(SeededContent.Mix(_seed ^ (ulong)number) % (ulong)_largest);

    Span<byte> Write(byte[] buffer, int number)
    {
        var datagram = buffer.AsSpan(0, SizeOf(number));
        if (datagram.Length < NumberSize)
        {
            SeededContent.Write(datagram, _seed + (ulong)datagram.Length, 0);
            return datagram;
        }
        BinaryPrimitives.WriteInt64BigEndian(datagram, number);
        SeededContent.Write(datagram[NumberSize..], _seed + (ulong)number, 0);
        return datagram;
    }

    void Send(Socket socket, EndPoint to)
    {
        var buffer = new byte[_largest];
        var address = to.Serialize();
        var lost = 0;
        for (var number = 0; number < _count; number++)
        {
            // As fast as the receiver takes them; what has not come after a moment will not.
            for (var wait = Stopwatch.GetTimestamp(); number - lost - Volatile.Read(ref _received) >= UnderWay; Thread.Yield())
            {
                if (Stopwatch.GetElapsedTime(wait) > TimeSpan.FromMilliseconds(50))
                    lost = number - Volatile.Read(ref _received);
            }
            socket.SendTo(Write(buffer, number), SocketFlags.None, address);
        }
        _sent = true;
    }

    void Receive(Socket socket)
    {
        var (buffer, expected) = (new byte[65536], new byte[_largest]);
        BitArray seen = new(_count);
        var ofSize = new int[NumberSize];
        while (_received < _count)
        {
            int size;
            try
            {
                size = socket.Receive(buffer);
            }
            catch (SocketException) when (_sent)
            {
                break;
            }
            catch (SocketException failure) when (failure.SocketErrorCode is SocketError.WouldBlock or SocketError.TimedOut)
            {
                continue;
            }
            Check(buffer.AsSpan(0, size), expected, seen, ofSize);
            Volatile.Write(ref _received, _received + 1);
        }
        for (var size = 1; size < NumberSize; size++)
        {
            var sent = Enumerable.Range(0, _count).Count(number => SizeOf(number) == size);
            Assert.True(ofSize[size] <= sent, $"{ofSize[size]} datagrams of {size} bytes came, {sent} were sent");
        }
    }

    void Check(ReadOnlySpan<byte> datagram, byte[] expected, BitArray seen, int[] ofSize)
    {
        if (datagram.Length < NumberSize)
        {
            var content = expected.AsSpan(0, datagram.Length);
            SeededContent.Write(content, _seed + (ulong)datagram.Length, 0);
            Assert.True(datagram.SequenceEqual(content), $"a datagram of {datagram.Length} bytes is not as it was sent");
            ofSize[datagram.Length]++;
            return;
        }
        var number = BinaryPrimitives.ReadInt64BigEndian(datagram);
        Assert.True(number >= 0 && number < _count, $"{datagram.Length} bytes that were never sent");
        Assert.True(datagram.Length == SizeOf((int)number), $"datagram {number} came with {datagram.Length} bytes, and was sent with {SizeOf((int)number)}");
        Assert.True(datagram.SequenceEqual(Write(expected, (int)number)), $"datagram {number} came with other content");
        Assert.False(seen[(int)number], $"datagram {number} came twice");
        seen[(int)number] = true;
    }
}
