using Mesh.Protocol.Audit;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Actors.Control;

// Says how things are, and keeps the certificate fresh.
public sealed partial class ControlLink
{
    static readonly TimeSpan _renewTimeout = TimeSpan.FromSeconds(20);

    // A refusal stays in view long enough for somebody to look.
    static readonly TimeSpan _refusalShown = TimeSpan.FromHours(1);

    WallTime? _copiedAt;
    Outage? _unreachable;
    Refusal? _refusedBy;
    RefusedMap? _refusedMap;
    string? _applyProblem;
    string? _keepProblem;
    string? _certificateProblem;
    bool _renewing;

    ControlStatus CreateStatus() =>
        new(_trust, _applied && _inForce is not null, _stream is null ? null : _controller, _hints.Presence, [.. Health()]) { IsHeard = _stream is not null && _heard };

    IEnumerable<string> Health()
    {
        var now = Clock;
        if (_trust.Removed is { } removed)
            yield return $"this node was taken out of the network ({OneWord(removed)}) and its tunnel is down: mesh logout, then mesh up --auth-key with a new credential";
        else if (_trust.Body is null)
            yield return "no map yet: waiting for a controller";
        else if (!_trust.IsValid(now))
            yield return $"the map expired at {Print(_trust.ValidUntil)}: all peers are closed until a controller renews it";
        else if (_trust.Body.Self is { Expired: true } expired)
            yield return $"this machine's time in the network was over at {(expired.ExpiresAt is { } end ? Print(end) : "some moment")}: mesh up --auth-key with a new credential";
        else if (_trust.Body.Self is { Waits: true, Name: var name })
            yield return $"this machine waits for approval and has no peers: an admin lets it in with mesh-controller node approve {OneWord(name)}";
        var keeps = _trust.IsValid(now) ? $": what this node has stays in force until {Print(_trust.ValidUntil)}" : "";
        if (_refusedBy is { } refusal && _trust.Removed is null)
            yield return $"controller {refusal.Address} refuses this node ({OneWord(refusal.Code)}): {OneLine(refusal.Reason)}{keeps}";
        else if (_unreachable is { } outage && _stream is null && _trust.Removed is null)
            yield return $"no controller reachable since {Print(outage.Since)} ({OneLine(outage.Reason)}){keeps}";
        if (_copiedAt is { } copied && now - copied < _refusalShown)
            yield return $"another machine has this node's identity, last seen {Print(copied)}: on the one that is the copy remove the state directory and join it with a credential of its own";
        if (_trust.Audit?.Dispute is { } dispute)
            yield return Describe(dispute);
        else if (_refusedMap is { Reason: TrustRefusal.OlderRevision } older && now - older.At < _refusalShown)
            yield return $"refused a map from {older.Controller} at {Print(older.At)}: {older.Reason} ({older.Count} so far): it speaks of revision {older.Revision}, this node has seen "
                + $"{_trust.Revision}: its database was rolled back to an older copy, or it has not caught up; if this stays: {RestoreHistory}; revision {_trust.Revision} stays in force";
        if (_refusedMap is { Reason: not TrustRefusal.OlderRevision } refused && now - refused.At < _refusalShown)
            yield return $"refused a map from {refused.Controller} at {Print(refused.At)}: {refused.Reason} ({refused.Count} so far); revision {_trust.Revision} stays in force";
        if (_applyProblem is { } apply)
            yield return $"the map is not in force: {OneLine(apply)}";
        if (_keepProblem is { } keep)
            yield return $"the state is not kept: {OneLine(keep)}";
        if (_trust.Removed is null && now > _setup.Transport.Certificate.NotAfter)
            yield return $"the TLS certificate expired at {Print(_setup.Transport.Certificate.NotAfter)}: the next controller that answers renews it";
        else if (_certificateProblem is { } certificate)
            yield return $"the TLS certificate was not renewed: {OneLine(certificate)}";
    }

    const string RestoreHistory = "an admin restores the newest copy on the controllers, or makes the older one the truth with mesh-controller restore --new-epoch";

    static string Describe(AuditDispute dispute) => dispute.IsShorter
        ? $"the controllers' database was rolled back to an older copy: the history of controller {dispute.Controller} ends with event {dispute.Tip.Ordering}, this node has seen "
            + $"event {dispute.Held.Ordering} (noticed at {Print(dispute.Since)}); what was decided in between is gone there: {RestoreHistory}"
        : $"the controllers' database was rolled back and went on, or was changed: the history of controller {dispute.Controller} is another than this node has seen up to "
            + $"event {dispute.Held.Ordering} (noticed at {Print(dispute.Since)}); revocations may be undone there: {RestoreHistory}";

    void RenewCertificateWhenDue()
    {
        if (_stream is null || _renewing || _trust.Removed is not null || Clock < _setup.Transport.Certificate.RenewFrom)
            return;
        _renewing = true;
        RenewAsync(_controller!, Expectation, _renewTimeout).PipeTo(Self, Self);
    }

    async Task<CertificateRenewed> RenewAsync(string address, PinExpectation expected, TimeSpan atMost)
    {
        using var limit = new CancellationTokenSource(atMost);
        try
        {
            await _setup.Transport.RenewCertificateAsync(address, expected, limit.Token);
            return new CertificateRenewed(address, Code: null, Problem: null);
        }
        catch (Exception failure) when (failure is ControlRefusedException or IOException or OperationCanceledException)
        {
            return new CertificateRenewed(address, (failure as ControlRefusedException)?.Code, failure is OperationCanceledException ? "no answer in time" : failure.Message);
        }
    }

    static string OneLine(string text) => new([.. text.Where(character => !char.IsControl(character)).Take(300)]);

    sealed record Outage(WallTime Since, string Reason);

    sealed record Refusal(string Address, string Code, string Reason, WallTime At);

    sealed record RefusedMap(string Controller, TrustRefusal Reason, WallTime At, int Count, long Revision);
}
