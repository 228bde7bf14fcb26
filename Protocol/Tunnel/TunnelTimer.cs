using Mesh.Protocol.Time;

namespace Mesh.Protocol.Tunnel;

/// <summary>Names the timers of a <see cref="PeerMachine"/>.</summary>
public enum TunnelTimer
{
    /// <summary>A handshake is due now: one was asked for, or the pause since the last initiation has passed.</summary>
    Handshake,

    /// <summary>The outstanding initiation was not answered: send another, or give up (paper section 6.4).</summary>
    RetryHandshake,

    /// <summary>Data arrived and nothing was sent since: send an empty message (paper section 6.5).</summary>
    PassiveKeepalive,

    /// <summary>Data was sent and nothing arrived since: start a new handshake (paper section 6.5).</summary>
    DeadPeer,

    /// <summary>The configured interval passed without any traffic: send an empty message.</summary>
    PersistentKeepalive,

    /// <summary>A session has reached the age at which its keys are refused (paper section 6.2).</summary>
    ExpireSession,

    /// <summary>No new session for three times that age: zero everything that is left (paper section 6.3).</summary>
    ZeroKeys,
}

/// <summary>Says when a machine wants <see cref="PeerMachine.HandleTimeout"/>, and which timer it is.</summary>
public readonly record struct Deadline(Instant At, TunnelTimer Timer);
