using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Map;

namespace Mesh.Actors.Control;

// Which controller to go to, and what to do where one does not stand by the certificate.
public sealed partial class ControlLink
{
    // A controller that stands still takes the connection and says nothing: another is tried soon. Where none answered in a whole round
    // it may be the way that is slow, or many who come at once: then each is given longer.
    static readonly TimeSpan _attachTimeout = TimeSpan.FromSeconds(2);
    static readonly TimeSpan _recoveryTimeout = TimeSpan.FromSeconds(4);
    const int MaximumPatience = 2;

    readonly Dictionary<string, string> _came = new(StringComparer.Ordinal);
    string? _tried;
    bool _staysThere;
    int _failedRounds;
    bool _recovering;
    bool _recovered;

    // What came of each address since the node was last attached: the last one alone would hide the telling one.
    void NoteUnreachable(string? address, string reason)
    {
        if (address is not null)
        {
            _came[address] = reason;
            reason = string.Join("; ", _came.Select(one => $"{one.Key}: {one.Value}"));
        }
        _unreachable = new Outage(_unreachable?.Since ?? Clock, reason);
    }

    // In an order of this node's own, so that nodes spread over the controllers; the credential's come last.
    IReadOnlyList<string> Addresses =>
        [.. ControllerOrder.Addresses(_trust.Node.Value, _trust.Body?.Controllers ?? []).Concat(_setup.Controllers).Distinct(StringComparer.Ordinal)];

    TimeSpan AttachTimeout => _attachTimeout * (1 << Math.Min(_failedRounds, MaximumPatience));

    // The one behind the last that was tried: who lost a controller, or was refused, does not go there first.
    string Choose(IReadOnlyList<string> addresses)
    {
        var last = -1;
        for (var i = 0; i < addresses.Count; i++)
        {
            if (string.Equals(addresses[i], _tried, StringComparison.Ordinal))
                last = i;
        }
        if (!_staysThere || last < 0)
            last = (last + 1) % addresses.Count;
        _staysThere = false;
        return _tried = addresses[last];
    }

    // The certificate ran out while the node was away, or whoever issued it speaks for the network no longer: the node's own key still
    // says who it is. Once per round: a controller that takes no certificate at all is one that fails.
    bool TryRecover(AttachFailed failed)
    {
        if (failed.Code is not (RefusalCodes.CertificateNeeded or RefusalCodes.CertificateUnknown or RefusalCodes.CertificateExpired)
            || _renewing || _recovered)
            return false;
        _renewing = _recovering = _recovered = true;
        RenewAsync(failed.Address, Expectation, _recoveryTimeout).PipeTo(Self, Self);
        return true;
    }

    void OnCertificateRenewed(CertificateRenewed renewed)
    {
        _renewing = false;
        _certificateProblem = renewed.Problem;
        if (!_recovering)
            return;
        _recovering = false;
        if (renewed.Problem is { } problem)
        {
            OnAttachFailed(new AttachFailed(_attempt, renewed.Address, renewed.Code, problem));
            return;
        }
        _staysThere = true;
        Connect();
    }
}
