using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Protocol.Enrollment;

/// <summary>
/// Asks to join: the body of <c>POST /v1/enroll</c>. The TLS session below it is TLS 1.3 and verified against the root hash in the
/// credential before a byte of this is sent.
/// </summary>
/// <param name="Credential">The credential's id.</param>
/// <param name="Secret">The credential's 32-byte secret.</param>
/// <param name="SigningKey">The node's Ed25519 key: its identity.</param>
/// <param name="TunnelKey">The node's WireGuard static key.</param>
/// <param name="Request">A PKCS #10 request (RFC 2986) in DER for the node's P-256 TLS key; its subject is not looked at.</param>
/// <param name="Hostname">The name that the machine wishes for.</param>
/// <param name="Os">The operating system, as shown to people.</param>
/// <param name="Version">The program's version.</param>
/// <param name="Time">The machine's clock; more than 90 seconds off is refused.</param>
/// <param name="Proof">An Ed25519 signature by the node's key over <see cref="EnrollProof"/>'s bytes: it holds the key it presents.</param>
public sealed record EnrollRequest(
    CredentialId Credential,
    byte[] Secret,
    SigningPublicKey SigningKey,
    TunnelPublicKey TunnelKey,
    byte[] Request,
    string Hostname,
    string Os,
    string Version,
    WallTime Time,
    byte[] Proof);

/// <summary>Welcomes a node: the answer to <see cref="EnrollRequest"/>. The same key with the same credential gets it again.</summary>
/// <param name="Network">The network.</param>
/// <param name="Node">The node's id.</param>
/// <param name="Name">The name it was given.</param>
/// <param name="RootKey">The network root's key; its hash must be the one in the credential.</param>
/// <param name="Certificates">The node's TLS certificate in DER and the authority's that issued it.</param>
/// <param name="Map">The node's first map, in full.</param>
public sealed record EnrollReply(
    NetworkId Network,
    NodeId Node,
    string Name,
    SigningPublicKey RootKey,
    IReadOnlyList<byte[]> Certificates,
    MapFrame Map);

/// <summary>Asks for a fresh TLS certificate: the body of <c>POST /v1/certificate</c>, over mutual TLS.</summary>
/// <param name="Request">A PKCS #10 request in DER.</param>
public sealed record CertificateRequestMessage(byte[] Request);

/// <summary>Answers <see cref="CertificateRequestMessage"/>.</summary>
/// <param name="Certificates">The node's TLS certificate in DER and the authority's that issued it.</param>
public sealed record CertificateReply(IReadOnlyList<byte[]> Certificates);

/// <summary>Computes what <see cref="EnrollRequest.Proof"/> signs.</summary>
public static class EnrollProof
{
    /// <summary>
    /// Puts together <c>"mesh-enroll-v1" | credential id(10) | root hash(32) | signing key(32) | tunnel key(32) | SHA-256 of the
    /// certificate request(32)</c>.
    /// </summary>
    public static byte[] Bytes(CredentialId credential, Digest256 rootHash, SigningPublicKey signingKey, TunnelPublicKey tunnelKey, ReadOnlySpan<byte> request)
    {
        var bytes = new byte[14 + EntityId.Size + 4 * Octets32.Size];
        "mesh-enroll-v1"u8.CopyTo(bytes);
        var at = 14;
        credential.Value.WriteTo(bytes.AsSpan(at));
        at += EntityId.Size;
        foreach (var part in (ReadOnlySpan<Octets32>)[rootHash.Value, signingKey.Value, tunnelKey.Value, Crypto.Sha256.Hash(request).Value])
        {
            part.Span.CopyTo(bytes.AsSpan(at));
            at += Octets32.Size;
        }
        return bytes;
    }
}

/// <summary>Says in a fixed word why something was refused: the <c>code</c> of a problem document (RFC 9457).</summary>
public static class RefusalCodes
{
    /// <summary>The credential was used already, by another machine.</summary>
    public const string Used = "credential-used";

    /// <summary>The credential's time is over.</summary>
    public const string Expired = "credential-expired";

    /// <summary>The credential was revoked.</summary>
    public const string Revoked = "credential-revoked";

    /// <summary>There is no such credential, or the secret is wrong: the answer does not tell which.</summary>
    public const string Unknown = "credential-unknown";

    /// <summary>Too many attempts with a wrong secret; try again later.</summary>
    public const string Limited = "limited";

    /// <summary>The request cannot be read.</summary>
    public const string Malformed = "malformed";

    /// <summary>The machine's clock is more than 90 seconds off.</summary>
    public const string ClockSkew = "clock-skew";

    /// <summary>The node was revoked or deleted.</summary>
    public const string NodeRevoked = "node-revoked";

    /// <summary>The controller cannot decide now; try again.</summary>
    public const string Unavailable = "unavailable";

    /// <summary>No address or name is left to give.</summary>
    public const string Exhausted = "exhausted";
}

/// <summary>Is a problem document (RFC 9457), sent as <c>application/problem+json</c>.</summary>
/// <param name="Title">One line for people: what is wrong and what to do.</param>
/// <param name="Status">The HTTP status.</param>
/// <param name="Code">One of <see cref="RefusalCodes"/>.</param>
/// <param name="RetryAfterSeconds">When trying again may help.</param>
public sealed record Problem(string Title, int Status, string Code, int? RetryAfterSeconds = null);
