namespace Mesh.Protocol.Tunnel;

/// <summary>
/// Tells the owner of a peer's machine, through the thread that sealed or opened a packet, that the machine should look. Each is
/// raised once until the machine has seen it, so a busy session costs the owner a message every ten seconds or so.
/// </summary>
[Flags]
public enum SessionSignals
{
    /// <summary>Nothing to tell.</summary>
    None = 0,

    /// <summary>The keys are old: time for a new handshake.</summary>
    Rekey = 1,

    /// <summary>Traffic started after a pause: the machine arms its keepalive timers.</summary>
    Activity = 2,

    /// <summary>The first packet arrived on a session that this side answered: the initiator holds the keys, sending may begin.</summary>
    Confirmed = 4,
}

/// <summary>Gives the outcome of <see cref="TransportSession.Seal"/>; a reason other than None means that nothing may be sent.</summary>
/// <param name="Drop">Why there is no message, or None.</param>
/// <param name="Length">The length of the message, header and tag included.</param>
/// <param name="Signals">What to tell the peer's owner; also with a drop.</param>
public readonly record struct SealResult(DropReason Drop, int Length, SessionSignals Signals);

/// <summary>Gives the outcome of <see cref="TransportSession.Open"/>; a reason other than None means that the buffer holds nothing of
/// use.</summary>
/// <param name="Drop">Why there is no plaintext, or None.</param>
/// <param name="Length">The length of the plaintext, padding included; 0 is a keepalive. It starts 16 bytes into the buffer.</param>
/// <param name="Signals">What to tell the peer's owner; also with a drop.</param>
public readonly record struct OpenResult(DropReason Drop, int Length, SessionSignals Signals);
