using System.Buffers.Binary;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;

namespace Mesh.Tests.Protocol.Tunnel;

public sealed class TransportRunTests
{
    static readonly byte[] _keyA = Enumerable.Repeat((byte)1, 32).ToArray();
    static readonly byte[] _keyB = Enumerable.Repeat((byte)2, 32).ToArray();
    static readonly Instant _start = new(TimeSpan.TicksPerHour);

    readonly PeerActivity _received = new();

    (TransportSession Initiator, TransportSession Responder) Sessions(CipherSuite suite) =>
        (new(SessionRole.Initiator, new SessionIndex(11), new SessionIndex(22), _keyA, _keyB, new PeerActivity(), _start, suite),
            new(SessionRole.Responder, new SessionIndex(22), new SessionIndex(11), _keyB, _keyA, _received, _start, suite));

    [Theory]
    [InlineData(CipherSuite.ChaCha20Poly1305, 1452, 45, 1420, 77)]
    [InlineData(CipherSuite.ChaCha20Poly1305, 2048, 128, 60, 60)]
    [InlineData(CipherSuite.Aes256Gcm, 1452, 45, 1420, 1420)]
    [InlineData(CipherSuite.Aes256Gcm, 96, 3, 50, 1)]
    [InlineData(CipherSuite.Aes256Gcm, 0, 1, 0, 900)]
    public void A_run_is_the_messages_one_by_one(CipherSuite suite, int stride, int count, int payload, int last)
    {
        var (runs, responder) = Sessions(suite);
        var (singles, _) = Sessions(suite);
        var length = (stride * (count - 1)) + 32 + TransportMessage.PaddedLength(last, 1420);
        var run = new byte[length + 5];
        new Random(count).NextBytes(run);
        var plain = run.ToArray();
        var expected = run.ToArray();
        for (var i = 0; i < count; i++)
            Assert.Equal(DropReason.None, singles.Seal(expected.AsSpan(i * stride), i < count - 1 ? payload : last, 1420, _start).Drop);

        Assert.Equal(new SealResult(DropReason.None, length, SessionSignals.Activity), runs.SealRun(run, stride, count, payload, last, 1420, _start));
        Assert.Equal(expected, run);
        Assert.Equal((ulong)count, runs.SendCounter);

        using var lease = responder.BeginOpening();
        for (var i = 0; i < count; i++)
        {
            var size = i < count - 1 ? payload : last;
            var padded = TransportMessage.PaddedLength(size, 1420);
            var opening = lease.Open(run.AsSpan(i * stride, 32 + padded), _start);
            Assert.Equal(new OpenResult(DropReason.None, padded, i == 0 ? SessionSignals.Activity | SessionSignals.Confirmed : SessionSignals.None), opening);
            Assert.Equal(plain.AsSpan((i * stride) + 16, size), run.AsSpan((i * stride) + 16, size));
        }
    }

    [Fact]
    public void A_run_that_has_no_room_takes_no_counters()
    {
        var (initiator, _) = Sessions(CipherSuite.ChaCha20Poly1305);
        var run = new byte[300];
        Assert.Equal(DropReason.BufferTooSmall, initiator.SealRun(run, 95, 3, 64, 64, 1420, _start).Drop);
        Assert.Equal(DropReason.BufferTooSmall, initiator.SealRun(run, 120, 3, 64, 64, 1420, _start).Drop);
        Assert.Equal(DropReason.BufferTooSmall, initiator.SealRun(run, 96, 3, 64, -1, 1420, _start).Drop);
        Assert.Equal(DropReason.BufferTooSmall, initiator.SealRun(run, int.MaxValue, 3, 64, 64, 1420, _start).Drop);
        Assert.Throws<ArgumentOutOfRangeException>(() => initiator.SealRun(new byte[300], 96, 0, 64, 64, 1420, _start));
        Assert.Throws<ArgumentOutOfRangeException>(() => initiator.SealRun(new byte[300], 0, 129, 0, 0, 1420, _start));
        Assert.Equal(0ul, initiator.SendCounter);
        Assert.Equal(DropReason.None, initiator.SealRun(run, 96, 3, 64, 64, 1420, _start).Drop);
    }

    [Fact]
    public void The_message_limits_hold_for_a_run_as_a_whole()
    {
        var (initiator, responder) = Sessions(CipherSuite.ChaCha20Poly1305);
        var run = new byte[96 * 4];
        responder.SendCounter = TunnelSpecification.RekeyAfterMessages - 2;
        Assert.Equal(SessionSignals.Activity | SessionSignals.Rekey, responder.SealRun(run, 96, 3, 64, 64, 1420, _start).Signals);

        initiator.SendCounter = TunnelSpecification.RejectAfterMessages - 4;
        Assert.Equal(DropReason.None, initiator.SealRun(run, 96, 4, 64, 64, 1420, _start).Drop);
        initiator.SendCounter = TunnelSpecification.RejectAfterMessages - 3;
        var before = run.ToArray();
        Assert.Equal(DropReason.SessionExpired, initiator.SealRun(run, 96, 4, 64, 64, 1420, _start).Drop);
        Assert.Equal(before, run);
        for (var i = 0; i < 20_000; i++)
            Assert.Equal(DropReason.SessionExpired, initiator.SealRun(run, 96, 4, 64, 64, 1420, _start).Drop);
        Assert.True(initiator.SendCounter >= TunnelSpecification.RejectAfterMessages);
        Assert.Equal(DropReason.SessionExpired, responder.SealRun(run, 96, 3, 64, 64, 1420, _start + TimeSpan.FromSeconds(180)).Drop);
    }

    [Fact]
    public void A_lease_refuses_by_name_and_goes_on()
    {
        var (initiator, responder) = Sessions(CipherSuite.Aes256Gcm);
        var run = new byte[48 * 4];
        initiator.SealRun(run, 48, 4, 10, 10, 1420, _start);
        using var lease = responder.BeginOpening();
        var second = run.AsSpan(48, 48).ToArray();
        run[60] ^= 1;
        Assert.Equal(DropReason.None, lease.Open(run.AsSpan(0, 48), _start).Drop);
        Assert.Equal(DropReason.TransportAuthentication, lease.Open(run.AsSpan(48, 48), _start).Drop);
        Assert.Equal(DropReason.None, lease.Open(second.ToArray(), _start).Drop);
        Assert.Equal(DropReason.Replay, lease.Open(second, _start).Drop);
        Assert.Equal(DropReason.MessageType, lease.Open(run.AsSpan(96, 31), _start).Drop);
        responder.Dispose();
        Assert.Equal(DropReason.None, lease.Open(run.AsSpan(96, 48), _start).Drop);
        using var late = responder.BeginOpening();
        Assert.Equal(DropReason.SessionRetired, late.Open(run.AsSpan(144, 48), _start).Drop);
    }

    [Fact]
    public void Activity_is_stamped_once_a_lease_but_data_behind_a_keepalive_counts()
    {
        var (initiator, responder) = Sessions(CipherSuite.ChaCha20Poly1305);
        var messages = new byte[32 + 48 + 48];
        initiator.Seal(messages, 0, 1420, _start);
        initiator.SealRun(messages.AsSpan(32), 48, 2, 1, 1, 1420, _start);
        using var lease = responder.BeginOpening();
        Assert.Equal(SessionSignals.Confirmed, lease.Open(messages.AsSpan(0, 32), _start).Signals);
        Assert.Null(_received.UnacknowledgedSince);
        Assert.Equal(SessionSignals.Activity, lease.Open(messages.AsSpan(32, 48), _start).Signals);
        Assert.Equal(_start, _received.UnacknowledgedSince);
        Assert.Equal(SessionSignals.None, lease.Open(messages.AsSpan(80, 48), _start + TimeSpan.FromSeconds(1)).Signals);
        Assert.Equal(_start, _received.LastReceived);
    }

    [Theory]
    [InlineData(CipherSuite.ChaCha20Poly1305)]
    [InlineData(CipherSuite.Aes256Gcm)]
    public void Runs_allocate_nothing(CipherSuite suite)
    {
        var (initiator, responder) = Sessions(suite);
        var run = new byte[1452 * 8];
        for (var i = 0; i < 20; i++)
            Exchange();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 2_000; i++)
            Exchange();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Exchange()
        {
            initiator.SealRun(run, 1452, 8, 1420, 1420, 1420, _start);
            using var lease = responder.BeginOpening();
            for (var i = 0; i < 8; i++)
            {
                if (lease.Open(run.AsSpan(i * 1452, 1452), _start).Drop != DropReason.None)
                    throw new InvalidOperationException();
            }
        }
    }

    [Theory]
    [InlineData(CipherSuite.ChaCha20Poly1305)]
    [InlineData(CipherSuite.Aes256Gcm)]
    public async Task Threads_take_runs_whose_counters_do_not_overlap(CipherSuite suite)
    {
        var (initiator, responder) = Sessions(suite);
        const int workers = 4, rounds = 60, count = 30;
        var counters = await Task.WhenAll(Enumerable.Range(0, workers).Select(_ => Task.Run(() =>
        {
            List<ulong> seen = [];
            var run = new byte[96 * count];
            for (var round = 0; round < rounds; round++)
            {
                Assert.Equal(DropReason.None, initiator.SealRun(run, 96, count, 64, 64, 1420, _start).Drop);
                for (var i = 0; i < count; i++)
                    seen.Add(BinaryPrimitives.ReadUInt64LittleEndian(run.AsSpan((i * 96) + 8)));
                using var lease = responder.BeginOpening();
                for (var i = 0; i < count; i++)
                    Assert.Equal(DropReason.None, lease.Open(run.AsSpan(i * 96, 96), _start).Drop);
            }
            return seen;
        })));
        Assert.Equal(Enumerable.Range(0, workers * rounds * count).Select(i => (ulong)i), counters.SelectMany(list => list).Order());
    }
}
