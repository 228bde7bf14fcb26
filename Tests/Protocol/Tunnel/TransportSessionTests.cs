using System.Collections.Concurrent;
using System.Buffers.Binary;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;

namespace Mesh.Tests.Protocol.Tunnel;

public sealed class TransportSessionTests
{
    static readonly byte[] _keyA = Enumerable.Repeat((byte)1, 32).ToArray();
    static readonly byte[] _keyB = Enumerable.Repeat((byte)2, 32).ToArray();
    static readonly Instant _start = new(TimeSpan.TicksPerHour);

    static (TransportSession Initiator, TransportSession Responder) Sessions() =>
        (new(SessionRole.Initiator, new SessionIndex(11), new SessionIndex(22), _keyA, _keyB, new PeerActivity(), _start),
            new(SessionRole.Responder, new SessionIndex(22), new SessionIndex(11), _keyB, _keyA, new PeerActivity(), _start));

    [Theory]
    [InlineData(0, 1420, 0)]
    [InlineData(1, 1420, 16)]
    [InlineData(16, 1420, 16)]
    [InlineData(1409, 1420, 1420)]
    [InlineData(1420, 1420, 1420)]
    [InlineData(1500, 1420, 1500)]
    [InlineData(1000, 1000, 1000)]
    public void Packets_are_padded_up_to_the_mtu(int length, int mtu, int padded)
    {
        var (initiator, responder) = Sessions();
        var buffer = new byte[2000];
        buffer.AsSpan().Fill(0xee);
        for (var i = 0; i < length; i++)
            buffer[16 + i] = (byte)i;

        var sealing = initiator.Seal(buffer, length, mtu, _start);
        Assert.Equal(DropReason.None, sealing.Drop);
        Assert.Equal(padded + 32, sealing.Length);
        Assert.Equal(4u, BinaryPrimitives.ReadUInt32LittleEndian(buffer));

        var opening = responder.Open(buffer.AsSpan(0, sealing.Length), _start);
        Assert.Equal(DropReason.None, opening.Drop);
        Assert.Equal(padded, opening.Length);
        Assert.Equal(Enumerable.Range(0, length).Select(i => (byte)i), buffer.Skip(16).Take(length));
        Assert.All(buffer.Skip(16 + length).Take(padded - length), octet => Assert.Equal(0, octet));
    }

    [Fact]
    public void Unpadded_packets_of_others_are_taken()
    {
        var (_, responder) = Sessions();
        using var stream = AeadStream.ForSealing(CipherSuite.ChaCha20Poly1305, _keyA);
        var packet = new byte[16 + 21 + 16];
        TransportMessage.WriteHeader(packet, new SessionIndex(22), 0);
        Assert.True(stream.TrySeal(0, packet.AsSpan(16)));
        Assert.Equal(new OpenResult(DropReason.None, 21, SessionSignals.Activity | SessionSignals.Confirmed), responder.Open(packet, _start));
    }

    [Fact]
    public void Replayed_changed_and_short_packets_are_dropped_by_name()
    {
        var (initiator, responder) = Sessions();
        var buffer = new byte[100];
        var length = initiator.Seal(buffer, 20, 1420, _start).Length;
        for (var i = 4; i < length; i++)
        {
            // The receiver index is not authenticated: it is what found the session.
            if (i is >= 4 and < 8)
                continue;
            var changed = buffer[..length];
            changed[i] ^= 1;
            Assert.Equal(DropReason.TransportAuthentication, responder.Open(changed, _start).Drop);
        }
        Assert.Equal(DropReason.MessageType, responder.Open(buffer.AsSpan(0, 31), _start).Drop);
        Assert.False(responder.IsConfirmed);
        Assert.Equal(DropReason.None, responder.Open(buffer.AsSpan(0, length).ToArray(), _start).Drop);
        Assert.Equal(DropReason.Replay, responder.Open(buffer.AsSpan(0, length).ToArray(), _start).Drop);
        Assert.Equal(DropReason.BufferTooSmall, initiator.Seal(buffer.AsSpan(0, 47), 20, 1420, _start).Drop);
    }

    [Fact]
    public void An_unauthenticated_counter_does_not_move_the_window()
    {
        var (initiator, responder) = Sessions();
        var buffer = new byte[100];
        var length = initiator.Seal(buffer, 20, 1420, _start).Length;
        var forged = buffer[..length];
        BinaryPrimitives.WriteUInt64LittleEndian(forged.AsSpan(8), 1UL << 40);
        Assert.Equal(DropReason.TransportAuthentication, responder.Open(forged, _start).Drop);
        Assert.Equal(DropReason.None, responder.Open(buffer.AsSpan(0, length).ToArray(), _start).Drop);
    }

    [Fact]
    public void Message_limits_ask_for_new_keys_and_then_refuse()
    {
        var (initiator, responder) = Sessions();
        var buffer = new byte[100];
        responder.SendCounter = TunnelSpecification.RekeyAfterMessages - 1;
        Assert.Equal(SessionSignals.Activity, responder.Seal(buffer, 1, 1420, _start).Signals);
        Assert.Equal(SessionSignals.Rekey, responder.Seal(buffer, 1, 1420, _start).Signals);
        Assert.Equal(SessionSignals.None, responder.Seal(buffer, 1, 1420, _start).Signals);

        initiator.SendCounter = TunnelSpecification.RejectAfterMessages - 1;
        Assert.Equal(DropReason.None, initiator.Seal(buffer, 1, 1420, _start).Drop);
        for (var i = 0; i < 20_000; i++)
            Assert.Equal(DropReason.SessionExpired, initiator.Seal(buffer, 1, 1420, _start).Drop);

        using var stream = AeadStream.ForSealing(CipherSuite.ChaCha20Poly1305, _keyA);
        TransportMessage.WriteHeader(buffer, new SessionIndex(22), TunnelSpecification.RejectAfterMessages);
        Assert.True(stream.TrySeal(TunnelSpecification.RejectAfterMessages, buffer.AsSpan(16)));
        Assert.Equal(DropReason.SessionExpired, responder.Open(buffer, _start).Drop);
    }

    [Fact]
    public void Age_asks_for_new_keys_and_then_refuses()
    {
        var (initiator, responder) = Sessions();
        var buffer = new byte[100];
        Assert.Equal(SessionSignals.Activity, initiator.Seal(buffer, 1, 1420, _start + TimeSpan.FromSeconds(119.9)).Signals);
        Assert.Equal(SessionSignals.Rekey, initiator.Seal(buffer, 1, 1420, _start + TimeSpan.FromSeconds(120)).Signals);
        Assert.Equal(SessionSignals.Activity, responder.Seal(buffer, 1, 1420, _start + TimeSpan.FromSeconds(179.9)).Signals);
        Assert.Equal(DropReason.SessionExpired, responder.Seal(buffer, 1, 1420, _start + TimeSpan.FromSeconds(180)).Drop);

        var (late, sender) = Sessions();
        var first = new byte[48];
        var second = new byte[48];
        sender.Seal(first, 1, 1420, _start);
        sender.Seal(second, 1, 1420, _start);
        Assert.Equal(SessionSignals.Activity, late.Open(first.ToArray(), _start + TimeSpan.FromSeconds(164.9)).Signals);
        Assert.Equal(SessionSignals.Rekey, late.Open(second.ToArray(), _start + TimeSpan.FromSeconds(165)).Signals);
        Assert.Equal(DropReason.SessionExpired, late.Open(second.ToArray(), _start + TimeSpan.FromSeconds(180)).Drop);
    }

    [Fact]
    public void Nothing_is_allocated_per_packet()
    {
        var (initiator, responder) = Sessions();
        var buffer = new byte[1500];
        for (var i = 0; i < 100; i++)
            RoundTrip(initiator, responder, buffer);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10_000; i++)
            RoundTrip(initiator, responder, buffer);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public async Task Threads_seal_and_open_at_once()
    {
        var (initiator, responder) = Sessions();
        var packets = new ConcurrentQueue<byte[]>();
        // Fewer packets than the window holds: none may come too late, however long a thread stands still.
        const int workers = 4, each = 2_000;
        var failures = 0;
        await Task.WhenAll(Enumerable.Range(0, workers).Select(worker => Task.Run(() =>
        {
            for (var i = 0; i < each; i++)
            {
                var buffer = new byte[16 + 64 + 16];
                BinaryPrimitives.WriteInt32LittleEndian(buffer.AsSpan(16), (worker * each) + i);
                if (initiator.Seal(buffer, 64, 1420, _start).Drop != DropReason.None)
                    Interlocked.Increment(ref failures);
                packets.Enqueue(buffer);
                if (packets.TryDequeue(out var packet))
                    Take(packet);
            }
        })));
        while (packets.TryDequeue(out var rest))
            Take(rest);
        Assert.Equal(0, failures);
        Assert.Equal(workers * each, _opened.Count);
        Assert.Equal((ulong)(workers * each), initiator.SendCounter);

        void Take(byte[] packet)
        {
            if (responder.Open(packet, _start).Drop == DropReason.None)
                Assert.True(_opened.TryAdd(BinaryPrimitives.ReadInt32LittleEndian(packet.AsSpan(16)), 0));
            else
                Interlocked.Increment(ref failures);
        }
    }

    readonly ConcurrentDictionary<int, byte> _opened = new();

    [Fact]
    public async Task A_session_may_be_retired_while_threads_are_inside()
    {
        for (var round = 0; round < 40; round++)
        {
            var (initiator, responder) = Sessions();
            using var go = new ManualResetEventSlim();
            var workers = Enumerable.Range(0, 3).Select(_ => Task.Run(() =>
            {
                var buffer = new byte[1500];
                go.Wait();
                while (true)
                {
                    var sealing = initiator.Seal(buffer, 1400, 1420, _start);
                    if (sealing.Drop != DropReason.None)
                        return sealing.Drop;
                    var opening = responder.Open(buffer.AsSpan(0, sealing.Length), _start);
                    if (opening.Drop != DropReason.None)
                        return opening.Drop;
                }
            })).ToArray();
            go.Set();
            await Task.Yield();
            (round % 2 == 0 ? initiator : responder).Dispose();
            // A worker that stood still for more than a window's worth of packets may also see its packet refused as old.
            Assert.All(await Task.WhenAll(workers), reason => Assert.True(reason is DropReason.SessionRetired or DropReason.Replay));
            Assert.Equal(DropReason.SessionRetired, (round % 2 == 0 ? initiator : responder) switch
            {
                var retired when round % 2 == 0 => retired.Seal(new byte[64], 1, 1420, _start).Drop,
                var retired => retired.Open(Sealed(initiator), _start).Drop,
            });
        }
    }

    static byte[] Sealed(TransportSession session)
    {
        var buffer = new byte[48];
        Assert.Equal(DropReason.None, session.Seal(buffer, 1, 1420, _start).Drop);
        return buffer;
    }

    static void RoundTrip(TransportSession from, TransportSession to, byte[] buffer)
    {
        var sealing = from.Seal(buffer, 1400, 1420, _start);
        var opening = to.Open(buffer.AsSpan(0, sealing.Length), _start);
        if (opening.Drop != DropReason.None)
            throw new InvalidOperationException(opening.Drop.ToString());
    }
}
