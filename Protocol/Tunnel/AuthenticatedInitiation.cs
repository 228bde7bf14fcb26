using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Noise;

namespace Mesh.Protocol.Tunnel;

/// <summary>
/// Is an initiation whose sender proved that it holds a known peer's private key. It is handed to that peer's machine, which decides
/// whether it is new and answers it; whoever drops it instead disposes it.
/// </summary>
public sealed class AuthenticatedInitiation : IDisposable
{
    internal AuthenticatedInitiation(TunnelPublicKey peer, Tai64N timestamp, SessionIndex sender, IkPsk2Responder handshake)
    {
        Peer = peer;
        Timestamp = timestamp;
        Sender = sender;
        Handshake = handshake;
    }

    /// <summary>Gets whose initiation it is.</summary>
    public TunnelPublicKey Peer { get; }

    /// <summary>Gets the timestamp inside.</summary>
    public Tai64N Timestamp { get; }

    /// <summary>Gets the index that the initiator chose.</summary>
    public SessionIndex Sender { get; }

    /// <summary>Gets the cipher of the handshake and of its session.</summary>
    public CipherSuite Suite => Handshake.Suite;

    internal IkPsk2Responder Handshake { get; }

    /// <summary>Zeroes the handshake's keys.</summary>
    public void Dispose() => Handshake.Dispose();
}
