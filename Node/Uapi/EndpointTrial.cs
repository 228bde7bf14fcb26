using Mesh.Actors.Device;
using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;
using Mesh.Protocol.Uapi;

namespace Mesh.Node.Uapi;

/// <summary>
/// How far a peer's candidates have been tried, for a device that takes one endpoint. The device begins handshakes when it has something to send;
/// that bytes go out and none come back is how it looks from here. Pure.
/// </summary>
/// <param name="HeardAt">When the peer was seen to have been heard last, or its endpoint was set.</param>
/// <param name="Received">Bytes received by then.</param>
/// <param name="SentThen">Bytes sent by then.</param>
/// <param name="AskedAt">When bytes were first seen to go out since; null: none have.</param>
readonly record struct EndpointTrial(Instant HeardAt, long Received, long SentThen, Instant? AskedAt)
{
    /// <summary>How long an endpoint is given to answer a handshake: less than Rekey-Timeout, so that the second try goes to the next one.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    /// <summary>How long an endpoint that has worked is given: by then a living peer has answered data.</summary>
    public static readonly TimeSpan ProvenPatience = TunnelSpecification.DeadPeerTimeout;

    /// <summary>Whether an answer is being waited for.</summary>
    public bool IsWaiting => AskedAt is not null;

    /// <summary>Decides which endpoint the device is to be given now.</summary>
    /// <param name="trial">What the last decision left.</param>
    /// <param name="peer">The peer with its candidates, best first.</param>
    /// <param name="status">The peer as the device has it; null: it does not have it yet.</param>
    /// <param name="now">Monotonic time.</param>
    /// <param name="wallNow">Wall-clock time, in which the device tells of handshakes.</param>
    /// <returns>The endpoint to set, none to leave it; and what to remember.</returns>
    public static (EndpointAddress Set, EndpointTrial Next) Decide(
        EndpointTrial trial, TunnelPeer peer, UapiPeerStatus? status, Instant now, WallTime wallNow)
    {
        if (peer.Endpoints.IsEmpty)
            return default;
        if (status is null)
            return (peer.Endpoints[0], new EndpointTrial(now, 0, 0, null));
        var proven = status.LastHandshake is { } at && wallNow - at < TunnelSpecification.RejectAfterTime;
        if (status.ReceivedBytes != trial.Received)
            trial = new EndpointTrial(now, status.ReceivedBytes, status.SentBytes, null);
        else if (trial.AskedAt is null && status.SentBytes - trial.SentThen > (proven ? Keepalives(peer, now - trial.HeardAt) : 0))
            trial = trial with { AskedAt = now };

        var current = peer.Endpoints.IndexOf(status.Endpoint);
        // An endpoint that works is not given up for a hint; one that does not is.
        var silent = trial.AskedAt is { } asked && now - asked >= (proven ? ProvenPatience : Patience);
        var next = !proven && current < 0 ? peer.Endpoints[0] : silent ? peer.Endpoints[(current + 1) % peer.Endpoints.Length] : default;
        if (next.IsNone || next == status.Endpoint)
            return (default, trial);
        return (next, new EndpointTrial(now, status.ReceivedBytes, status.SentBytes, null));
    }

    // Bytes that persistent keepalives make, which nobody answers while a session lasts.
    static long Keepalives(TunnelPeer peer, TimeSpan since) =>
        peer.PersistentKeepalive <= TimeSpan.Zero ? 0 : (long)(since / peer.PersistentKeepalive + 2) * TransportMessage.Overhead;
}
