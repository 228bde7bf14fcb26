using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;

namespace Mesh.Actors.Enrollment;

/// <summary>
/// Gives out overlay addresses in order: the n-th of the IPv4 range with the n-th of the IPv6 range. The first and the last of the
/// IPv4 range are left out, and so are two blocks of 100.64.0.0/10 that other software is known to claim. Immutable.
/// </summary>
/// <param name="Ipv4">The IPv4 range as CIDR, at least a /30.</param>
/// <param name="Ipv6">The IPv6 range as CIDR, at least as large as the IPv4 range.</param>
public sealed record AddressRanges(string Ipv4, string Ipv6)
{
    // 100.100.0.0/24 and 100.100.100.0/24 hold a cloud provider's and another overlay's resolvers, 100.115.92.0/23 containers of ChromeOS.
    static readonly (uint Base, int Length)[] Avoided = [(0x64640000, 24), (0x64646400, 24), (0x64735C00, 23)];

    /// <summary>Tells whether both ranges can be read and used.</summary>
    public static bool IsValid(string? ipv4, string? ipv6, [NotNullWhen(false)] out string? problem)
    {
        problem = null;
        if (!IPNetwork.TryParse(ipv4, out var four) || four.BaseAddress.AddressFamily != AddressFamily.InterNetwork || four.PrefixLength > 30)
            problem = $"'{ipv4}' is not an IPv4 range with room for nodes: write it like 100.64.0.0/10";
        else if (!IPNetwork.TryParse(ipv6, out var six) || six.BaseAddress.AddressFamily != AddressFamily.InterNetworkV6
            || 128 - six.PrefixLength < 32 - four.PrefixLength)
            problem = $"'{ipv6}' is not an IPv6 range at least as large as {ipv4}: write it like fd12:3456:789a::/48";
        return problem is null;
    }

    /// <summary>Reads an IPv4 address as a number.</summary>
    public static uint ToNumber(string ipv4) => BinaryPrimitives.ReadUInt32BigEndian(IPAddress.Parse(ipv4).GetAddressBytes());

    /// <summary>Finds the pair after the highest IPv4 address given so far (0: none); false where the range is used up.</summary>
    public bool TryNext(uint highest, out string ipv4, out string ipv6)
    {
        var (four, six) = (IPNetwork.Parse(Ipv4), IPNetwork.Parse(Ipv6));
        var first = ToNumber(four.BaseAddress.ToString());
        var last = first + (uint)((1UL << (32 - four.PrefixLength)) - 1);
        var next = Math.Max((ulong)first, highest) + 1;
        foreach (var (start, length) in Avoided)
        {
            var end = start + (1u << (32 - length));
            if (next >= start && next < end && last >= end)
                next = end;
        }
        (ipv4, ipv6) = ("", "");
        if (next >= last)
            return false;
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, (uint)next);
        ipv4 = new IPAddress(bytes[..4]).ToString();
        six.BaseAddress.TryWriteBytes(bytes, out _);
        BinaryPrimitives.WriteUInt128BigEndian(bytes, BinaryPrimitives.ReadUInt128BigEndian(bytes) + (UInt128)(next - first));
        ipv6 = new IPAddress(bytes).ToString();
        return true;
    }
}
