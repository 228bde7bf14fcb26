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

/// <summary>Asks for a fresh TLS certificate: the body of <c>POST /v1/certificate</c>.</summary>
/// <param name="Request">A PKCS #10 request in DER.</param>
/// <param name="Proof">Says who asks; not needed where the node's present certificate still does.</param>
public sealed record CertificateRequestMessage(byte[] Request, CertificateProof? Proof = null);

/// <summary>
/// Says by the node's own key who asks for a certificate, so that a node whose certificate no longer counts gets on without a new
/// credential. It counts for some minutes and for one request. To send it again gains nothing: what it brings is a certificate for
/// the key that the request was made with, and only who holds that key can use it.
/// </summary>
/// <param name="Node">The node.</param>
/// <param name="Time">When it was signed, by the node's clock.</param>
/// <param name="Signature">An Ed25519 signature by the node's key over <see cref="Bytes"/>.</param>
public sealed record CertificateProof(NodeId Node, WallTime Time, byte[] Signature)
{
    /// <summary>How far <see cref="Time"/> may be from the controller's clock: 10 minutes either way.</summary>
    public static readonly TimeSpan ValidFor = TimeSpan.FromMinutes(10);

    /// <summary>
    /// Puts together what is signed: <c>"mesh-certificate-v1" | network id(10) | node id(10) | time(8, milliseconds since 1970, big
    /// endian) | SHA-256 of the certificate request(32)</c>.
    /// </summary>
    public static byte[] Bytes(NetworkId network, NodeId node, WallTime time, ReadOnlySpan<byte> request)
    {
        var bytes = new byte[19 + 2 * EntityId.Size + 8 + Octets32.Size];
        "mesh-certificate-v1"u8.CopyTo(bytes);
        network.Value.WriteTo(bytes.AsSpan(19));
        node.Value.WriteTo(bytes.AsSpan(19 + EntityId.Size));
        System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(19 + 2 * EntityId.Size), time.UnixMilliseconds);
        Crypto.Sha256.Hash(request).Value.Span.CopyTo(bytes.AsSpan(27 + 2 * EntityId.Size));
        return bytes;
    }
}

/// <summary>Answers <see cref="CertificateRequestMessage"/>.</summary>
/// <param name="Certificates">The node's TLS certificate in DER and the authority's that issued it.</param>
public sealed record CertificateReply(IReadOnlyList<byte[]> Certificates);

/// <summary>
/// Is the body of <c>POST /v1/rotate-key</c>: the node that the connection's certificate proves changes its WireGuard key by plan. Answered
/// with 204; the same request again is answered the same.
/// </summary>
/// <param name="FormerKey">The key that it has.</param>
/// <param name="TunnelKey">The new one.</param>
public sealed record KeyRotationRequest(TunnelPublicKey FormerKey, TunnelPublicKey TunnelKey);

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

    /// <summary>The network knows no such node, or the proof is not by its key.</summary>
    public const string NodeUnknown = "node-unknown";

    /// <summary>The node's time in the network is over: it joins again first.</summary>
    public const string NodeExpired = "node-expired";

    /// <summary>The request came without a node's certificate.</summary>
    public const string CertificateNeeded = "certificate-needed";

    /// <summary>The certificate was issued by no controller that speaks for the network now; <c>POST /v1/certificate</c> gives one by the
    /// node's own key.</summary>
    public const string CertificateUnknown = "certificate-unknown";

    /// <summary>The node's certificate has expired; <c>POST /v1/certificate</c> still takes it.</summary>
    public const string CertificateExpired = "certificate-expired";

    /// <summary>The controller cannot decide now; try again.</summary>
    public const string Unavailable = "unavailable";

    /// <summary>The machine is in the network as another user's node: it joins with new keys or not at all.</summary>
    public const string OtherOwner = "other-owner";

    /// <summary>No address or name is left to give.</summary>
    public const string Exhausted = "exhausted";
}

/// <summary>Is a problem document (RFC 9457), sent as <c>application/problem+json</c>.</summary>
/// <param name="Title">One line for people: what is wrong and what to do.</param>
/// <param name="Status">The HTTP status.</param>
/// <param name="Code">One of <see cref="RefusalCodes"/>.</param>
/// <param name="RetryAfterSeconds">When trying again may help.</param>
public sealed record Problem(string Title, int Status, string Code, int? RetryAfterSeconds = null);
