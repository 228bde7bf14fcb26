using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;

namespace Mesh.Protocol.Enrollment;

/// <summary>
/// Is the one string that joins a machine. Whoever holds it may enroll once, and knows for certain which network answers: the
/// first connection is verified against the hash of the network root, so nobody in between can stand in.
/// <code>
/// "mk1_" base64url( kind(1) | credential id(10) | secret(32) | SHA-256 of the network root key(32)
///                   | count(1) | count x ( length(1) | controller address, ASCII host:port ) | checksum(4) )
/// kind       1 = one-time; every other value is refused
/// count      1 to 3
/// checksum   the first 4 bytes of SHA-256 over everything before it, the four prefix characters included
/// </code>
/// The whole is at most <see cref="MaximumLength"/> characters; base64url is RFC 4648 section 5 without padding. Immutable.
/// </summary>
public sealed class CredentialString
{
    /// <summary>The characters every such string begins with; the digit is the version of the layout.</summary>
    public const string Prefix = "mk1_";

    /// <summary>The greatest length of the text form, in characters.</summary>
    public const int MaximumLength = 255;

    /// <summary>The greatest number of controller addresses.</summary>
    public const int MaximumControllers = 3;

    /// <summary>The length of the secret, in bytes.</summary>
    public const int SecretSize = 32;

    const byte OneTime = 1;
    const int ChecksumSize = 4;
    const int FixedSize = 1 + EntityId.Size + SecretSize + Octets32.Size + 1;

    readonly byte[] _secret;

    CredentialString(CredentialId id, byte[] secret, Digest256 rootHash, IReadOnlyList<string> controllers)
    {
        Id = id;
        _secret = secret;
        RootHash = rootHash;
        Controllers = controllers;
    }

    /// <summary>Gets the credential's id, which is not secret.</summary>
    public CredentialId Id { get; }

    /// <summary>Gets the secret's 32 bytes.</summary>
    public ReadOnlySpan<byte> Secret => _secret;

    /// <summary>Gets the SHA-256 digest of the network root's 32-byte Ed25519 public key.</summary>
    public Digest256 RootHash { get; }

    /// <summary>Gets the controllers to try, in order: <c>host:port</c> or <c>[v6]:port</c>.</summary>
    public IReadOnlyList<string> Controllers { get; }

    /// <summary>Puts a credential together.</summary>
    /// <exception cref="ArgumentException">An address is not <c>host:port</c> in printable ASCII, there are none or more than
    /// three, or together they do not fit into <see cref="MaximumLength"/> characters.</exception>
    public static CredentialString Create(CredentialId id, ReadOnlySpan<byte> secret, Digest256 rootHash, IReadOnlyList<string> controllers)
    {
        if (secret.Length != SecretSize)
            throw new ArgumentException($"the secret is {SecretSize} bytes, not {secret.Length}", nameof(secret));
        if (controllers.Count is < 1 or > MaximumControllers)
            throw new ArgumentException($"a credential carries 1 to {MaximumControllers} controller addresses, not {controllers.Count}", nameof(controllers));
        foreach (var address in controllers)
        {
            if (!IsControllerAddress(address))
                throw new ArgumentException($"'{address}' is not a controller address: host:port is expected", nameof(controllers));
        }
        var length = Length(controllers);
        if (length > MaximumLength)
            throw new ArgumentException(
                $"the controller addresses are too long: the credential would have {length} characters, {MaximumLength} are allowed", nameof(controllers));
        return new CredentialString(id, secret.ToArray(), rootHash, [.. controllers]);
    }

    /// <summary>Prints the text form, secret included: for the one who is to receive it, never for logs.</summary>
    public string Export()
    {
        Span<byte> bytes = stackalloc byte[MaximumLength];
        bytes[0] = OneTime;
        Id.Value.WriteTo(bytes[1..]);
        _secret.CopyTo(bytes[(1 + EntityId.Size)..]);
        RootHash.Value.Span.CopyTo(bytes[(1 + EntityId.Size + SecretSize)..]);
        bytes[FixedSize - 1] = (byte)Controllers.Count;
        var at = FixedSize;
        foreach (var address in Controllers)
        {
            bytes[at++] = (byte)address.Length;
            at += Encoding.ASCII.GetBytes(address, bytes[at..]);
        }
        WriteChecksum(bytes[..at], bytes[at..]);
        var text = Prefix + Base64Url.EncodeToString(bytes[..(at + ChecksumSize)]);
        CryptographicOperations.ZeroMemory(bytes);
        return text;
    }

    /// <summary>Reads the text form; white space around it is ignored. Reads only what <see cref="Export"/> writes.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out CredentialString? credential)
    {
        credential = null;
        text = text?.Trim();
        if (text is null || text.Length > MaximumLength || !text.StartsWith(Prefix, StringComparison.Ordinal))
            return false;
        var encoded = text.AsSpan(Prefix.Length);
        Span<byte> buffer = stackalloc byte[MaximumLength];
        if (!Base64Url.IsValid(encoded) || !Base64Url.TryDecodeFromChars(encoded, buffer, out var written))
            return false;
        var parsed = TryRead(buffer[..written]);
        CryptographicOperations.ZeroMemory(buffer);
        // White space and spare bits inside the text would decode too: one credential has one text.
        if (parsed is null || !string.Equals(parsed.Export(), text, StringComparison.Ordinal))
            return false;
        credential = parsed;
        return true;
    }

    /// <summary>Prints the id, never the secret.</summary>
    public override string ToString() => $"{Prefix}({Id})";

    /// <summary>Tells whether the addresses are few and short enough for one credential.</summary>
    public static bool Fits(IReadOnlyList<string> controllers) =>
        controllers.Count is >= 1 and <= MaximumControllers && Length(controllers) <= MaximumLength;

    /// <summary>Tells whether a text is <c>host:port</c> or <c>[v6]:port</c> in printable ASCII with a port of 1 to 65535.</summary>
    public static bool IsControllerAddress([NotNullWhen(true)] string? address)
    {
        if (address is not { Length: > 0 and < 256 } || address.AsSpan().ContainsAnyExceptInRange('!', '~'))
            return false;
        var colon = address.LastIndexOf(':');
        var host = colon > 0 ? address[..colon] : "";
        if (!ushort.TryParse(address.AsSpan(colon + 1), System.Globalization.NumberStyles.None, null, out var port) || port == 0)
            return false;
        return host.StartsWith('[') ? host.EndsWith(']') && Uri.CheckHostName(host) == UriHostNameType.IPv6
            : Uri.CheckHostName(host) is UriHostNameType.Dns or UriHostNameType.IPv4;
    }

    static CredentialString? TryRead(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < FixedSize + ChecksumSize || bytes[0] != OneTime)
            return null;
        var body = bytes[..^ChecksumSize];
        Span<byte> checksum = stackalloc byte[ChecksumSize];
        WriteChecksum(body, checksum);
        if (!checksum.SequenceEqual(bytes[^ChecksumSize..]))
            return null;
        var count = body[FixedSize - 1];
        if (count is < 1 or > MaximumControllers)
            return null;
        var controllers = new string[count];
        var rest = body[FixedSize..];
        for (var i = 0; i < count; i++)
        {
            if (rest.IsEmpty || rest.Length < 1 + rest[0])
                return null;
            controllers[i] = Encoding.ASCII.GetString(rest.Slice(1, rest[0]));
            if (!IsControllerAddress(controllers[i]))
                return null;
            rest = rest[(1 + rest[0])..];
        }
        var id = new EntityId(body.Slice(1, EntityId.Size));
        return !rest.IsEmpty || id.IsEmpty
            ? null
            : new CredentialString(new CredentialId(id), body.Slice(1 + EntityId.Size, SecretSize).ToArray(),
                new Digest256(body.Slice(1 + EntityId.Size + SecretSize, Octets32.Size)), controllers);
    }

    static void WriteChecksum(ReadOnlySpan<byte> body, Span<byte> checksum) =>
        Sha256.Hash("mk1_"u8, body).Value.Span[..ChecksumSize].CopyTo(checksum);

    static int Length(IReadOnlyList<string> controllers) =>
        TextLength(FixedSize + controllers.Sum(address => 1 + address.Length) + ChecksumSize);

    static int TextLength(int bytes) => Prefix.Length + Base64Url.GetEncodedLength(bytes);
}
