using Mesh.Protocol.Time;

namespace Mesh.Protocol.Tunnel;

/// <content>The timers (WireGuard paper section 6), and the watch over traffic that packet threads only stamp.</content>
public sealed partial class PeerMachine
{
    bool _keepaliveDue;
    Instant? _lastWatch;

    /// <summary>Does what is due; calling it early does nothing.</summary>
    public void HandleTimeout(Instant now)
    {
        while (_timers.TryTakeDue(now, out var timer))
        {
            switch (timer)
            {
                case TunnelTimer.Handshake:
                    RequestInitiation(now);
                    break;
                case TunnelTimer.RetryHandshake:
                    RetryHandshake(now);
                    break;
                case TunnelTimer.PassiveKeepalive:
                case TunnelTimer.DeadPeer:
                    Watch(now);
                    break;
                case TunnelTimer.PersistentKeepalive:
                    KeepAlive(now);
                    break;
                case TunnelTimer.ExpireSession:
                    RetireExpired(now);
                    break;
                case TunnelTimer.ZeroKeys:
                    RetireAll();
                    DropInitiator();
                    _macs.Clear();
                    break;
            }
        }
    }

    /// <summary>
    /// Reads the stamps of the packet threads and arms the two timers that depend on them. While there is traffic it comes back every 10 s;
    /// when there was none it ends, and the next packet with data is signalled again. So neither a busy nor an idle peer costs more than
    /// a look every ten seconds.
    /// </summary>
    void Watch(Instant now)
    {
        Activity.TryBeginWatch();
        while (!TryArmWatch(now))
        {
            Activity.EndWatch();
            // A packet between the last look and the end was not signalled; claim the watch again if there was one.
            if ((Activity.UnacknowledgedSince is null && Activity.UnansweredSince is null) || !Activity.TryBeginWatch())
                return;
        }
    }

    bool TryArmWatch(Instant now)
    {
        Instant? keepalive = null;
        if (Activity.UnacknowledgedSince is { } received)
        {
            if (now - received < TunnelSpecification.KeepaliveTimeout)
                keepalive = received + TunnelSpecification.KeepaliveTimeout;
            else
            {
                _keepaliveDue = true;
                Activity.ForgetUnacknowledged();
            }
        }

        Instant? dead = null;
        if (!IsHandshaking && Activity.UnansweredSince is { } sent)
        {
            if (now - sent < TunnelSpecification.DeadPeerTimeout)
                dead = sent + TunnelSpecification.DeadPeerTimeout;
            else
                StartHandshake(now);
        }

        var busy = _lastWatch is not { } last || Activity.LastSent >= last || Activity.LastReceived >= last;
        _lastWatch = now;
        if (keepalive is null && (busy || IsHandshaking))
            keepalive = now + TunnelSpecification.KeepaliveTimeout;
        _timers.Set(TunnelTimer.PassiveKeepalive, keepalive);
        _timers.Set(TunnelTimer.DeadPeer, dead);
        return keepalive is not null || dead is not null;
    }

    void KeepAlive(Instant now)
    {
        var interval = _options.PersistentKeepalive;
        var quietSince = Activity.LastSent is { } sent && Activity.LastReceived is { } received
            ? Instant.Max(sent, received)
            : Activity.LastSent ?? Activity.LastReceived;
        if (_continuity.Current is not null && quietSince is { } since && now - since < interval)
        {
            _timers.Set(TunnelTimer.PersistentKeepalive, since + interval);
            return;
        }
        if (_continuity.Current is not null)
            _keepaliveDue = true;
        else
            StartHandshake(now);
        _timers.Set(TunnelTimer.PersistentKeepalive, now + interval);
    }

    bool TryTakeKeepalive(Span<byte> buffer, Instant now, out Transmit transmit)
    {
        transmit = default;
        if (!_keepaliveDue)
            return false;
        _keepaliveDue = false;
        if (_continuity.Current is not { } session || _continuity.Endpoint.IsNone)
            return false;
        var sealing = session.Seal(buffer, payloadLength: 0, mtu: 0, now);
        if (sealing.Signals != SessionSignals.None)
            HandleSignals(session, sealing.Signals, now);
        if (sealing.Drop != DropReason.None)
            return false;
        transmit = new Transmit(_continuity.Endpoint, sealing.Length, TransmitKind.Keepalive);
        return true;
    }
}
