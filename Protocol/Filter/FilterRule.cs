namespace Mesh.Protocol.Filter;

/// <summary>
/// Allows one protocol, or all, towards a range of destination ports. Port 0 to 65535 is every port, and then protocols without ports match
/// too; a rule that names ports never covers a protocol that has none (ICMP).
/// </summary>
/// <param name="Protocol">IP protocol number (IANA), or null for all.</param>
/// <param name="FirstPort">Lowest destination port.</param>
/// <param name="LastPort">Highest destination port, inclusive.</param>
public readonly record struct FilterRule(byte? Protocol, ushort FirstPort = 0, ushort LastPort = ushort.MaxValue)
{
    /// <summary>Allows everything.</summary>
    public static readonly FilterRule Any = new(null);

    /// <summary>Whether no port is excluded.</summary>
    public bool AllPorts => FirstPort == 0 && LastPort == ushort.MaxValue;

    /// <summary>Whether the rule allows a protocol and destination port; -1 for a protocol without ports.</summary>
    public bool Allows(byte protocol, int port)
    {
        // ICMP for IPv4 and for IPv6 are one protocol to whoever writes a rule.
        if (Protocol is { } wanted && wanted != protocol && !(IsIcmp(wanted) && IsIcmp(protocol)))
            return false;
        return AllPorts || (port >= FirstPort && port <= LastPort);
    }

    static bool IsIcmp(byte protocol) => protocol is IpProtocol.Icmp or IpProtocol.IcmpV6;
}

/// <summary>IP protocol numbers (IANA "Assigned Internet Protocol Numbers") that the filter tells apart.</summary>
public static class IpProtocol
{
    /// <summary>RFC 792.</summary>
    public const byte Icmp = 1;

    /// <summary>RFC 9293.</summary>
    public const byte Tcp = 6;

    /// <summary>RFC 768.</summary>
    public const byte Udp = 17;

    /// <summary>RFC 4443.</summary>
    public const byte IcmpV6 = 58;

    /// <summary>RFC 9260.</summary>
    public const byte Sctp = 132;

    /// <summary>RFC 3828.</summary>
    public const byte UdpLite = 136;
}
