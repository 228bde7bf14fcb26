using Mesh.Protocol.Crypto;
using Mesh.Protocol.Time;

namespace Mesh.Protocol.Tunnel;

/// <summary>Says which side of the handshake this machine was on.</summary>
public enum SessionRole
{
    /// <summary>This machine sent the initiation; it renews the session.</summary>
    Initiator,

    /// <summary>This machine answered; it may send only after the first packet arrived.</summary>
    Responder,
}

/// <summary>
/// Holds the keys of one session with its send counter and replay window, and seals and opens packets in place. It has no timers: it
/// stamps a <see cref="PeerActivity"/> that the peer's machine reads. Every member is safe for concurrent use, also
/// <see cref="Dispose"/> while other threads seal and open; nothing is allocated per packet and no lock is taken.
/// </summary>
public sealed class TransportSession : IDisposable
{
    readonly AeadStream _sending;
    readonly AeadStream _receiving;
    readonly ReplayWindow _window = new();
    readonly PeerActivity _activity;
    ulong _sendCounter;
    int _rekeyRaised;
    int _confirmed;
    int _disposed;

    /// <summary>Creates a session from the two 32-byte keys of a completed handshake, which it copies.</summary>
    public TransportSession(SessionRole role, SessionIndex local, SessionIndex remote, ReadOnlySpan<byte> sendingKey,
        ReadOnlySpan<byte> receivingKey, PeerActivity activity, Instant established, CipherSuite suite = CipherSuite.ChaCha20Poly1305)
    {
        Role = role;
        Local = local;
        Remote = remote;
        EstablishedAt = established;
        _activity = activity;
        _confirmed = role == SessionRole.Initiator ? 1 : 0;
        _sending = AeadStream.ForSealing(suite, sendingKey);
        _receiving = AeadStream.ForOpening(suite, receivingKey);
    }

    /// <summary>Gets which side of the handshake this machine was on.</summary>
    public SessionRole Role { get; }

    /// <summary>Gets the cipher.</summary>
    public CipherSuite Suite => _sending.Suite;

    /// <summary>Gets the index under which messages arrive.</summary>
    public SessionIndex Local { get; }

    /// <summary>Gets the index that is written into messages.</summary>
    public SessionIndex Remote { get; }

    /// <summary>Gets when the keys were derived.</summary>
    public Instant EstablishedAt { get; }

    /// <summary>Gets whether the other side is known to hold the keys: always for an initiator, after the first packet for a
    /// responder.</summary>
    public bool IsConfirmed => Volatile.Read(ref _confirmed) != 0;

    /// <summary>Gets whether the keys were zeroed.</summary>
    public bool IsDisposed => Volatile.Read(ref _disposed) != 0;

    /// <summary>Gets or sets the counter of the next message sent; set by tests of the message limits only.</summary>
    internal ulong SendCounter
    {
        get => Volatile.Read(ref _sendCounter);
        set => Volatile.Write(ref _sendCounter, value);
    }

    /// <summary>
    /// Turns a packet into a transport message in place. The payload lies 16 bytes into the buffer; padding and tag are written after it,
    /// the header before it.
    /// </summary>
    /// <param name="buffer">Header room, payload, and room for up to 15 bytes of padding and the 16-byte tag.</param>
    /// <param name="payloadLength">The length of the payload; 0 makes a keepalive.</param>
    /// <param name="mtu">The device's MTU, beyond which nothing is padded.</param>
    /// <param name="now">The present moment; one reading may serve a batch.</param>
    public SealResult Seal(Span<byte> buffer, int payloadLength, int mtu, Instant now) =>
        SealRun(buffer, buffer.Length, 1, payloadLength, payloadLength, mtu, now);

    /// <summary>
    /// Turns packets into transport messages in place, one every <paramref name="stride"/> bytes, with consecutive counters. All of them
    /// are sealed or none. Where the stride is the length of a message (<see cref="TransportMessage.Overhead"/> and the padded payload),
    /// the run is contiguous and can be sent as one segmented datagram.
    /// </summary>
    /// <param name="run">The messages' room; in each the payload lies 16 bytes in, with room for padding and tag behind it.</param>
    /// <param name="stride">The bytes from the start of one message to that of the next.</param>
    /// <param name="count">The number of messages, 1 to <see cref="TunnelTuning.LongestRun"/>.</param>
    /// <param name="payloadLength">The length of every payload but the last.</param>
    /// <param name="lastPayloadLength">The length of the last payload.</param>
    /// <param name="mtu">The device's MTU, beyond which nothing is padded.</param>
    /// <param name="now">The present moment.</param>
    /// <returns>With the length from the start of the run to the end of its last message.</returns>
    public SealResult SealRun(Span<byte> run, int stride, int count, int payloadLength, int lastPayloadLength, int mtu, Instant now)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, TunnelTuning.LongestRun);
        var padded = TransportMessage.PaddedLength(payloadLength, mtu);
        var lastPadded = TransportMessage.PaddedLength(lastPayloadLength, mtu);
        var start = (long)stride * (count - 1);
        if (payloadLength < 0 || lastPayloadLength < 0 || stride < 0 || (count > 1 && stride < TransportMessage.Overhead + padded)
            || run.Length < start + TransportMessage.Overhead + lastPadded)
            return new SealResult(DropReason.BufferTooSmall, 0, SessionSignals.None);
        if (now - EstablishedAt >= TunnelSpecification.RejectAfterTime
            || Volatile.Read(ref _sendCounter) >= TunnelSpecification.RejectAfterMessages)
            return new SealResult(DropReason.SessionExpired, 0, RaiseRekey());
        using var lease = _sending.Rent();
        if (!lease.IsValid)
            return new SealResult(DropReason.SessionRetired, 0, SessionSignals.None);

        // The check above keeps the counter from ever coming near its end: it can overshoot by a run per thread, and 2^13 are left.
        var next = Interlocked.Add(ref _sendCounter, (ulong)count);
        if (next > TunnelSpecification.RejectAfterMessages)
            return new SealResult(DropReason.SessionExpired, 0, RaiseRekey());
        var counter = next - (ulong)count;
        for (var i = 0; i < count - 1; i++)
        {
            if (!TrySealOne(lease, run.Slice(i * stride, TransportMessage.Overhead + padded), payloadLength, counter + (ulong)i))
                return new SealResult(DropReason.SessionRetired, 0, SessionSignals.None);
        }
        if (!TrySealOne(lease, run.Slice((int)start, TransportMessage.Overhead + lastPadded), lastPayloadLength, next - 1))
            return new SealResult(DropReason.SessionRetired, 0, SessionSignals.None);

        var signals = _activity.NoteSent(now, payloadLength != 0 || lastPayloadLength != 0) ? SessionSignals.Activity : SessionSignals.None;
        if (next > TunnelSpecification.RekeyAfterMessages
            || (Role == SessionRole.Initiator && now - EstablishedAt >= TunnelSpecification.RekeyAfterTime))
            signals |= RaiseRekey();
        return new SealResult(DropReason.None, (int)start + TransportMessage.Overhead + lastPadded, signals);
    }

    /// <summary>
    /// Turns a transport message into its plaintext in place, 16 bytes into the buffer. The caller has found this session by the
    /// receiver index. The replay window moves only for what authenticates.
    /// </summary>
    public OpenResult Open(Span<byte> message, Instant now)
    {
        using var lease = BeginOpening();
        return lease.Open(message, now);
    }

    /// <summary>
    /// Begins to open messages of this session that arrived together: what a message costs beside its decryption is paid once. Dispose
    /// the lease after the last. A session that is retired meanwhile still opens the rest.
    /// </summary>
    public OpeningLease BeginOpening() => new(this);

    bool TrySealOne(in AeadStream.Lease lease, Span<byte> message, int payloadLength, ulong counter)
    {
        TransportMessage.WriteHeader(message, Remote, counter);
        message[(TransportMessage.HeaderSize + payloadLength)..^TransportMessage.TagSize].Clear();
        return lease.TrySeal(counter, message[TransportMessage.HeaderSize..]);
    }

    OpenResult Open(in AeadStream.Lease lease, Span<byte> message, Instant now)
    {
        if (!TransportMessage.TryReadHeader(message, out _, out var counter))
            return new OpenResult(DropReason.MessageType, 0, SessionSignals.None);
        if (now - EstablishedAt >= TunnelSpecification.RejectAfterTime || counter >= TunnelSpecification.RejectAfterMessages)
            return new OpenResult(DropReason.SessionExpired, 0, SessionSignals.None);
        if (!lease.TryOpen(counter, message[TransportMessage.HeaderSize..]))
        {
            return new OpenResult(
                IsDisposed ? DropReason.SessionRetired : DropReason.TransportAuthentication, 0, SessionSignals.None);
        }
        if (!_window.TryAccept(counter))
            return new OpenResult(DropReason.Replay, 0, SessionSignals.None);

        var signals = SessionSignals.None;
        if (Volatile.Read(ref _confirmed) == 0 && Interlocked.Exchange(ref _confirmed, 1) == 0)
            signals |= SessionSignals.Confirmed;
        if (Role == SessionRole.Initiator && now - EstablishedAt >= TunnelSpecification.RekeyOnReceiveAfterTime)
            signals |= RaiseRekey();
        return new OpenResult(DropReason.None, message.Length - TransportMessage.Overhead, signals);
    }

    /// <summary>Opens messages of one session on one thread. Not to be copied; dispose it once.</summary>
    public ref struct OpeningLease
    {
        readonly TransportSession _session;
        AeadStream.Lease _lease;
        bool _stamped;
        bool _stampedData;

        internal OpeningLease(TransportSession session)
        {
            _session = session;
            _lease = session._receiving.Rent();
        }

        /// <inheritdoc cref="TransportSession.Open(Span{byte}, Instant)"/>
        public OpenResult Open(Span<byte> message, Instant now)
        {
            var result = _session.Open(_lease, message, now);
            if (result.Drop != DropReason.None || _stampedData || (_stamped && result.Length == 0))
                return result;
            _stamped = true;
            _stampedData = result.Length != 0;
            return _session._activity.NoteReceived(now, _stampedData)
                ? result with { Signals = result.Signals | SessionSignals.Activity }
                : result;
        }

        /// <summary>Gives the context back.</summary>
        public void Dispose() => _lease.Dispose();
    }

    /// <summary>Zeroes the keys; packets that other threads are at are finished or refused with
    /// <see cref="DropReason.SessionRetired"/>.</summary>
    public void Dispose()
    {
        Interlocked.Exchange(ref _disposed, 1);
        _sending.Dispose();
        _receiving.Dispose();
    }

    /// <summary>Lets <see cref="SessionSignals.Rekey"/> be raised again, after a handshake that came to nothing.</summary>
    internal void RearmRekey() => Volatile.Write(ref _rekeyRaised, 0);

    SessionSignals RaiseRekey() =>
        Volatile.Read(ref _rekeyRaised) == 0 && Interlocked.Exchange(ref _rekeyRaised, 1) == 0 ? SessionSignals.Rekey : SessionSignals.None;
}
