using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;

namespace Mesh.Protocol.Tunnel;

/// <summary>Derives the two keys that everybody who knows a receiver's public key can compute (WireGuard paper sections 5.4.4 and
/// 5.4.7).</summary>
static class MacKeys
{
    /// <summary>The length of mac1 and mac2.</summary>
    public const int MacSize = 16;

    /// <summary>Writes the 32-byte keys for mac1 and for the encryption of cookies.</summary>
    public static void Derive(in TunnelPublicKey receiver, Span<byte> mac1Key, Span<byte> cookieKey)
    {
        var octets = receiver.Value;
        Blake2s.Hash(mac1Key, TunnelSpecification.LabelMac1, octets.Span);
        Blake2s.Hash(cookieKey, TunnelSpecification.LabelCookie, octets.Span);
    }
}
