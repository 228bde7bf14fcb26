using System.Net;
using System.Net.Sockets;

namespace Mesh.Controller.Api;

/// <summary>Says what counts as one place on the Internet where limits are per address.</summary>
static class RemotePlace
{
    /// <summary>
    /// Gives the IPv4 address, also where it arrives mapped into IPv6, or the /64 of an IPv6 address: who has one of its addresses
    /// has them all.
    /// </summary>
    public static IPAddress Of(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
            return address.MapToIPv4();
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
            return address;
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        bytes[8..].Clear();
        return new IPAddress(bytes);
    }
}
