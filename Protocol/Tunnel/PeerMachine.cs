using Mesh.Protocol.Time;

namespace Mesh.Protocol.Tunnel;

/// <summary>
/// Runs the protocol with one peer: handshakes, session rotation and every timer (WireGuard paper sections 5 and 6). It does no I/O:
/// authenticated initiations, responses, cookie replies, signals of the data path and time go in; datagrams, events and the next deadline
/// come out. Owned by one actor; not safe for concurrent use.
/// </summary>
/// <remarks>
/// After every call that takes <c>now</c> the owner drains <see cref="TryTakeEvent"/>, then <see cref="TryTakeTransmit"/>, and arms one timer
/// for <see cref="NextDeadline"/>. Every method that takes a message returns the reason for which it was not taken; the state then did not
/// change.
/// </remarks>
public sealed partial class PeerMachine
{
    /// <summary>Creates the machine of a peer; with a used <paramref name="continuity"/> it carries on where the last one stopped.</summary>
    public PeerMachine(PeerOptions options, PeerContinuity continuity, ISessionIndexes indexes, IEntropy entropy, Instant now)
    {
        _ = (options, continuity, indexes, entropy, now, NextDeadline = null, IsHandshaking = false);
    }

    /// <summary>Gets when <see cref="HandleTimeout"/> is wanted next, and which timer that is; null when nothing is pending.</summary>
    public Deadline? NextDeadline { get; private set; }

    /// <summary>Gets whether an initiation is outstanding or due.</summary>
    public bool IsHandshaking { get; private set; }

    /// <summary>Takes an initiation that the opener authenticated, and disposes it. Reasons: StaleTimestamp, InitiationFlood, HandshakeAuthentication.</summary>
    public DropReason HandleInitiation(AuthenticatedInitiation initiation, EndpointAddress from, Instant now) => throw new NotSupportedException();

    /// <summary>Takes a response that passed the gate. Reasons: UnexpectedMessage, HandshakeAuthentication, MessageLength.</summary>
    public DropReason HandleResponse(ReadOnlySpan<byte> message, EndpointAddress from, Instant now) => throw new NotSupportedException();

    /// <summary>Takes a cookie reply. Reasons: UnexpectedMessage, CookieAuthentication, MessageLength.</summary>
    public DropReason HandleCookieReply(ReadOnlySpan<byte> message, Instant now) => throw new NotSupportedException();

    /// <summary>Takes what a packet thread was told when it sealed or opened a packet on a session of this peer.</summary>
    public void HandleSignals(TransportSession session, SessionSignals signals, Instant now) => throw new NotSupportedException();

    /// <summary>Takes the word that a packet waits and there is no session to send it with.</summary>
    public void HandlePacketQueued(Instant now) => throw new NotSupportedException();

    /// <summary>Takes the word that an authenticated packet came from another endpoint than the published one.</summary>
    public void HandleEndpointSeen(EndpointAddress from, Instant now) => throw new NotSupportedException();

    /// <summary>Replaces the endpoint by configuration; a handshake that waited for one goes out.</summary>
    public void SetEndpoint(EndpointAddress endpoint, Instant now) => throw new NotSupportedException();

    /// <summary>Starts a handshake unless one is running, whatever the age of the session.</summary>
    public void StartHandshake(Instant now) => throw new NotSupportedException();

    /// <summary>Does what is due; calling it early does nothing.</summary>
    public void HandleTimeout(Instant now) => throw new NotSupportedException();

    /// <summary>
    /// Writes the next datagram to send, if there is one. The buffer has at least 148 bytes. The wall clock becomes the timestamp of an
    /// initiation.
    /// </summary>
    public bool TryTakeTransmit(Span<byte> buffer, Instant now, WallTime wallClock, out Transmit transmit) => throw new NotSupportedException();

    /// <summary>Takes the next event, in the order in which they happened.</summary>
    public bool TryTakeEvent([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out PeerEvent? peerEvent) => throw new NotSupportedException();

    /// <summary>Zeroes all keys and gives all indexes back, with events; for a peer that is removed or an interface that goes down.</summary>
    public void Shutdown(Instant now) => throw new NotSupportedException();
}
