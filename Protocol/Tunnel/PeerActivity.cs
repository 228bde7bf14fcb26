using Mesh.Protocol.Time;

namespace Mesh.Protocol.Tunnel;

/// <summary>
/// Collects when one peer's packets were last sent and received. Packet threads write it, the peer's machine reads it at its
/// deadlines; so traffic costs no timer. Safe for concurrent use; races between two packets at one moment do no harm.
/// </summary>
public sealed class PeerActivity
{
    const long Never = long.MinValue;

    long _lastSent = Never;
    long _lastReceived = Never;
    long _unansweredSince = Never;
    long _unacknowledgedSince = Never;
    int _watched;

    /// <summary>Gets when any authenticated message was last sent, keepalives and handshakes included.</summary>
    public Instant? LastSent => Read(ref _lastSent);

    /// <summary>Gets when any authenticated message was last received.</summary>
    public Instant? LastReceived => Read(ref _lastReceived);

    /// <summary>Gets when the first data was sent that nothing received since can have answered.</summary>
    public Instant? UnansweredSince => Read(ref _unansweredSince);

    /// <summary>Gets when the first data was received after which nothing was sent.</summary>
    public Instant? UnacknowledgedSince => Read(ref _unacknowledgedSince);

    /// <summary>Stamps a sent message; returns true when the machine should be told that traffic has started.</summary>
    public bool NoteSent(Instant now, bool isData)
    {
        Write(ref _lastSent, now.Ticks);
        Write(ref _unacknowledgedSince, Never);
        if (!isData)
            return false;
        if (Volatile.Read(ref _unansweredSince) == Never)
            Volatile.Write(ref _unansweredSince, now.Ticks);
        return TryBeginWatch();
    }

    /// <summary>Stamps a received, authenticated message; returns true when the machine should be told that traffic has started.</summary>
    public bool NoteReceived(Instant now, bool isData)
    {
        Write(ref _lastReceived, now.Ticks);
        Write(ref _unansweredSince, Never);
        if (!isData)
            return false;
        if (Volatile.Read(ref _unacknowledgedSince) == Never)
            Volatile.Write(ref _unacknowledgedSince, now.Ticks);
        return TryBeginWatch();
    }

    /// <summary>Claims the watch; true for exactly one caller until <see cref="EndWatch"/>.</summary>
    internal bool TryBeginWatch() => Volatile.Read(ref _watched) == 0 && Interlocked.Exchange(ref _watched, 1) == 0;

    /// <summary>Gives the watch back: the next data message is told again.</summary>
    internal void EndWatch() => Interlocked.Exchange(ref _watched, 0);

    /// <summary>Forgets that sent data is unanswered, after a handshake that nobody answered.</summary>
    internal void ForgetUnanswered() => Volatile.Write(ref _unansweredSince, Never);

    /// <summary>Forgets that received data is unacknowledged: the acknowledgement is on its way, or there is no session for it.</summary>
    internal void ForgetUnacknowledged() => Volatile.Write(ref _unacknowledgedSince, Never);

    static Instant? Read(ref long ticks)
    {
        var value = Volatile.Read(ref ticks);
        return value == Never ? null : new Instant(value);
    }

    // Most packets of a batch carry the same instant: reading first keeps the cache line shared.
    static void Write(ref long field, long value)
    {
        if (Volatile.Read(ref field) != value)
            Volatile.Write(ref field, value);
    }
}
