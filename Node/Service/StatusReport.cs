using Mesh.Actors.Control;
using Mesh.Node.Configuration;
using Mesh.Node.Local;
using Mesh.Node.State;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Node.Service;

/// <summary>Is everything that a status is made from, at one moment.</summary>
sealed record StatusFacts(
    DaemonSettings Settings,
    WrappingSource? KeyWrapping,
    bool Starting,
    NetworkRecord? Record,
    MapTrust? Trust,
    ControlStatus? Control,
    ITunnel? Tunnel,
    TunnelPublicKey? PublicKey,
    IReadOnlyList<string> Problems,
    DateTimeOffset Now);

/// <summary>Puts the status together.</summary>
static class StatusReport
{
    // A session's keys are not used after this (WireGuard paper section 6.1, Reject-After-Time).
    static readonly TimeSpan _sessionLife = TimeSpan.FromSeconds(180);

    /// <summary>Makes the document.</summary>
    public static StatusDocument Create(StatusFacts facts)
    {
        var body = facts.Trust?.Body;
        var zone = body?.Zone;
        var traffic = facts.Tunnel?.Traffic() ?? new Dictionary<TunnelPublicKey, PeerTraffic>();
        var self = body?.Self is { } entry
            ? new NodeDocument(
                entry.Id.ToString(), entry.Name, Full(entry.Name, zone), Owner(entry.Owner, entry.Tags), MachineNames.Describe(null).Os, entry.Addresses, facts.PublicKey?.ToString(),
                entry.Tags, null, traffic.Values.Sum(peer => peer.RxBytes), traffic.Values.Sum(peer => peer.TxBytes), null, null,
                facts.Control?.Controller is not null, Active: facts.Control?.InForce == true, Expired: entry.Expired,
                KeyExpiry: entry.ExpiresAt?.ToDateTimeOffset())
            : null;
        var peers = (body?.Peers ?? [])
            .Select(peer => Describe(peer, zone, traffic, facts))
            .OrderBy(peer => peer.HostName, StringComparer.Ordinal)
            .ToArray();
        return new StatusDocument(
            ProgramVersion.Text,
            State(facts),
            facts.Tunnel?.Interface ?? facts.Settings.Interface,
            facts.Tunnel?.Port ?? 0,
            facts.Record?.Network.ToString(),
            zone,
            facts.Trust?.Epoch ?? 0,
            facts.Trust?.Revision ?? 0,
            body is null ? null : facts.Trust!.ValidUntil.ToDateTimeOffset(),
            facts.Control?.Controller,
            facts.KeyWrapping is { } source ? WrappingKey.Name(source) : null,
            self,
            peers,
            [.. Health(facts)],
            facts.Tunnel?.Drops() ?? new Dictionary<string, long>())
        {
            AuditHead = facts.Trust?.Audit?.Held?.ToString(),
            Tunnel = facts.Tunnel is { } tunnel ? DeviceReport.Describe(tunnel.Report()) : null,
        };
    }

    /// <summary>Tells whether a session of that age can still carry packets.</summary>
    public static bool IsActive(DateTimeOffset? handshake, DateTimeOffset now) => now - handshake < _sessionLife;

    static string State(StatusFacts facts) => facts switch
    {
        { Record: null } => "NeedsLogin",
        { Starting: true } => "Starting",
        { Tunnel: null } => "Stopped",
        { Trust.Removed: not null } => "Stopped",
        { Trust.Body.Self.Expired: true } => "NeedsLogin",
        { Control.InForce: true, Trust.Body.Self.Waits: true } => "NeedsMachineAuth",
        { Control.InForce: true } => "Running",
        { Trust.Body: null } => "Starting",
        _ => "Stopped",
    };

    static IEnumerable<string> Health(StatusFacts facts)
    {
        foreach (var problem in facts.Problems)
            yield return problem;
        if (facts.Record is null)
            yield return "this machine belongs to no network: mesh up --auth-key with a credential";
        else if (facts.Tunnel is null && facts.Problems.Count == 0)
            yield return "the tunnel is down: mesh up brings it back";
        if (facts.Control is null && facts.Trust?.Removed is { } removed)
            yield return $"this node was taken out of the network ({removed}): mesh logout, then mesh up --auth-key with a new credential";
        foreach (var line in facts.Control?.Health ?? [])
            yield return line;
    }

    static NodeDocument Describe(
        Protocol.Map.PeerEntry peer, string? zone, IReadOnlyDictionary<TunnelPublicKey, PeerTraffic> traffic, StatusFacts facts)
    {
        traffic.TryGetValue(peer.TunnelKey, out var counted);
        var presence = facts.Control?.Presence.GetValueOrDefault(peer.Id);
        // A presence that nobody renewed says nothing any more.
        var known = presence is not null && WallTime.From(facts.Now) <= presence.Expires;
        return new NodeDocument(
            peer.Id.ToString(), peer.Name, Full(peer.Name, zone), Owner(peer.Owner, peer.Tags), peer.Os, peer.Addresses, peer.TunnelKey.ToString(),
            peer.Tags, counted.Endpoint?.ToString(), counted.RxBytes, counted.TxBytes, counted.LastHandshake,
            presence?.LastSeen.ToDateTimeOffset(), known ? presence!.Online : null, IsActive(counted.LastHandshake, facts.Now),
            counted.Suite?.Name(), counted.SuiteFellBack ? true : null, peer.Expired);
    }

    static string? Full(string name, string? zone) => zone is null ? null : $"{name}.{zone}";

    static string? Owner(string? owner, IReadOnlyList<string> tags) =>
        owner ?? (tags.Count == 0 ? null : string.Join(',', tags.Select(tag => $"tag:{tag}")));
}
