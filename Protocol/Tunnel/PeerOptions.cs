using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;

namespace Mesh.Protocol.Tunnel;

/// <summary>Configures a <see cref="PeerMachine"/>. The machine does not dispose the keys it is given.</summary>
public sealed record PeerOptions
{
    /// <summary>Gets this device's key, shared by all its machines.</summary>
    public required X25519 DeviceKey { get; init; }

    /// <summary>Gets the peer's public key.</summary>
    public required TunnelPublicKey Peer { get; init; }

    /// <summary>Gets the pre-shared key, or null for none (32 zero bytes on the wire).</summary>
    public PresharedKey? PresharedKey { get; init; }

    /// <summary>Gets the endpoint to try first; none means to wait for the peer.</summary>
    public EndpointAddress Endpoint { get; init; }

    /// <summary>
    /// Gets the suite that this side's handshakes ask for: AES-256-GCM only where both ends announce it. Whatever it is, the peer's choice
    /// is answered.
    /// </summary>
    public CipherSuite Suite { get; init; }

    /// <summary>Gets the interval of persistent keepalives in whole seconds, 1 to 65535; zero, the default, sends none.</summary>
    public TimeSpan PersistentKeepalive { get; init; }
}
