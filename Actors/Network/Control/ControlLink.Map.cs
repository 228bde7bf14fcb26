using Mesh.Protocol;
using Mesh.Protocol.Control;
using Mesh.Protocol.Map;
using Mesh.Protocol.Trust;

namespace Mesh.Actors.Control;

// Takes frames in: judge, put in force, keep, acknowledge - in that order.
public sealed partial class ControlLink
{
    string? _closing;
    bool _isToWait;

    async Task OnReceivedAsync(Received received)
    {
        if (received.Attempt != _attempt)
            return;
        var frame = received.Frame;
        if (frame.Close is null)
            _backoff.Reset();
        if (frame.Map is { } map)
            await OnMapAsync(map);
        if (frame.Hint is { } hint)
            await OnHintsAsync([hint]);
        if (frame.Hints is { } hints)
            await OnHintsAsync(hints);
        if (frame.Delegation is { } delegation)
            _hints.Learn(delegation, _trust, _trust.Now(Clock));
        if (frame.Audit is { } answer)
            OnAudit(answer);
        if (frame.Ping is { } number)
            await SendAsync(new UpFrame(Pong: number));
        if (frame.Close is { } reason)
        {
            _closing = $"closed the stream: {OneWord(reason)}";
            _isToWait = reason == "copied";
            _copiedAt = _isToWait ? Clock : _copiedAt;
        }
        if (received.Attempt == _attempt)
            ReadNext();
    }

    async Task OnMapAsync(MapFrame frame)
    {
        var refusal = _trust.TryAccept(frame, Clock, out var next);
        if (refusal != TrustRefusal.None)
        {
            _refusedMap = new RefusedMap(_controller!, refusal, Clock, (_refusedMap?.Count ?? 0) + 1, RevisionOf(frame));
            await SendAsync(new UpFrame(Refused: refusal.ToString()));
            // To attach again says which body this node has: the controller then sends what leads on from there.
            if (refusal == TrustRefusal.WrongBase)
                Self.Tell(new StreamLost(_attempt, "the map does not follow from the one this node has"));
            return;
        }
        _trust = next;
        _heard = true;
        // What was refused as older is over once this node has caught up, or the controllers have.
        if (_refusedMap?.Reason == TrustRefusal.OlderRevision)
            _refusedMap = null;
        _hints.Learn(frame.Delegation, _trust, _trust.Now(Clock));
        _hints.Follow(_trust, _trust.Now(Clock));
        var inForce = await EnforceAsync();
        AwaitExpiry();
        Keep();
        KeepEndpoints();
        if (inForce && _trust.Body is { } body)
            await SendAsync(new UpFrame(Ack: new AckFrame(_trust.Epoch, _trust.Revision, MapChange.Hash(body))));
    }

    // Where the controller's history stands beside this node's: kept, so that a restart forgets no contradiction.
    void OnAudit(AuditFrame answer)
    {
        var before = _trust.Audit;
        if (_trust.TryHear(answer, Clock, out var next) != TrustRefusal.None)
            return;
        _trust = next;
        if (before?.Held != next.Audit?.Held || before?.Dispute != next.Audit?.Dispute)
            Keep();
    }

    // Of a map that was refused after its signature was found right.
    static long RevisionOf(MapFrame frame) =>
        ProtocolJson.TryDecode(frame.Head.Payload, ProtocolJson.Default.MapHead, out var head) ? head.Revision : 0;

    // Makes what is in force follow from what is believed and what time it is. False where the system would not have it.
    async Task<bool> EnforceAsync(bool evenIfUnchanged = false)
    {
        var wanted = _trust.IsValid(Clock) ? _trust.Body : null;
        if (_applied && ReferenceEquals(wanted, _inForce) && !evenIfUnchanged)
            return true;
        try
        {
            await _setup.Sink.ApplyAsync(wanted, Candidates(wanted));
        }
        catch (IOException failure)
        {
            _applied = false;
            _applyProblem = failure.Message;
            return false;
        }
        _applied = true;
        _applyProblem = null;
        _inForce = wanted;
        return true;
    }

    // The tick meets steps of the clock; an end that comes before the next tick is met on time.
    void AwaitExpiry()
    {
        var rest = _trust.ValidUntil - _trust.Now(Clock);
        if (_trust.IsValid(Clock) && rest < _tick)
            Timers.StartSingleTimer(ControlProtocol.CheckValidity.Instance, ControlProtocol.CheckValidity.Instance, rest + TimeSpan.FromMilliseconds(1));
    }

    void Keep()
    {
        try
        {
            _setup.Memory.Save(_trust);
            _keepProblem = null;
        }
        catch (IOException failure)
        {
            _keepProblem = failure.Message;
        }
    }

    // What a controller writes here ends up on a terminal.
    static string OneWord(string text) =>
        new([.. text.Where(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_').Take(32)]);
}
