using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace Mesh.Protocol.Routing;

/// <summary>
/// Is an IPv4 or IPv6 prefix in CIDR notation (RFC 4632, RFC 4291 section 2.3) with its host bits cleared. A value; compares and sorts by
/// family, address, length.
/// </summary>
public readonly record struct IpPrefix : IComparable<IpPrefix>
{
    // The address is left-aligned in 128 bits for both families, so that one trie walk serves both.
    internal ulong High { get; }

    internal ulong Low { get; }

    /// <summary>Gets the number of leading bits that count: 0 to 32 or 0 to 128.</summary>
    public byte Length { get; }

    /// <summary>Gets whether this is IPv6.</summary>
    public bool IsIPv6 { get; }

    /// <summary>Creates a prefix from 4 or 16 bytes in network order; bits behind the length are cleared.</summary>
    /// <exception cref="ArgumentException">The address has another length, or the prefix is longer than it.</exception>
    public IpPrefix(ReadOnlySpan<byte> address, int length)
    {
        if (!TryReadBits(address, out var high, out var low))
            throw new ArgumentException($"an address is 4 or 16 bytes, not {address.Length}", nameof(address));
        if (length < 0 || length > address.Length * 8)
            throw new ArgumentException($"a prefix of this family has 0 to {address.Length * 8} bits, not {length}", nameof(length));
        Mask(ref high, ref low, length);
        High = high;
        Low = low;
        Length = (byte)length;
        IsIPv6 = address.Length == 16;
    }

    /// <summary>Gets the length of the family's addresses in bytes: 4 or 16.</summary>
    public int AddressLength => IsIPv6 ? 16 : 4;

    /// <summary>Tells whether an address of 4 or 16 bytes lies in the prefix; one of the other family never does.</summary>
    public bool Contains(ReadOnlySpan<byte> address)
    {
        if (address.Length != AddressLength || !TryReadBits(address, out var high, out var low))
            return false;
        Mask(ref high, ref low, Length);
        return high == High && low == Low;
    }

    /// <summary>Writes the address in network order and returns its length, 4 or 16.</summary>
    public int WriteAddress(Span<byte> destination)
    {
        if (!IsIPv6)
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)(High >> 32));
            return 4;
        }
        BinaryPrimitives.WriteUInt64BigEndian(destination, High);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], Low);
        return 16;
    }

    /// <summary>Reads <c>address/length</c>, or an address alone as the prefix of all its bits. Host bits are cleared, as <c>wg</c>
    /// does.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out IpPrefix prefix)
    {
        prefix = default;
        if (string.IsNullOrEmpty(text))
            return false;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var host = slash < 0 ? text.AsSpan() : text.AsSpan(0, slash);
        if (host.Contains('%') || host.Contains('[') || !IPAddress.TryParse(host, out var address)
            || (!host.Contains(':') && host.Count('.') != 3))
            return false;
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out var written);
        var length = written * 8;
        if (slash >= 0
            && (!int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out length) || length > written * 8))
            return false;
        prefix = new IpPrefix(bytes[..written], length);
        return true;
    }

    /// <summary>Reads <c>address/length</c>.</summary>
    /// <exception cref="FormatException">The text is something else.</exception>
    public static IpPrefix Parse(string text) =>
        TryParse(text, out var prefix) ? prefix : throw new FormatException($"'{text}' is not an address or a prefix such as 10.0.0.0/8");

    /// <inheritdoc/>
    public int CompareTo(IpPrefix other)
    {
        var order = IsIPv6.CompareTo(other.IsIPv6);
        if (order == 0)
            order = High.CompareTo(other.High);
        if (order == 0)
            order = Low.CompareTo(other.Low);
        return order != 0 ? order : Length.CompareTo(other.Length);
    }

    /// <summary>Prints <c>address/length</c>.</summary>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[16];
        return string.Create(CultureInfo.InvariantCulture, $"{new IPAddress(bytes[..WriteAddress(bytes)])}/{Length}");
    }

    /// <inheritdoc cref="CompareTo"/>
    public static bool operator <(IpPrefix left, IpPrefix right) => left.CompareTo(right) < 0;

    /// <inheritdoc cref="CompareTo"/>
    public static bool operator >(IpPrefix left, IpPrefix right) => left.CompareTo(right) > 0;

    /// <inheritdoc cref="CompareTo"/>
    public static bool operator <=(IpPrefix left, IpPrefix right) => left.CompareTo(right) <= 0;

    /// <inheritdoc cref="CompareTo"/>
    public static bool operator >=(IpPrefix left, IpPrefix right) => left.CompareTo(right) >= 0;

    /// <summary>Reads an address of either family into left-aligned bits.</summary>
    internal static bool TryReadBits(ReadOnlySpan<byte> address, out ulong high, out ulong low)
    {
        low = 0;
        if (address.Length == 4)
        {
            high = (ulong)BinaryPrimitives.ReadUInt32BigEndian(address) << 32;
            return true;
        }
        if (address.Length == 16)
        {
            high = BinaryPrimitives.ReadUInt64BigEndian(address);
            low = BinaryPrimitives.ReadUInt64BigEndian(address[8..]);
            return true;
        }
        high = 0;
        return false;
    }

    /// <summary>Clears the bits behind a length.</summary>
    internal static void Mask(ref ulong high, ref ulong low, int length)
    {
        if (length <= 64)
        {
            low = 0;
            high = length == 0 ? 0 : high & (ulong.MaxValue << (64 - length));
        }
        else
            low &= ulong.MaxValue << (128 - length);
    }
}
