using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Routing;
using Mesh.Protocol.Tunnel;

namespace Mesh.Protocol.Uapi;

/// <summary>Reads and prints the values of UAPI lines. Strict, as what it reads was printed by a program.</summary>
static class UapiText
{
    // The longest address with scope, port and brackets is shorter.
    const int MaximumValue = 128;

    /// <summary>Takes a line without its line feed and a carriage return before that; false at the end.</summary>
    public static bool TryReadLine(ref ReadOnlySpan<byte> text, out ReadOnlySpan<byte> line)
    {
        line = default;
        if (text.IsEmpty)
            return false;
        var end = text.IndexOf((byte)'\n');
        line = end < 0 ? text : text[..end];
        text = end < 0 ? default : text[(end + 1)..];
        if (line.EndsWith("\r"u8))
            line = line[..^1];
        return true;
    }

    /// <summary>Reads exactly as many bytes as the destination has, in hexadecimal of either case.</summary>
    public static bool TryReadHex(ReadOnlySpan<byte> text, Span<byte> destination)
    {
        if (text.Length != destination.Length * 2)
            return false;
        for (var i = 0; i < destination.Length; i++)
        {
            var (high, low) = (Nibble(text[2 * i]), Nibble(text[2 * i + 1]));
            if ((high | low) < 0)
                return false;
            destination[i] = (byte)(high << 4 | low);
        }

        return true;
    }

    /// <summary>Reads a secret of 32 bytes in hexadecimal; 32 zero bytes mean that there is none.</summary>
    public static bool TryReadSecret<T>(ReadOnlySpan<byte> value, SecretFactory<T> make, out T? secret) where T : SecretKey
    {
        secret = null;
        Span<byte> octets = stackalloc byte[SecretKey.Size];
        try
        {
            if (!TryReadHex(value, octets))
                return false;
            if (octets.ContainsAnyExcept((byte)0))
                secret = make(octets);
            return true;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(octets);
        }
    }

    /// <summary>Makes a secret of its bytes.</summary>
    public delegate T SecretFactory<T>(ReadOnlySpan<byte> octets);

    /// <summary>Reads decimal digits without sign.</summary>
    public static bool TryReadNumber(ReadOnlySpan<byte> text, uint maximum, out uint number)
    {
        number = 0;
        ulong value = 0;
        foreach (var digit in text)
        {
            if (!char.IsAsciiDigit((char)digit))
                return false;
            value = value * 10 + (uint)(digit - '0');
            if (value > maximum)
                return false;
        }

        number = (uint)value;
        return !text.IsEmpty;
    }

    /// <summary>Reads <c>address/length</c>; bits behind the length are cleared.</summary>
    public static bool TryReadPrefix(ReadOnlySpan<byte> text, out IpPrefix prefix)
    {
        prefix = default;
        var slash = text.IndexOf((byte)'/');
        Span<byte> address = stackalloc byte[16];
        if (slash < 0 || !TryReadAddress(text[..slash], address, out var size))
            return false;
        var length = text[(slash + 1)..];
        if (length.Length > 1 && length[0] == '0' || !TryReadNumber(length, (uint)size * 8, out var bits))
            return false;
        prefix = new IpPrefix(address[..size], (int)bits);
        return true;
    }

    /// <summary>Reads <c>a.b.c.d:port</c> or <c>[v6]:port</c>, with <c>%scope</c> behind a v6 address.</summary>
    public static bool TryReadEndpoint(ReadOnlySpan<byte> text, UapiScopes scopes, out EndpointAddress endpoint)
    {
        endpoint = default;
        var colon = text.LastIndexOf((byte)':');
        if (colon < 0 || !TryReadNumber(text[(colon + 1)..], ushort.MaxValue, out var port))
            return false;
        var host = text[..colon];
        var bracketed = host.Length > 2 && host[0] == '[' && host[^1] == ']';
        if (bracketed)
            host = host[1..^1];
        uint scope = 0;
        if (bracketed && host.IndexOf((byte)'%') is >= 0 and var percent)
        {
            if (scopes.Index(Encoding.Latin1.GetString(host[(percent + 1)..])) is not { } index)
                return false;
            scope = index;
            host = host[..percent];
        }

        Span<byte> address = stackalloc byte[16];
        if (!TryReadAddress(host, address, out var size) || bracketed != (size == 16))
            return false;
        endpoint = new EndpointAddress(address[..size], (ushort)port, scope);
        return true;
    }

    /// <summary>Prints an endpoint as <see cref="TryReadEndpoint"/> reads it.</summary>
    public static string Print(in EndpointAddress endpoint, UapiScopes scopes)
    {
        if (endpoint.Scope == 0)
            return endpoint.ToString();
        Span<byte> bytes = stackalloc byte[16];
        var address = new IPAddress(bytes[..endpoint.WriteAddress(bytes)]);
        return string.Create(CultureInfo.InvariantCulture, $"[{address}%{scopes.Name(endpoint.Scope)}]:{endpoint.Port}");
    }

    static bool TryReadAddress(ReadOnlySpan<byte> text, Span<byte> address, out int size)
    {
        size = 0;
        if (text.Length > MaximumValue)
            return false;
        if (text.IndexOf((byte)':') < 0)
            return TryReadIPv4(text, address, out size);
        // Scopes and lengths have been cut off; brackets do not belong here.
        if (text.IndexOfAny("%/["u8) >= 0)
            return false;
        Span<char> characters = stackalloc char[MaximumValue];
        var count = Encoding.Latin1.GetChars(text, characters);
        return IPAddress.TryParse(characters[..count], out var parsed) && parsed.TryWriteBytes(address, out size) && size == 16;
    }

    // The class library also reads octal, hexadecimal and shortened forms.
    static bool TryReadIPv4(ReadOnlySpan<byte> text, Span<byte> address, out int size)
    {
        size = 0;
        for (var i = 0; i < 4; i++)
        {
            var dot = i < 3 ? text.IndexOf((byte)'.') : text.Length;
            if (dot < 0)
                return false;
            var octet = text[..dot];
            if (octet.Length > 1 && octet[0] == '0' || !TryReadNumber(octet, byte.MaxValue, out var value))
                return false;
            address[i] = (byte)value;
            text = i < 3 ? text[(dot + 1)..] : default;
        }

        size = 4;
        return true;
    }

    static int Nibble(byte character) => character switch
    {
        >= (byte)'0' and <= (byte)'9' => character - '0',
        >= (byte)'a' and <= (byte)'f' => character - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => character - 'A' + 10,
        _ => -1,
    };
}
