using System.Globalization;

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

    /// <summary>
    /// Reads a rule as people write it: <c>*</c>, a protocol (<c>tcp</c>, <c>udp</c>, <c>icmp</c> for both versions, <c>sctp</c>,
    /// <c>udplite</c> or a number), or a protocol with ports (<c>tcp:22</c>, <c>udp:5000-5999</c>).
    /// </summary>
    public static bool TryParse(string text, out FilterRule rule)
    {
        rule = default;
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var name = colon < 0 ? text : text[..colon];
        if (name == "*")
        {
            rule = Any;
            return colon < 0;
        }
        byte? protocol = name switch
        {
            "tcp" => IpProtocol.Tcp,
            "udp" => IpProtocol.Udp,
            "icmp" => IpProtocol.Icmp,
            "sctp" => IpProtocol.Sctp,
            "udplite" => IpProtocol.UdpLite,
            _ => byte.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null,
        };
        rule = new FilterRule(protocol);
        if (protocol is null || colon < 0)
            return protocol is not null;
        var ports = text[(colon + 1)..].Split('-');
        var first = ParsePort(ports[0]);
        var last = ports.Length == 2 ? ParsePort(ports[1]) : first;
        if (ports.Length > 2 || first is not { } from || last is not { } to || from > to
            || protocol is not (IpProtocol.Tcp or IpProtocol.Udp or IpProtocol.Sctp or IpProtocol.UdpLite))
            return false;
        rule = new FilterRule(protocol, from, to);
        return true;

        static ushort? ParsePort(string text) =>
            ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) ? port : null;
    }

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
