using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Noise;

namespace Mesh.Protocol.Tunnel;

/// <summary>
/// Opens the initiations that the <see cref="InitiationGate"/> let pass: both key agreements (about 60 us) against a snapshot of the
/// peers' keys, so that a peer's machine only ever sees initiations of its peer. Used by the one handshake worker; changing the device's
/// key means a new opener.
/// </summary>
public sealed class InitiationOpener
{
    readonly X25519 _deviceKey;

    /// <summary>Creates an opener for a device; the key stays the caller's.</summary>
    public InitiationOpener(X25519 deviceKey) => _deviceKey = deviceKey;

    /// <summary>
    /// Opens an initiation of 148 bytes. The reason is <see cref="DropReason.HandshakeAuthentication"/>,
    /// <see cref="DropReason.UnknownPeer"/> or <see cref="DropReason.MessageLength"/> when it returns false. Replays are for the machine to
    /// find.
    /// </summary>
    public bool TryOpen(ReadOnlySpan<byte> message, FrozenSet<TunnelPublicKey> peers,
        [NotNullWhen(true)] out AuthenticatedInitiation? initiation, out DropReason reason)
    {
        initiation = null;
        reason = DropReason.MessageLength;
        if (TunnelMessage.Classify(message) != MessageType.Initiation)
            return false;
        Span<byte> timestamp = stackalloc byte[Tai64N.Size];
        if (!IkPsk2Responder.TryRead(HandshakeInitiation.Suite(message), _deviceKey, HandshakeInitiation.Noise(message),
                TunnelSpecification.Identifier, peers.Contains, timestamp, out var handshake, out var unknown))
        {
            reason = unknown ? DropReason.UnknownPeer : DropReason.HandshakeAuthentication;
            return false;
        }
        reason = DropReason.None;
        initiation = new AuthenticatedInitiation(handshake.Initiator, Tai64N.Read(timestamp), HandshakeInitiation.Sender(message),
            handshake);
        return true;
    }
}
