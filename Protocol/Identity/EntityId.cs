using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using Mesh.Protocol.Time;

namespace Mesh.Protocol.Identity;

/// <summary>
/// Holds 80 random bits that name one network, node, controller or credential for ever. The text form is 16 characters of
/// RFC 4648 section 6 base32 in lower case without padding; the byte form is 10 bytes, big-endian. The all-zero value is not a valid id.
/// </summary>
public readonly record struct EntityId
{
    /// <summary>The length of the byte form.</summary>
    public const int Size = 10;

    /// <summary>The length of the text form.</summary>
    public const int TextLength = 16;

    const string Alphabet = "abcdefghijklmnopqrstuvwxyz234567";

    readonly ulong _high;
    readonly ushort _low;

    /// <summary>Reads an id from exactly <see cref="Size"/> bytes.</summary>
    /// <exception cref="ArgumentException">The span has another length.</exception>
    public EntityId(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Size)
            throw new ArgumentException($"an id is {Size} bytes, not {bytes.Length}", nameof(bytes));
        _high = BinaryPrimitives.ReadUInt64BigEndian(bytes);
        _low = BinaryPrimitives.ReadUInt16BigEndian(bytes[8..]);
    }

    /// <summary>Gets whether this is the all-zero value, which names nothing.</summary>
    public bool IsEmpty => _high == 0 && _low == 0;

    /// <summary>Draws a new id.</summary>
    public static EntityId Create(IEntropy entropy)
    {
        Span<byte> bytes = stackalloc byte[Size];
        EntityId id;
        do
        {
            entropy.Fill(bytes);
            id = new EntityId(bytes);
        }
        while (id.IsEmpty);
        return id;
    }

    /// <summary>Writes the byte form to the start of <paramref name="destination"/>.</summary>
    public void WriteTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, _high);
        BinaryPrimitives.WriteUInt16BigEndian(destination[8..], _low);
    }

    /// <summary>Reads the text form; upper case is accepted, anything else that <see cref="ToString"/> does not print is not.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out EntityId id)
    {
        id = default;
        if (text is not { Length: TextLength })
            return false;
        UInt128 value = 0;
        foreach (var character in text)
        {
            var digit = Alphabet.IndexOf(char.ToLowerInvariant(character), StringComparison.Ordinal);
            if (digit < 0)
                return false;
            value = (value << 5) | (uint)digit;
        }
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, value);
        id = new EntityId(bytes[6..]);
        return !id.IsEmpty;
    }

    /// <summary>Prints the 16-character text form.</summary>
    public override string ToString()
    {
        var value = ((UInt128)_high << 16) | _low;
        return string.Create(TextLength, value, static (characters, bits) =>
        {
            for (var i = characters.Length - 1; i >= 0; i--, bits >>= 5)
                characters[i] = Alphabet[(int)(uint)(bits & 31)];
        });
    }
}
