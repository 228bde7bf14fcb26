using System.Net;
using System.Net.Sockets;
using Mesh.Protocol;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Actors.Control;

/// <summary>
/// Collects what is said of peers between maps, and believes only what is signed by the one who may say it: a peer's endpoints by
/// the peer itself, presence by a controller whose delegation holds. Bounded. Not safe for concurrent use.
/// </summary>
sealed class HintBook
{
    /// <summary>The most endpoints that one hint may name.</summary>
    public const int MaximumEndpoints = 8;

    // Hints overtake the map that introduces their node: some wait for it.
    const int MaximumEarly = 256;
    const int MaximumDelegations = 64;

    readonly Dictionary<NodeId, EndpointHint> _endpoints = [];
    readonly Dictionary<NodeId, DsseEnvelope> _early = [];
    readonly Dictionary<NodeId, Presence> _presence = [];
    readonly Dictionary<NodeId, WallTime> _presenceIssued = [];
    readonly Dictionary<ControllerId, DsseEnvelope> _delegations = [];

    /// <summary>Gets what is known of presence.</summary>
    public IReadOnlyDictionary<NodeId, Presence> Presence => new Dictionary<NodeId, Presence>(_presence);

    /// <summary>Gets the endpoints that were said and believed.</summary>
    public IReadOnlyDictionary<NodeId, EndpointHint> Endpoints => _endpoints;

    /// <summary>Remembers a controller's delegation, where it holds.</summary>
    public void Learn(DsseEnvelope delegation, MapTrust trust, WallTime now)
    {
        if (trust.TryReadDelegation(delegation, now, DelegationRights.SignMaps, out var read) == TrustRefusal.None
            && (_delegations.ContainsKey(read.Controller) || _delegations.Count < MaximumDelegations))
            _delegations[read.Controller] = delegation;
    }

    /// <summary>Takes a hint in, where it can be believed; says whether it changed where a peer may be reached.</summary>
    public bool TryTake(DsseEnvelope envelope, MapTrust trust, WallTime now, out bool changed)
    {
        changed = false;
        return envelope.PayloadType switch
        {
            PayloadTypes.EndpointHint => TryTakeEndpoints(envelope, trust, now, out changed),
            PayloadTypes.PresenceHint => TryTakePresence(envelope, trust, now),
            _ => false,
        };
    }

    /// <summary>Follows a new map: forgets whom it no longer names, and takes the hints that came before it.</summary>
    public void Follow(MapTrust trust, WallTime now)
    {
        var known = trust.Body?.Peers.Select(peer => peer.Id).ToHashSet() ?? [];
        foreach (var gone in _endpoints.Keys.Concat(_presence.Keys).Where(node => !known.Contains(node)).ToArray())
        {
            _endpoints.Remove(gone);
            _presence.Remove(gone);
            _presenceIssued.Remove(gone);
        }
        foreach (var (node, envelope) in _early.Where(early => known.Contains(early.Key)).ToArray())
        {
            _early.Remove(node);
            TryTakeEndpoints(envelope, trust, now, out _);
        }
    }

    /// <summary>Reads a hint's endpoints; what is not a unicast address with a port is left out.</summary>
    public static IReadOnlyList<IPEndPoint> Parse(IEnumerable<string> endpoints)
    {
        var parsed = new List<IPEndPoint>();
        foreach (var text in endpoints.Take(MaximumEndpoints))
        {
            if (IPEndPoint.TryParse(text, out var endpoint) && endpoint.Port != 0 && IsUnicast(endpoint.Address))
                parsed.Add(endpoint);
        }
        return parsed;
    }

    bool TryTakeEndpoints(DsseEnvelope envelope, MapTrust trust, WallTime now, out bool changed)
    {
        changed = false;
        if (!ProtocolJson.TryDecode(envelope.Payload, ProtocolJson.Default.EndpointHint, out var hint)
            || hint.Network != trust.Network || hint.Endpoints.Count > MaximumEndpoints || IsOutOfTime(hint.Issued, hint.Expires, now))
            return false;
        if (trust.Body?.Peers.FirstOrDefault(peer => peer.Id == hint.Node) is not { } sender)
        {
            if (hint.Node != trust.Node && (_early.ContainsKey(hint.Node) || _early.Count < MaximumEarly))
                _early[hint.Node] = envelope;
            return false;
        }
        if (!envelope.Verify(PayloadTypes.EndpointHint, sender.SigningKey))
            return false;
        if (_endpoints.TryGetValue(hint.Node, out var old) && old.Issued >= hint.Issued)
            return false;
        changed = old is null || !old.Endpoints.SequenceEqual(hint.Endpoints);
        _endpoints[hint.Node] = hint;
        return true;
    }

    bool TryTakePresence(DsseEnvelope envelope, MapTrust trust, WallTime now)
    {
        if (!ProtocolJson.TryDecode(envelope.Payload, ProtocolJson.Default.PresenceHint, out var hint)
            || hint.Network != trust.Network || IsOutOfTime(hint.Issued, hint.Expires, now)
            || trust.Body?.Peers.Any(peer => peer.Id == hint.Node) != true
            || (_presenceIssued.TryGetValue(hint.Node, out var issued) && issued >= hint.Issued))
            return false;
        foreach (var delegation in _delegations.Values)
        {
            if (trust.TryReadDelegation(delegation, trust.Now(now), DelegationRights.SignMaps, out var read) != TrustRefusal.None
                || !envelope.Verify(PayloadTypes.PresenceHint, read.SigningKey))
                continue;
            _presence[hint.Node] = new Presence(hint.Online, hint.LastSeen, hint.Expires);
            _presenceIssued[hint.Node] = hint.Issued;
            return true;
        }
        return false;
    }

    static bool IsOutOfTime(WallTime issued, WallTime expires, WallTime now) => now > expires || issued > now + MapTrust.Skew;

    static bool IsUnicast(IPAddress address) =>
        !address.Equals(IPAddress.Any) && !address.Equals(IPAddress.IPv6Any) && !address.Equals(IPAddress.Broadcast)
        && !address.IsIPv6Multicast && !(address.AddressFamily == AddressFamily.InterNetwork && address.GetAddressBytes()[0] >= 224);
}
