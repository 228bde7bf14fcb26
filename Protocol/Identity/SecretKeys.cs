using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Mesh.Protocol.Time;

namespace Mesh.Protocol.Identity;

/// <summary>
/// Owns 32 secret bytes in memory that the collector does not move, and zeroes them on <see cref="Dispose"/>. Printing one prints
/// its type only. Comparison is constant-time. Not safe for use by one thread while another disposes it.
/// </summary>
public abstract class SecretKey : IDisposable
{
    /// <summary>The number of bytes.</summary>
    public const int Size = 32;

    readonly byte[] _bytes = GC.AllocateArray<byte>(Size, pinned: true);
    bool _disposed;

    private protected SecretKey(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Size)
            throw new ArgumentException($"a key is {Size} bytes, not {bytes.Length}", nameof(bytes));
        bytes.CopyTo(_bytes);
    }

    private protected SecretKey(IEntropy entropy) => entropy.Fill(_bytes);

    /// <summary>Gets the bytes.</summary>
    /// <exception cref="ObjectDisposedException">The key has been zeroed.</exception>
    public ReadOnlySpan<byte> Span
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _bytes;
        }
    }

    /// <summary>Compares in constant time.</summary>
    public bool SecretEquals(SecretKey other) => CryptographicOperations.FixedTimeEquals(Span, other.Span);

    /// <summary>Prints the secret as 44 characters of base64: for the files and pipes that keys are kept in, never for logs.</summary>
    public string ExportBase64() => Convert.ToBase64String(Span);

    /// <summary>Zeroes the bytes.</summary>
    public void Dispose()
    {
        _disposed = true;
        CryptographicOperations.ZeroMemory(_bytes);
        GC.SuppressFinalize(this);
    }

    /// <summary>Prints the type, never the secret.</summary>
    public sealed override string ToString() => GetType().Name;

    private protected static bool TryDecode([NotNullWhen(true)] string? text, Span<byte> bytes) =>
        text?.Trim() is { Length: Octets32.TextLength } trimmed
        && Convert.TryFromBase64String(trimmed, bytes, out var written) && written == Size;
}

/// <summary>Is an X25519 private key (RFC 7748 section 5); clamping is done where it is used.</summary>
public sealed class TunnelPrivateKey : SecretKey
{
    /// <summary>Copies exactly 32 bytes.</summary>
    public TunnelPrivateKey(ReadOnlySpan<byte> bytes) : base(bytes) { }

    /// <summary>Draws a new key.</summary>
    public TunnelPrivateKey(IEntropy entropy) : base(entropy) { }

    /// <summary>Reads 44 characters of base64; white space around them is allowed, as key files end in a line feed.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out TunnelPrivateKey? key)
    {
        Span<byte> bytes = stackalloc byte[Size + 1];
        key = TryDecode(text, bytes) ? new TunnelPrivateKey(bytes[..Size]) : null;
        CryptographicOperations.ZeroMemory(bytes);
        return key is not null;
    }
}

/// <summary>Is an Ed25519 private key in its 32-byte seed form (RFC 8032 section 5.1.5).</summary>
public sealed class SigningPrivateKey : SecretKey
{
    /// <summary>Copies exactly 32 bytes.</summary>
    public SigningPrivateKey(ReadOnlySpan<byte> bytes) : base(bytes) { }

    /// <summary>Draws a new key.</summary>
    public SigningPrivateKey(IEntropy entropy) : base(entropy) { }
}

/// <summary>Is a WireGuard pre-shared key (WireGuard paper section 5.2); all zero means none.</summary>
public sealed class PresharedKey : SecretKey
{
    /// <summary>Copies exactly 32 bytes.</summary>
    public PresharedKey(ReadOnlySpan<byte> bytes) : base(bytes) { }

    /// <summary>Draws a new key.</summary>
    public PresharedKey(IEntropy entropy) : base(entropy) { }

    /// <summary>Reads 44 characters of base64; white space around them is allowed.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out PresharedKey? key)
    {
        Span<byte> bytes = stackalloc byte[Size + 1];
        key = TryDecode(text, bytes) ? new PresharedKey(bytes[..Size]) : null;
        CryptographicOperations.ZeroMemory(bytes);
        return key is not null;
    }
}
