using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Mesh.Node.Device.Native;
using Mesh.Protocol.Routing;

namespace Mesh.Node.Os;

/// <summary>
/// A route netlink socket: one request, one acknowledgement. Sets links, addresses and routes of the network namespace that the process is in.
/// Not safe for concurrent use.
/// </summary>
/// <remarks>rtnetlink(7), netlink(7). Fields are in the machine's byte order, addresses in network order.</remarks>
sealed unsafe partial class Netlink : IDisposable
{
    const ushort RtmNewLink = 16, RtmNewAddr = 20, RtmDelAddr = 21, RtmNewRoute = 24, RtmDelRoute = 25;
    const ushort NlmRequest = 1, NlmAck = 4, NlmExcl = 0x200, NlmCreate = 0x400;
    const ushort IflaMtu = 4, IflaGsoMaxSegments = 40, IfaAddress = 1, IfaLocal = 2, IfaFlags = 8, IfaProto = 11, RtaDst = 1, RtaOif = 4, RtaPriority = 6;
    const uint IffUp = 1, IfaFNoDad = 2;
    const byte TableMain = 254, ScopeUniverse = 0, ScopeLink = 253, TypeUnicast = 1;

    /// <summary>Marks routes and addresses as this program's (<c>ip route show proto 77</c>), so that they can be told from an administrator's.</summary>
    public const byte RouteProtocol = 77;

    const int NlmsgError = 2;

    readonly byte[] _buffer = new byte[4096];
    int _fd;
    int _length;
    uint _sequence;

    /// <exception cref="IOException">The socket cannot be made.</exception>
    public Netlink()
    {
        _fd = LibC.Socket(LibC.AF_NETLINK, LibC.SOCK_RAW | LibC.SOCK_CLOEXEC, 0);
        if (_fd < 0)
            throw LibC.Failure("cannot open a netlink socket");
        LibC.TimeVal patience = new() { Seconds = 5 };
        LibC.SetSockOpt(_fd, LibC.SOL_SOCKET, LibC.SO_RCVTIMEO, &patience, (uint)sizeof(LibC.TimeVal));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        var fd = Interlocked.Exchange(ref _fd, -1);
        if (fd >= 0)
            LibC.Close(fd);
    }

    /// <summary>Index of an interface.</summary>
    /// <exception cref="IOException">There is none of that name.</exception>
    public static int IndexOf(string name)
    {
        var index = LibC.IfNameToIndex(name);
        return index != 0 ? (int)index : throw new IOException($"there is no interface {name}", LibC.ENODEV);
    }

    /// <summary>Sets the MTU and whether the link is up.</summary>
    /// <exception cref="IOException">The kernel refused.</exception>
    public void SetLink(int index, int mtu, bool up)
    {
        Begin(RtmNewLink, 0);
        Span<byte> message = stackalloc byte[16];
        message.Clear();
        BinaryPrimitives.WriteInt32LittleEndian(message[4..], index);
        BinaryPrimitives.WriteUInt32LittleEndian(message[8..], up ? IffUp : 0);
        BinaryPrimitives.WriteUInt32LittleEndian(message[12..], IffUp);
        Append(message);
        Attribute(IflaMtu, mtu);
        Transact($"cannot set MTU {mtu} on interface {index}");
    }

    /// <summary>Sets the MTU only.</summary>
    /// <exception cref="IOException">The kernel refused.</exception>
    public void SetMtu(int index, int mtu) => SetLinkValue(index, IflaMtu, mtu, $"cannot set MTU {mtu} on interface {index}");

    /// <summary>Sets how many segments the stack may put into one packet for the interface.</summary>
    /// <exception cref="IOException">The kernel refused.</exception>
    public void LimitSegments(int index, int segments) =>
        SetLinkValue(index, IflaGsoMaxSegments, segments, $"cannot limit the segments of interface {index}");

    void SetLinkValue(int index, ushort attribute, int value, string what)
    {
        Begin(RtmNewLink, 0);
        Span<byte> message = stackalloc byte[16];
        message.Clear();
        BinaryPrimitives.WriteInt32LittleEndian(message[4..], index);
        Append(message);
        Attribute(attribute, value);
        Transact(what);
    }

    /// <summary>Adds an address; one that is already there is left as it is.</summary>
    /// <exception cref="IOException">The kernel refused.</exception>
    public void AddAddress(int index, IPAddress address, int prefixLength) => Address(RtmNewAddr, index, address, prefixLength, LibC.EEXIST);

    /// <summary>Removes an address; one that is not there is no error.</summary>
    /// <exception cref="IOException">The kernel refused.</exception>
    public void RemoveAddress(int index, IPAddress address, int prefixLength) =>
        Address(RtmDelAddr, index, address, prefixLength, LibC.EADDRNOTAVAIL);

    /// <summary>Adds a route through the interface, marked as ours.</summary>
    /// <exception cref="IOException">The kernel refused; with EEXIST somebody else has set a route to that destination, and it stays.</exception>
    public void AddRoute(int index, IpPrefix destination, uint metric = 0) => Route(RtmNewRoute, index, destination, metric, 0);

    /// <summary>Removes a route of ours; one that is not there is no error.</summary>
    /// <exception cref="IOException">The kernel refused.</exception>
    public void RemoveRoute(int index, IpPrefix destination, uint metric = 0) => Route(RtmDelRoute, index, destination, metric, LibC.ESRCH);

    void Address(ushort type, int index, IPAddress address, int prefixLength, int accepted)
    {
        Begin(type, type == RtmNewAddr ? (ushort)(NlmCreate | NlmExcl) : (ushort)0);
        Span<byte> message = stackalloc byte[8];
        var v6 = address.AddressFamily == AddressFamily.InterNetworkV6;
        message[0] = (byte)(v6 ? LibC.AF_INET6 : LibC.AF_INET);
        message[1] = (byte)prefixLength;
        message[2] = 0;
        message[3] = ScopeUniverse;
        BinaryPrimitives.WriteInt32LittleEndian(message[4..], index);
        Append(message);
        var bytes = address.GetAddressBytes();
        Attribute(IfaLocal, bytes);
        Attribute(IfaAddress, bytes);
        // There is nobody on the link to ask whether the address is taken, and asking makes it unusable for a second.
        if (v6)
            Attribute(IfaFlags, (int)IfaFNoDad);
        if (type == RtmNewAddr)
            Attribute(IfaProto, [RouteProtocol]);
        Transact($"cannot {(type == RtmNewAddr ? "add" : "remove")} address {address}/{prefixLength}", accepted);
    }

    void Route(ushort type, int index, IpPrefix destination, uint metric, int accepted)
    {
        Begin(type, type == RtmNewRoute ? (ushort)(NlmCreate | NlmExcl) : (ushort)0);
        var v6 = destination.IsIPv6;
        Span<byte> address = stackalloc byte[16];
        Span<byte> message = stackalloc byte[12];
        message.Clear();
        message[0] = (byte)(v6 ? LibC.AF_INET6 : LibC.AF_INET);
        message[1] = destination.Length;
        message[4] = TableMain;
        message[5] = RouteProtocol;
        message[6] = v6 ? ScopeUniverse : ScopeLink;
        message[7] = TypeUnicast;
        Append(message);
        Attribute(RtaDst, address[..destination.WriteAddress(address)]);
        Attribute(RtaOif, index);
        if (metric != 0)
            Attribute(RtaPriority, (int)metric);
        Transact($"cannot {(type == RtmNewRoute ? "add" : "remove")} route {destination}", accepted);
    }

    void Begin(ushort type, ushort flags)
    {
        _length = 16;
        BinaryPrimitives.WriteUInt16LittleEndian(_buffer.AsSpan(4), type);
        BinaryPrimitives.WriteUInt16LittleEndian(_buffer.AsSpan(6), (ushort)(flags | NlmRequest | NlmAck));
        BinaryPrimitives.WriteUInt32LittleEndian(_buffer.AsSpan(8), ++_sequence);
        BinaryPrimitives.WriteUInt32LittleEndian(_buffer.AsSpan(12), 0);
    }

    void Append(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_buffer.AsSpan(_length));
        _length += (bytes.Length + 3) & ~3;
    }

    void Attribute(ushort type, ReadOnlySpan<byte> value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(_buffer.AsSpan(_length), (ushort)(4 + value.Length));
        BinaryPrimitives.WriteUInt16LittleEndian(_buffer.AsSpan(_length + 2), type);
        _length += 4;
        Append(value);
    }

    void Attribute(ushort type, int value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        Attribute(type, bytes);
    }

    void Transact(string what, int accepted = 0)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_buffer, (uint)_length);
        fixed (byte* p = _buffer)
        {
            if (LibC.Send(_fd, p, (nuint)_length, 0) < 0)
                throw LibC.Failure(what);
            while (true)
            {
                var n = (int)LibC.Recv(_fd, p, (nuint)_buffer.Length, 0);
                if (n < 0)
                    throw LibC.Failure(what);
                if (n < 20 || BinaryPrimitives.ReadUInt16LittleEndian(_buffer.AsSpan(4)) != NlmsgError ||
                    BinaryPrimitives.ReadUInt32LittleEndian(_buffer.AsSpan(8)) != _sequence)
                    continue;
                var errno = -BinaryPrimitives.ReadInt32LittleEndian(_buffer.AsSpan(16));
                if (errno != 0 && errno != accepted)
                    throw LibC.Failure(what, errno);
                return;
            }
        }
    }
}
