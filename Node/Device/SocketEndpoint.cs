using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Mesh.Node.Device.Native;

namespace Mesh.Node.Device;

/// <summary>
/// An address in the form that the kernel takes and gives: <c>sockaddr_in</c> (16 bytes) or <c>sockaddr_in6</c> (28 bytes), and the local
/// address and interface that a datagram from there arrived on.
/// </summary>
/// <remarks>ip(7), ipv6(7). Port and addresses in network byte order, family in the machine's.</remarks>
[StructLayout(LayoutKind.Sequential)]
unsafe struct RawEndpoint
{
    /// <summary>sockaddr_in or sockaddr_in6.</summary>
    public fixed byte Address[28];

    /// <summary>Local interface index; 0: none known.</summary>
    public int LocalInterface;

    /// <summary>Local address: 4 or 16 bytes.</summary>
    public fixed byte Local[16];

    /// <summary>AF_INET or AF_INET6.</summary>
    public readonly int Family => Unsafe.As<byte, ushort>(ref Unsafe.AsRef(in Address[0]));

    /// <summary>Bytes of the address that count.</summary>
    public readonly int Length => Family == LibC.AF_INET6 ? 28 : 16;

    /// <summary>Whether address, port and scope are those of another.</summary>
    public readonly bool SameRemote(in RawEndpoint other)
    {
        fixed (byte* a = Address)
        fixed (byte* b = other.Address)
        {
            // Flow information (bytes 4 to 7 of the IPv6 form) is not identity.
            return Family == LibC.AF_INET6
                ? *(uint*)a == *(uint*)b && new Span<byte>(a + 8, 20).SequenceEqual(new Span<byte>(b + 8, 20))
                : *(ulong*)a == *(ulong*)b;
        }
    }

    /// <summary>Whether the local address and interface are those of another.</summary>
    public readonly bool SameLocal(in RawEndpoint other)
    {
        fixed (byte* a = Local)
        fixed (byte* b = other.Local)
            return LocalInterface == other.LocalInterface && new Span<byte>(a, 16).SequenceEqual(new Span<byte>(b, 16));
    }

    /// <summary>Forgets the local address, so that the kernel chooses.</summary>
    public void ClearLocal()
    {
        LocalInterface = 0;
        fixed (byte* a = Local)
            new Span<byte>(a, 16).Clear();
    }

    /// <summary>The form .NET uses.</summary>
    public readonly IPEndPoint ToIPEndPoint()
    {
        fixed (byte* a = Address)
        {
            var port = BinaryPrimitives.ReadUInt16BigEndian(new ReadOnlySpan<byte>(a + 2, 2));
            return Family == LibC.AF_INET6
                ? new IPEndPoint(new IPAddress(new ReadOnlySpan<byte>(a + 8, 16), *(uint*)(a + 24)), port)
                : new IPEndPoint(new IPAddress(new ReadOnlySpan<byte>(a + 4, 4)), port);
        }
    }

    /// <summary>From the form .NET uses; an IPv4-mapped address becomes IPv4.</summary>
    public static RawEndpoint From(IPEndPoint endpoint)
    {
        var address = endpoint.Address.IsIPv4MappedToIPv6 ? endpoint.Address.MapToIPv4() : endpoint.Address;
        RawEndpoint raw = default;
        var v6 = address.AddressFamily == AddressFamily.InterNetworkV6;
        *(ushort*)raw.Address = (ushort)(v6 ? LibC.AF_INET6 : LibC.AF_INET);
        BinaryPrimitives.WriteUInt16BigEndian(new Span<byte>(raw.Address + 2, 2), (ushort)endpoint.Port);
        address.TryWriteBytes(new Span<byte>(raw.Address + (v6 ? 8 : 4), 16), out _);
        if (v6)
            *(uint*)(raw.Address + 24) = (uint)address.ScopeId;
        return raw;
    }
}

/// <summary>Where a peer's datagrams are sent. Immutable but for one hint, so that the packet threads may read it while actors replace it.</summary>
sealed class SocketEndpoint(in RawEndpoint raw)
{
    volatile bool _localUnusable;

    /// <summary>The address.</summary>
    public readonly RawEndpoint Raw = raw;

    /// <summary>Set when the kernel refused the remembered local address (it is gone): from then on the kernel chooses.</summary>
    public bool LocalUnusable { get => _localUnusable; set => _localUnusable = value; }

    /// <inheritdoc/>
    public override string ToString() => Raw.ToIPEndPoint().ToString();
}
