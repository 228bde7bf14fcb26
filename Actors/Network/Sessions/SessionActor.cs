using Mesh.Actors.Ports;
using Mesh.Actors.Projection;
using Mesh.Actors.Registry;
using Mesh.Protocol.Control;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Actors.Sessions;

/// <summary>
/// Is one open control stream of one node: takes its lines apart, verifies its hints, and asks it for signs of life. What goes down is the business of
/// the registry of sessions. Supervises nothing; when it fails the stream is closed and the node attaches anew. Nothing is
/// lost: what a node has is settled again at every attach.
/// </summary>
sealed class SessionActor : ReceiveActor, IWithTimers
{
    const int HintBurst = 10;
    const int MissedPingsAllowed = 2;
    static readonly TimeSpan HintInterval = TimeSpan.FromSeconds(2);

    readonly ControlStreamHandle _handle;
    readonly IControlStream _stream;
    readonly NetworkIdentity _network;
    readonly NodeView _node;
    readonly IClock _clock;
    readonly IPresence _presence;
    readonly TimeSpan _pingInterval;
    readonly ILoggingAdapter _log = Context.GetLogger();
    WallTime _newestHint;
    WallTime _hintsRefilledAt;
    double _hintTokens = HintBurst;
    DsseEnvelope? _heldHint;
    string _closeReason = "stopping";
    bool _isAttached;
    bool _wasHeard = true;
    int _missedPings;
    long _ping;

    public SessionActor(
        ControlStreamHandle handle, IControlStream stream, NetworkIdentity network, NodeView node, IClock clock, IPresence presence,
        ControllerOptions options)
    {
        (_handle, _stream, _network, _node, _clock, _presence) = (handle, stream, network, node, clock, presence);
        _pingInterval = options.PingInterval;
        _hintsRefilledAt = clock.Now;
        Receive<StreamReceived>(received => On(received.Frame));
        Receive<EndStream>(end => End(end.Reason));
        Receive<PingTick>(_ => OnPingTick());
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() => ArmPing();

    protected override void PostStop() => _stream.Close(_closeReason);

    void On(UpFrame frame)
    {
        _handle.DealtWith();
        _wasHeard = true;
        _missedPings = 0;
        var now = _clock.Now;
        _presence.Update(_node.Id, presence => presence with { LastSeen = now });
        if (!_isAttached)
        {
            if (frame.Attach is not { } attach)
            {
                End("malformed");
                return;
            }
            _isAttached = true;
            _presence.Update(_node.Id, presence => presence with { Os = Shorten(attach.Os), Version = Shorten(attach.Version) });
            Context.Parent.Tell(new NodeAttached(_handle, attach));
            return;
        }
        switch (frame)
        {
            case { Ack: { } ack }:
                Context.Parent.Tell(new NodeAcknowledged(_handle, ack));
                break;
            case { Hint: { } hint }:
                Take(hint, now);
                break;
            case { Refused: { } reason }:
                _log.Warning("node {0} ({1}) did not take its map: {2}", _node.Name, _node.Id, Shorten(reason));
                Context.Parent.Tell(new NodeRefused(_handle, reason));
                break;
        }
    }

    // Beyond its budget a node's newest hint waits for the next tick: verifying costs more than sending.
    void Take(DsseEnvelope envelope, WallTime now)
    {
        var refill = (now - _hintsRefilledAt) / HintInterval;
        _hintTokens = Math.Min(HintBurst, _hintTokens + Math.Max(0, refill));
        _hintsRefilledAt = now;
        if (_hintTokens < 1)
        {
            _heldHint = envelope;
            return;
        }
        _hintTokens--;
        _heldHint = null;
        if (HintRules.Check(envelope, _network.Id, _node.Id, _node.Node.SigningKey, _newestHint, now, out var hint) is { } problem)
        {
            _log.Debug("a hint of node {0} is dropped: {1}", _node.Id, problem);
            return;
        }
        _newestHint = hint.Issued;
        Context.Parent.Tell(new NodeMoved(_handle, envelope, hint));
    }

    void OnPingTick()
    {
        if (!_wasHeard && ++_missedPings > MissedPingsAllowed)
        {
            End("silent");
            return;
        }
        _wasHeard = false;
        ArmPing();
        // A stream that is full asks for nothing: the node answers when it has read what is there, or counts as silent.
        _stream.TrySend(new DownFrame(Ping: ++_ping));
        if (_heldHint is { } held)
            Take(held, _clock.Now);
    }

    // Not periodic: after the machine stood still, ticks in a row would take every node for silent.
    void ArmPing() => Timers.StartSingleTimer("ping", new PingTick(), _pingInterval);

    void End(string reason)
    {
        _closeReason = reason;
        Context.Stop(Self);
    }

    static string Shorten(string text) => text.Length <= 128 ? text : text[..128];

    sealed record PingTick;
}
