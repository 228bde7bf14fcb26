using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;

namespace Mesh.Protocol.Admin;

/// <summary>
/// Is the one string with which an admin asks a controller from elsewhere. Whoever holds it may do what its scopes allow, and knows
/// for certain which network answers: the controller is verified against the hash of the network root.
/// <code>
/// "mt1_" base64url( token id(10) | secret(32) | SHA-256 of the network root key(32) | checksum(4) )
/// checksum   the first 4 bytes of SHA-256 over everything before it, the four prefix characters included
/// </code>
/// It has <see cref="Length"/> characters; base64url is RFC 4648 section 5 without padding. Immutable.
/// </summary>
public sealed class TokenString
{
    /// <summary>The characters every such string begins with; the digit is the version of the layout.</summary>
    public const string Prefix = "mt1_";

    /// <summary>The length of the text form, in characters.</summary>
    public const int Length = 108;

    /// <summary>The length of the secret, in bytes.</summary>
    public const int SecretSize = 32;

    const int ChecksumSize = 4;
    const int BodySize = EntityId.Size + SecretSize + Octets32.Size;

    readonly byte[] _secret;

    TokenString(TokenId id, byte[] secret, Digest256 rootHash)
    {
        Id = id;
        _secret = secret;
        RootHash = rootHash;
    }

    /// <summary>Gets the token's id, which is not secret.</summary>
    public TokenId Id { get; }

    /// <summary>Gets the secret's 32 bytes.</summary>
    public ReadOnlySpan<byte> Secret => _secret;

    /// <summary>Gets the SHA-256 digest of the network root's 32-byte Ed25519 public key.</summary>
    public Digest256 RootHash { get; }

    /// <summary>Puts a token together.</summary>
    /// <exception cref="ArgumentException">The secret has another length.</exception>
    public static TokenString Create(TokenId id, ReadOnlySpan<byte> secret, Digest256 rootHash) => secret.Length == SecretSize
        ? new TokenString(id, secret.ToArray(), rootHash)
        : throw new ArgumentException($"the secret is {SecretSize} bytes, not {secret.Length}", nameof(secret));

    /// <summary>Prints the text form, secret included: for the one who is to receive it, never for logs.</summary>
    public string Export()
    {
        Span<byte> bytes = stackalloc byte[BodySize + ChecksumSize];
        Id.Value.WriteTo(bytes);
        _secret.CopyTo(bytes[EntityId.Size..]);
        RootHash.Value.Span.CopyTo(bytes[(EntityId.Size + SecretSize)..]);
        WriteChecksum(bytes[..BodySize], bytes[BodySize..]);
        var text = Prefix + Base64Url.EncodeToString(bytes);
        CryptographicOperations.ZeroMemory(bytes);
        return text;
    }

    /// <summary>Reads the text form; white space around it is ignored. Reads only what <see cref="Export"/> writes.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out TokenString? token)
    {
        token = null;
        text = text?.Trim();
        if (text is not { Length: Length } || !text.StartsWith(Prefix, StringComparison.Ordinal))
            return false;
        Span<byte> bytes = stackalloc byte[Length];
        Span<byte> checksum = stackalloc byte[ChecksumSize];
        if (!Base64Url.IsValid(text.AsSpan(Prefix.Length)) || !Base64Url.TryDecodeFromChars(text.AsSpan(Prefix.Length), bytes, out var written)
            || written != BodySize + ChecksumSize)
            return false;
        WriteChecksum(bytes[..BodySize], checksum);
        var id = new EntityId(bytes[..EntityId.Size]);
        var read = checksum.SequenceEqual(bytes.Slice(BodySize, ChecksumSize)) && !id.IsEmpty
            ? new TokenString(
                new TokenId(id), bytes.Slice(EntityId.Size, SecretSize).ToArray(),
                new Digest256(bytes.Slice(EntityId.Size + SecretSize, Octets32.Size)))
            : null;
        CryptographicOperations.ZeroMemory(bytes);
        // White space inside the text would decode too: one token has one text.
        if (read is null || !string.Equals(read.Export(), text, StringComparison.Ordinal))
            return false;
        token = read;
        return true;
    }

    /// <summary>Prints the id, never the secret.</summary>
    public override string ToString() => $"{Prefix}({Id})";

    static void WriteChecksum(ReadOnlySpan<byte> body, Span<byte> checksum) =>
        Sha256.Hash("mt1_"u8, body).Value.Span[..ChecksumSize].CopyTo(checksum);
}
