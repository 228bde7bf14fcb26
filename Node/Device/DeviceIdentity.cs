using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;

namespace Mesh.Node.Device;

/// <summary>The keys that a device answers to; replaced as a whole.</summary>
/// <param name="Own">The key that handshakes are started with; null: none, and none is answered.</param>
/// <param name="Alternate">A second one, while the key is being changed by plan; else null.</param>
sealed record DeviceKeys(DeviceIdentity? Own, DeviceIdentity? Alternate)
{
    /// <summary>No key.</summary>
    public static readonly DeviceKeys None = new(null, null);
}

/// <summary>
/// A device's key with what guards and opens handshakes made to it. Immutable; replaced as a whole when the key changes. Safe for concurrent
/// use: once disposed, agreements fail and messages are dropped.
/// </summary>
sealed class DeviceIdentity : IDisposable
{
    /// <summary>Copies the key; the entropy makes cookie secrets; the suites are those that initiations may ask for beside the plain one.</summary>
    public DeviceIdentity(TunnelPrivateKey key, IEntropy entropy, params IEnumerable<CipherSuite> suites)
    {
        Key = new X25519(key);
        Gate = new InitiationGate(Key.PublicKey, entropy, suites);
        Opener = new InitiationOpener(Key);
    }

    /// <summary>The key.</summary>
    public X25519 Key { get; }

    /// <summary>Guards the handshake worker.</summary>
    public InitiationGate Gate { get; }

    /// <summary>Authenticates initiations; of the handshake worker.</summary>
    public InitiationOpener Opener { get; }

    /// <summary>Zeroes the key.</summary>
    public void Dispose() => Key.Dispose();
}
