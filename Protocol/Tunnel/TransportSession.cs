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
    readonly ChaCha20Poly1305Stream _sending;
    readonly ChaCha20Poly1305Stream _receiving;
    readonly ReplayWindow _window = new();
    readonly PeerActivity _activity;
    ulong _sendCounter;
    int _rekeyRaised;
    int _confirmed;
    int _disposed;

    /// <summary>Creates a session from the two 32-byte keys of a completed handshake, which it copies.</summary>
    public TransportSession(SessionRole role, SessionIndex local, SessionIndex remote, ReadOnlySpan<byte> sendingKey,
        ReadOnlySpan<byte> receivingKey, PeerActivity activity, Instant established)
    {
        Role = role;
        Local = local;
        Remote = remote;
        EstablishedAt = established;
        _activity = activity;
        _confirmed = role == SessionRole.Initiator ? 1 : 0;
        _sending = ChaCha20Poly1305Stream.ForSealing(sendingKey);
        _receiving = ChaCha20Poly1305Stream.ForOpening(receivingKey);
    }

    /// <summary>Gets which side of the handshake this machine was on.</summary>
    public SessionRole Role { get; }

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
    public SealResult Seal(Span<byte> buffer, int payloadLength, int mtu, Instant now)
    {
        var padded = TransportMessage.PaddedLength(payloadLength, mtu);
        var length = TransportMessage.Overhead + padded;
        if (payloadLength < 0 || buffer.Length < length)
            return new SealResult(DropReason.BufferTooSmall, 0, SessionSignals.None);
        if (now - EstablishedAt >= TunnelSpecification.RejectAfterTime
            || Volatile.Read(ref _sendCounter) >= TunnelSpecification.RejectAfterMessages)
            return new SealResult(DropReason.SessionExpired, 0, RaiseRekey());

        // The check above keeps the counter from ever coming near its end: it can overshoot by one per thread, and 2^13 are left.
        var counter = Interlocked.Increment(ref _sendCounter) - 1;
        if (counter >= TunnelSpecification.RejectAfterMessages)
            return new SealResult(DropReason.SessionExpired, 0, RaiseRekey());

        TransportMessage.WriteHeader(buffer, Remote, counter);
        buffer.Slice(TransportMessage.HeaderSize + payloadLength, padded - payloadLength).Clear();
        if (!_sending.TrySeal(counter, buffer[TransportMessage.HeaderSize..length]))
            return new SealResult(DropReason.SessionRetired, 0, SessionSignals.None);

        var signals = _activity.NoteSent(now, payloadLength != 0) ? SessionSignals.Activity : SessionSignals.None;
        if (counter >= TunnelSpecification.RekeyAfterMessages
            || (Role == SessionRole.Initiator && now - EstablishedAt >= TunnelSpecification.RekeyAfterTime))
            signals |= RaiseRekey();
        return new SealResult(DropReason.None, length, signals);
    }

    /// <summary>
    /// Turns a transport message into its plaintext in place, 16 bytes into the buffer. The caller has found this session by the
    /// receiver index. The replay window moves only for what authenticates.
    /// </summary>
    public OpenResult Open(Span<byte> message, Instant now)
    {
        if (!TransportMessage.TryReadHeader(message, out _, out var counter))
            return new OpenResult(DropReason.MessageType, 0, SessionSignals.None);
        if (now - EstablishedAt >= TunnelSpecification.RejectAfterTime || counter >= TunnelSpecification.RejectAfterMessages)
            return new OpenResult(DropReason.SessionExpired, 0, SessionSignals.None);
        if (!_receiving.TryOpen(counter, message[TransportMessage.HeaderSize..]))
            return new OpenResult(IsDisposed ? DropReason.SessionRetired : DropReason.TransportAuthentication, 0, SessionSignals.None);
        if (!_window.TryAccept(counter))
            return new OpenResult(DropReason.Replay, 0, SessionSignals.None);

        var length = message.Length - TransportMessage.Overhead;
        var signals = _activity.NoteReceived(now, length != 0) ? SessionSignals.Activity : SessionSignals.None;
        if (Volatile.Read(ref _confirmed) == 0 && Interlocked.Exchange(ref _confirmed, 1) == 0)
            signals |= SessionSignals.Confirmed;
        if (Role == SessionRole.Initiator && now - EstablishedAt >= TunnelSpecification.RekeyOnReceiveAfterTime)
            signals |= RaiseRekey();
        return new OpenResult(DropReason.None, length, signals);
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
