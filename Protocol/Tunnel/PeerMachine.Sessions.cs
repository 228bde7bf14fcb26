using Mesh.Protocol.Time;

namespace Mesh.Protocol.Tunnel;

/// <content>
/// Rotation of sessions. A session of an initiator is used at once; one of a responder waits as next until the first packet arrives on it
/// (WireGuard paper section 5.1). Sessions that were replaced stay for packets under way.
/// </content>
public sealed partial class PeerMachine
{
    // One is enough for renewals in turn; renewals that cross leave two each, and packets may still be under way on all of them.
    const int MaximumPrevious = 4;

    bool _nextCrossed;

    /// <summary>
    /// Gets whether this side yields when both sides initiate at once. Both handshakes then complete; so that both ends send on the same
    /// session, the side with the smaller key lets the other's win as soon as it is confirmed. A peer that keeps only one of the two never
    /// confirms the other, which is as good. Where messages are also reordered each side may end up sending on a session of its own;
    /// both are live at both ends, and the next renewal joins them.
    /// </summary>
    bool Yields => _options.DeviceKey.PublicKey.Value < _options.Peer.Value;

    void InstallInitiated(TransportSession session, Instant now)
    {
        _indexes.Bind(session.Local, session);
        _agreesAnew = false;
        if (_continuity.Next is { } next && !(_nextCrossed && Yields))
        {
            Retain(next);
            _continuity.Next = null;
        }
        MakeCurrent(session, now);
        // The first message tells the responder that it may send. The data path may have packets to do that with; it is not known here.
        _keepaliveDue = true;
    }

    void InstallAnswered(TransportSession session, Instant now)
    {
        _indexes.Bind(session.Local, session);
        _agreesAnew = false;
        if (_continuity.Next is { } unused)
            Retire(unused);
        _continuity.Next = session;
        _nextCrossed = _initiator is not null;
        ArmExpiry();
        _timers.Set(TunnelTimer.ZeroKeys, now + TunnelSpecification.ZeroKeysAfterTime);
    }

    void ConfirmNext(Instant now)
    {
        var session = _continuity.Next!;
        _continuity.Next = null;
        // The peer has a session now: an initiation of our own, perhaps under way, has become pointless.
        EndHandshake();
        MakeCurrent(session, now);
    }

    void MakeCurrent(TransportSession session, Instant now)
    {
        if (_continuity.Current is { } replaced)
            Retain(replaced);
        _continuity.Current = session;
        _continuity.LastHandshake = now;
        _events.Enqueue(new PeerEvent.HandshakeCompleted(session));
        _events.Enqueue(new PeerEvent.SendSessionChanged(session));
        ArmExpiry();
        _timers.Set(TunnelTimer.ZeroKeys, now + TunnelSpecification.ZeroKeysAfterTime);
        Watch(now);
    }

    void Retain(TransportSession session)
    {
        _continuity.Retained.Add(session);
        if (_continuity.Retained.Count <= MaximumPrevious)
            return;
        Retire(_continuity.Retained[0]);
        _continuity.Retained.RemoveAt(0);
    }

    void Retire(TransportSession session)
    {
        _indexes.Release(session.Local);
        session.Dispose();
        _events.Enqueue(new PeerEvent.SessionRetired(session));
    }

    void RetireAll()
    {
        foreach (var session in _continuity.Retained)
            Retire(session);
        _continuity.Retained.Clear();
        if (_continuity.Next is { } next)
            Retire(next);
        _continuity.Next = null;
        RetireCurrent();
        ArmExpiry();
    }

    void RetireCurrent()
    {
        if (_continuity.Current is not { } current)
            return;
        _continuity.Current = null;
        _events.Enqueue(new PeerEvent.SendSessionChanged(null));
        Retire(current);
    }

    void RetireExpired(Instant now)
    {
        for (var i = _continuity.Retained.Count - 1; i >= 0; i--)
        {
            if (!IsExpired(_continuity.Retained[i], now))
                continue;
            Retire(_continuity.Retained[i]);
            _continuity.Retained.RemoveAt(i);
        }
        if (_continuity.Next is { } next && IsExpired(next, now))
        {
            Retire(next);
            _continuity.Next = null;
        }
        if (_continuity.Current is { } current && IsExpired(current, now))
            RetireCurrent();
        ArmExpiry();
    }

    static bool IsExpired(TransportSession session, Instant now) => now - session.EstablishedAt >= TunnelSpecification.RejectAfterTime;

    void ArmExpiry()
    {
        Instant? first = null;
        foreach (var session in _continuity.Retained)
            first = Earlier(first, session);
        first = Earlier(first, _continuity.Next);
        first = Earlier(first, _continuity.Current);
        _timers.Set(TunnelTimer.ExpireSession, first + TunnelSpecification.RejectAfterTime);
    }

    static Instant? Earlier(Instant? first, TransportSession? session) =>
        session is null ? first : first is { } known ? Instant.Min(known, session.EstablishedAt) : session.EstablishedAt;

    void AdoptSessions(Instant now)
    {
        if (_continuity.Outstanding is { } lost)
            _indexes.Release(lost);
        _continuity.Outstanding = null;
        RetireExpired(now);
        if (_continuity.Next is { IsConfirmed: true })
            ConfirmNext(now);
        else if (_continuity.Current is { } current)
            _events.Enqueue(new PeerEvent.SendSessionChanged(current));
        // What the sessions signalled may have been lost with the last machine.
        _continuity.Current?.RearmRekey();
        Activity.EndWatch();
        if (_continuity.Current is not null || _continuity.Next is not null)
        {
            _timers.Set(TunnelTimer.ZeroKeys, now + TunnelSpecification.ZeroKeysAfterTime);
            Activity.TryBeginWatch();
            Watch(now);
        }
    }
}
