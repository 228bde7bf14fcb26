using Mesh.Actors.Device;
using Mesh.Protocol.Tunnel;

namespace Mesh.Actors.Peers;

// In: what the data path noticed. Out: datagrams, published sessions, one timer.
public sealed partial class PeerSession
{
    void HandleSignals()
    {
        if (_machine is null)
            return; // What waits is told again when there is a key.
        var signals = _port.TakeSignals();
        var now = _clock.Now;
        if ((signals & PeerSignals.EndpointMoved) != 0)
            _machine.HandleEndpointSeen(_port.Endpoint);
        if ((signals & PeerSignals.Initiation) != 0 && _port.TakeInitiation(out var from) is { } initiation)
            Count(_machine.HandleInitiation(initiation, from, now), HandshakeInitiation.Size);
        if ((signals & PeerSignals.Answer) != 0)
            HandleAnswer(_machine);
        Raise(PeerSignals.Confirmed, SessionSignals.Confirmed);
        Raise(PeerSignals.Activity, SessionSignals.Activity);
        Raise(PeerSignals.Rekey, SessionSignals.Rekey);
        if ((signals & PeerSignals.SessionWanted) != 0)
            _machine.HandlePacketQueued(now);
        Drive();

        void Raise(PeerSignals told, SessionSignals raised)
        {
            if ((signals & told) != 0 && _port.RaisedBy(raised) is { } session)
                _machine.HandleSignals(session, raised, now);
        }
    }

    void HandleAnswer(PeerMachine machine)
    {
        if (!_port.TryTakeAnswer(_buffer, out var length, out var from))
            return;
        var message = _buffer.AsSpan(0, length);
        switch (TunnelMessage.Classify(message))
        {
            case MessageType.Response:
                Count(machine.HandleResponse(message, from, _clock.Now), length);
                break;
            case MessageType.CookieReply:
                Count(machine.HandleCookieReply(message, _clock.Now), length);
                break;
        }
    }

    void Drive()
    {
        if (_machine is null)
            return;
        var now = _clock.Now;
        for (var i = 0; i < MaxPerTurn && _machine.TryTakeEvent(out var peerEvent); i++)
            Handle(peerEvent);
        for (var i = 0; i < MaxPerTurn && _machine.TryTakeTransmit(_buffer, now, _clock.WallNow, out var transmit); i++)
            Send(transmit);
        ArmTimer();
    }

    void Handle(PeerEvent peerEvent)
    {
        switch (peerEvent)
        {
            case PeerEvent.SendSessionChanged changed:
                _port.SetSendSession(changed.Session);
                break;
            case PeerEvent.HandshakeCompleted:
                _unanswered = 0;
                _port.NoteHandshake(_clock.WallNow);
                break;
            case PeerEvent.HandshakeGaveUp:
                _port.DropHeld(DropReason.HandshakeGaveUp);
                break;
            case PeerEvent.EndpointChanged moved:
                _port.SetEndpoint(moved.Endpoint);
                break;
        }
    }

    void Send(Transmit transmit)
    {
        var datagram = _buffer.AsSpan(0, transmit.Length);
        _port.Transmit(datagram, transmit.To);
        if (transmit.Kind != TransmitKind.Initiation)
            return;
        _unanswered++;
        if (IsProven)
            return;
        // Nobody knows yet which of its addresses reaches the peer from here. It answers the first copy that arrives; the others
        // carry the same timestamp, so it drops them.
        foreach (var candidate in _peer.Endpoints)
        {
            if (candidate != transmit.To)
                _port.Transmit(datagram, candidate);
        }
    }

    void ArmTimer()
    {
        if (_machine?.NextDeadline is not { } deadline)
        {
            Timers.Cancel(nameof(Due));
            return;
        }

        var delay = deadline.At - _clock.Now;
        Timers.StartSingleTimer(nameof(Due), Due.Instance, delay > TimeSpan.Zero ? delay : TimeSpan.FromMilliseconds(1));
    }

    // Handshakes count as traffic, as data does; what was refused counts as a drop.
    void Count(DropReason reason, int bytes)
    {
        _drops.Count(reason);
        if (reason == DropReason.None)
            _port.NoteReceived(bytes);
    }
}
