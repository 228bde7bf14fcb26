using System.Diagnostics.CodeAnalysis;

namespace Mesh.Protocol.Crypto;

/// <summary>
/// Names the ciphers of handshakes and transport messages. Both are full strength: there is no weaker one to be talked into. Values are
/// stable.
/// </summary>
public enum CipherSuite
{
    /// <summary>ChaCha20-Poly1305 (RFC 8439): WireGuard's only one, which every peer speaks.</summary>
    ChaCha20Poly1305 = 0,

    /// <summary>AES-256-GCM (NIST SP 800-38D): between nodes that both announce hardware for it.</summary>
    Aes256Gcm = 1,
}

/// <summary>Gives the names under which suites are announced, configured and printed.</summary>
public static class CipherSuites
{
    /// <summary>The name of <see cref="CipherSuite.ChaCha20Poly1305"/>; never announced, because everybody has it.</summary>
    public const string ChaCha20Poly1305 = "chacha20-poly1305";

    /// <summary>The name of <see cref="CipherSuite.Aes256Gcm"/>.</summary>
    public const string Aes256Gcm = "aes-256-gcm";

    /// <summary>Gets the name of a suite.</summary>
    public static string Name(this CipherSuite suite) => suite == CipherSuite.Aes256Gcm ? Aes256Gcm : ChaCha20Poly1305;

    /// <summary>Reads the name of a suite that can be announced; false for every other text, which a newer version may know.</summary>
    public static bool TryParseAnnounced([NotNullWhen(true)] string? name, out CipherSuite suite)
    {
        suite = name == Aes256Gcm ? CipherSuite.Aes256Gcm : CipherSuite.ChaCha20Poly1305;
        return suite != CipherSuite.ChaCha20Poly1305;
    }
}
