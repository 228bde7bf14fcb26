using System.Net;
using Mesh.Protocol;
using Mesh.Protocol.Control;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Actors.Control;

// Says where this node is, and hears where its peers are.
public sealed partial class ControlLink
{
    static readonly TimeSpan _hintInterval = TimeSpan.FromSeconds(60);
    static readonly TimeSpan _hintLife = TimeSpan.FromSeconds(120);

    IReadOnlyList<string>? _lastSent;
    WallTime _lastIssued;

    async Task SendHintAsync(bool evenIfUnchanged)
    {
        if (_stream is null || _trust.Removed is not null)
            return;
        string[] endpoints = [.. _setup.Endpoints.Current.Take(HintBook.MaximumEndpoints).Select(endpoint => endpoint.ToString())];
        if (!evenIfUnchanged && _lastSent is not null && endpoints.SequenceEqual(_lastSent))
            return;
        var now = _trust.Now(Clock);
        // Peers keep the newest: two hints of one millisecond would be told apart by nobody.
        var issued = now > _lastIssued ? now : _lastIssued + TimeSpan.FromMilliseconds(1);
        var hint = new EndpointHint(_trust.Network, _trust.Node, endpoints, issued, issued + _hintLife);
        var envelope = DsseEnvelope.Sign(
            PayloadTypes.EndpointHint, ProtocolJson.Encode(hint, ProtocolJson.Default.EndpointHint), _setup.Identity, _trust.Node.ToString());
        (_lastSent, _lastIssued) = (endpoints, issued);
        await SendAsync(new UpFrame(Hint: envelope));
    }

    async Task OnHintsAsync(IReadOnlyList<DsseEnvelope> hints)
    {
        var (taken, moved) = (false, false);
        foreach (var hint in hints)
        {
            // The type says that there is none, the wire does not.
            if (hint is null)
                continue;
            taken |= _hints.TryTake(hint, _trust, _trust.Now(Clock), out var changed);
            moved |= changed;
        }
        if (!taken)
            return;
        KeepEndpoints();
        if (moved)
            await EnforceAsync(evenIfUnchanged: true);
    }

    // What peers say of themselves; of those that have not spoken yet, what is remembered.
    Dictionary<NodeId, IReadOnlyList<IPEndPoint>> Candidates(MapBody? body)
    {
        var candidates = new Dictionary<NodeId, IReadOnlyList<IPEndPoint>>();
        foreach (var peer in body?.Peers ?? [])
        {
            if (_hints.Endpoints.TryGetValue(peer.Id, out var hint))
                candidates[peer.Id] = HintBook.Parse(hint.Endpoints);
            else if (_setup.Memory.Endpoints.TryGetValue(peer.Id, out var remembered))
                candidates[peer.Id] = HintBook.Parse(remembered);
        }
        return candidates;
    }

    void KeepEndpoints()
    {
        if (_trust.Body is not { } body)
            return;
        var old = _setup.Memory.Endpoints;
        var next = new Dictionary<NodeId, IReadOnlyList<string>>();
        foreach (var peer in body.Peers)
        {
            if (_hints.Endpoints.TryGetValue(peer.Id, out var hint))
                next[peer.Id] = hint.Endpoints;
            else if (old.TryGetValue(peer.Id, out var remembered))
                next[peer.Id] = remembered;
        }
        if (next.Count == old.Count && next.All(entry => old.TryGetValue(entry.Key, out var before) && before.SequenceEqual(entry.Value)))
            return;
        try
        {
            _setup.Memory.Save(next);
        }
        catch (IOException failure)
        {
            _keepProblem = failure.Message;
        }
    }
}
