using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace Mesh.Protocol.Tunnel;

/// <summary>
/// Names one UDP endpoint: an IPv4 or IPv6 address, a port and, for link-local IPv6, the interface index. A value without sockets and
/// without allocation. IPv4-mapped IPv6 addresses become IPv4, so that one endpoint has one value. The default value is no endpoint.
/// </summary>
public readonly struct EndpointAddress : IEquatable<EndpointAddress>
{
    readonly ulong _high;
    readonly ulong _low;
    readonly uint _scope;
    readonly ushort _port;
    readonly byte _family;

    EndpointAddress(ulong high, ulong low, uint scope, ushort port, byte family)
    {
        _high = high;
        _low = low;
        _scope = scope;
        _port = port;
        _family = family;
    }

    /// <summary>Creates an endpoint from 4 or 16 address bytes in network order, a port in host order and an interface index.</summary>
    /// <exception cref="ArgumentException">The address has another length.</exception>
    public EndpointAddress(ReadOnlySpan<byte> address, ushort port, uint scope = 0)
    {
        if (address.Length == 4)
        {
            this = FromIPv4(BinaryPrimitives.ReadUInt32BigEndian(address), port);
            return;
        }
        if (address.Length != 16)
            throw new ArgumentException($"an address is 4 or 16 bytes, not {address.Length}", nameof(address));
        var high = BinaryPrimitives.ReadUInt64BigEndian(address);
        var low = BinaryPrimitives.ReadUInt64BigEndian(address[8..]);
        this = high == 0 && low >> 32 == 0xffff ? FromIPv4((uint)low, port) : new EndpointAddress(high, low, scope, port, 6);
    }

    /// <summary>Creates an IPv4 endpoint; the address is a number whose most significant byte is the first octet.</summary>
    public static EndpointAddress FromIPv4(uint address, ushort port) => new(0, address, 0, port, 4);

    /// <summary>Converts from the class library's type.</summary>
    public static EndpointAddress From(IPEndPoint endpoint)
    {
        Span<byte> bytes = stackalloc byte[16];
        endpoint.Address.TryWriteBytes(bytes, out var written);
        var scope = written == 16 ? (uint)endpoint.Address.ScopeId : 0;
        return new EndpointAddress(bytes[..written], (ushort)endpoint.Port, scope);
    }

    /// <summary>Gets whether this is the default value, which names no endpoint.</summary>
    public bool IsNone => _family == 0;

    /// <summary>Gets whether the address is IPv4.</summary>
    public bool IsIPv4 => _family == 4;

    /// <summary>Gets whether the address is IPv6.</summary>
    public bool IsIPv6 => _family == 6;

    /// <summary>Gets the port in host order.</summary>
    public ushort Port => _port;

    /// <summary>Gets the interface index of a link-local IPv6 address, else 0.</summary>
    public uint Scope => _scope;

    /// <summary>Gets the IPv4 address as a number whose most significant byte is the first octet; meaningful when
    /// <see cref="IsIPv4"/>.</summary>
    public uint IPv4 => (uint)_low;

    /// <summary>Gets the length of the address: 4, 16 or 0.</summary>
    public int AddressLength => _family switch { 4 => 4, 6 => 16, _ => 0 };

    /// <summary>Writes the address in network order and returns its length: 4, 16 or 0.</summary>
    public int WriteAddress(Span<byte> destination)
    {
        if (_family == 4)
            BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)_low);
        else if (_family == 6)
        {
            BinaryPrimitives.WriteUInt64BigEndian(destination, _high);
            BinaryPrimitives.WriteUInt64BigEndian(destination[8..], _low);
        }
        return AddressLength;
    }

    /// <summary>Converts to the class library's type.</summary>
    public IPEndPoint ToIPEndPoint()
    {
        Span<byte> bytes = stackalloc byte[16];
        var address = bytes[..WriteAddress(bytes)];
        return _family switch
        {
            4 => new IPEndPoint(new IPAddress(address), _port),
            6 => new IPEndPoint(new IPAddress(address, _scope), _port),
            _ => throw new InvalidOperationException("there is no endpoint"),
        };
    }

    /// <summary>Reads <c>a.b.c.d:port</c> or <c>[v6]:port</c>, with a numeric <c>%scope</c> allowed inside the brackets.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out EndpointAddress endpoint)
    {
        endpoint = default;
        if (text is null)
            return false;
        var colon = text.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port))
            return false;
        var host = text.AsSpan(0, colon);
        var bracketed = host[0] == '[' && host[^1] == ']';
        if (bracketed)
            host = host[1..^1];
        if (!IPAddress.TryParse(host, out var address) || bracketed != host.Contains(':') || (!bracketed && host.Count('.') != 3))
            return false;
        endpoint = From(new IPEndPoint(address, port));
        return true;
    }

    /// <summary>Prints <c>a.b.c.d:port</c>, <c>[v6]:port</c> or <c>none</c>.</summary>
    public override string ToString() => _family == 0 ? "none" : ToIPEndPoint().ToString();

    /// <inheritdoc/>
    public bool Equals(EndpointAddress other) =>
        _high == other._high && _low == other._low && _scope == other._scope && _port == other._port && _family == other._family;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is EndpointAddress other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_high, _low, _scope, _port, _family);

    /// <inheritdoc cref="Equals(EndpointAddress)"/>
    public static bool operator ==(EndpointAddress left, EndpointAddress right) => left.Equals(right);

    /// <inheritdoc cref="Equals(EndpointAddress)"/>
    public static bool operator !=(EndpointAddress left, EndpointAddress right) => !left.Equals(right);
}
