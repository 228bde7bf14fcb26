using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Mesh.Protocol.Identity;

/// <summary>
/// Holds 32 public bytes by value: a public key or a SHA-256 digest. The text form is the 44-character padded base64 that
/// WireGuard's tools use. Equality is by content and not constant-time: secrets do not belong in here.
/// </summary>
public readonly struct Octets32 : IEquatable<Octets32>, IComparable<Octets32>
{
    /// <summary>The number of bytes.</summary>
    public const int Size = 32;

    /// <summary>The length of the text form.</summary>
    public const int TextLength = 44;

    [InlineArray(Size)]
    struct Buffer
    {
        byte _first;
    }

    readonly Buffer _buffer;

    /// <summary>Copies exactly <see cref="Size"/> bytes.</summary>
    /// <exception cref="ArgumentException">The span has another length.</exception>
    public Octets32(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Size)
            throw new ArgumentException($"expected {Size} bytes, got {bytes.Length}", nameof(bytes));
        bytes.CopyTo(_buffer);
    }

    /// <summary>Gets the bytes; the span lives as long as the variable that holds this value.</summary>
    [UnscopedRef]
    public ReadOnlySpan<byte> Span => _buffer;

    /// <summary>Gets whether every byte is zero.</summary>
    public bool IsZero => !Span.ContainsAnyExcept((byte)0);

    /// <summary>Reads the 44-character text form.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out Octets32 value)
    {
        value = default;
        Span<byte> bytes = stackalloc byte[Size + 1];
        if (text is not { Length: TextLength } || !Convert.TryFromBase64String(text, bytes, out var written) || written != Size)
            return false;
        value = new Octets32(bytes[..Size]);
        // Base64 leaves two spare bits in the last character: only the form that is printed is read.
        return string.Equals(text, value.ToString(), StringComparison.Ordinal);
    }

    /// <inheritdoc/>
    public bool Equals(Octets32 other) => Span.SequenceEqual(other.Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Octets32 other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => MemoryMarshal.Read<int>(Span) ^ MemoryMarshal.Read<int>(Span[20..]);

    /// <inheritdoc/>
    public int CompareTo(Octets32 other) => Span.SequenceCompareTo(other.Span);

    /// <summary>Prints the 44-character text form.</summary>
    public override string ToString() => Convert.ToBase64String(Span);

    /// <inheritdoc cref="Equals(Octets32)"/>
    public static bool operator ==(Octets32 left, Octets32 right) => left.Equals(right);

    /// <inheritdoc cref="Equals(Octets32)"/>
    public static bool operator !=(Octets32 left, Octets32 right) => !left.Equals(right);

    /// <inheritdoc cref="CompareTo"/>
    public static bool operator <(Octets32 left, Octets32 right) => left.CompareTo(right) < 0;

    /// <inheritdoc cref="CompareTo"/>
    public static bool operator >(Octets32 left, Octets32 right) => left.CompareTo(right) > 0;

    /// <inheritdoc cref="CompareTo"/>
    public static bool operator <=(Octets32 left, Octets32 right) => left.CompareTo(right) <= 0;

    /// <inheritdoc cref="CompareTo"/>
    public static bool operator >=(Octets32 left, Octets32 right) => left.CompareTo(right) >= 0;
}
