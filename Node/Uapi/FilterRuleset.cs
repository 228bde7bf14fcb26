using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Mesh.Actors.Device;
using Mesh.Protocol.Filter;
using Mesh.Protocol.Routing;

namespace Mesh.Node.Uapi;

/// <summary>
/// Says in nftables' language what <see cref="PacketFilter"/> does in our own path: default deny both ways; a packet passes when a rule lets its
/// sender open that flow, or when it answers a flow that the other side opened under a rule that still stands. One table per
/// interface, replaced as a whole in one transaction. Pure.
/// </summary>
/// <remarks>
/// nft(8). A WireGuard device lets a peer send only from its allowed addresses, so the source address names the peer; of two prefixes
/// the longer decides, as in the device. Connection tracking reassembles fragments before these chains see them.
/// </remarks>
static class FilterRuleset
{
    /// <summary>Needs everything that <see cref="Compile"/> needs of the kernel; for a run that checks and changes nothing.</summary>
    public const string Probe = """
        table inet mesh_probe {
        	chain input {
        		type filter hook input priority filter; policy accept;
        		ct state established ct direction reply meta l4proto 6 th sport 1 accept
        		ip saddr vmap { 192.0.2.1 : drop }
        	}
        }

        """;

    const string WithPorts = "{ 6, 17, 132, 136 }", BothIcmps = "{ 1, 58 }";

    /// <summary>Tells whether an interface name can stand in a ruleset: letters, digits, <c>_ - . = +</c>.</summary>
    public static bool CanName(string interfaceName) =>
        interfaceName.Length is > 0 and <= 15 && interfaceName.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.' or '=' or '+');

    /// <summary>Names the table of an interface: <c>mesh_</c> and the name, other than letters and digits in hexadecimal.</summary>
    public static string TableName(string interfaceName)
    {
        StringBuilder name = new("mesh_");
        foreach (var c in interfaceName)
        {
            if (char.IsAsciiLetterOrDigit(c))
                name.Append(c);
            else
                name.Append(CultureInfo.InvariantCulture, $"_{(int)c:x2}");
        }

        return name.ToString();
    }

    /// <summary>Removes the table of an interface; one that is not there is no error.</summary>
    public static string Remove(string interfaceName) => $"add table inet {TableName(interfaceName)}\ndelete table inet {TableName(interfaceName)}\n";

    /// <summary>Compiles the table of an interface, to take the place of the one that is there.</summary>
    /// <param name="interfaceName">A name that <see cref="CanName"/> accepts.</param>
    /// <param name="state">Own addresses, peers and their rules.</param>
    public static string Compile(string interfaceName, TunnelState state)
    {
        // Peers with equal rules share chains: in most networks there are few kinds of peers.
        Dictionary<string, int> kinds = [];
        Dictionary<IpPrefix, int> owners = [];
        StringBuilder chains = new();
        foreach (var peer in state.Peers)
        {
            var (from, to) = (Lines(peer.Rules, fromPeer: true), Lines(peer.Rules, fromPeer: false));
            if (!kinds.TryGetValue(from + "/" + to, out var kind))
            {
                kind = kinds.Count;
                kinds.Add(from + "/" + to, kind);
                Chain(chains, $"rules{kind}_from", from);
                Chain(chains, $"rules{kind}_to", to);
            }

            // A prefix that is named twice belongs to the last peer named, as in the device.
            foreach (var prefix in peer.AllowedIps)
                owners[prefix] = kind;
        }

        Chain(chains, "from_peers", Find(owners, "saddr", "from"));
        Chain(chains, "to_peers", Find(owners, "daddr", "to"));
        Hook(chains, "input", "input", Inward(interfaceName, state));
        if (state.AnyDestination)
        {
            // What goes from peer to peer passes both chains.
            Hook(chains, "forward_from", "forward", $"iifname \"{interfaceName}\" goto from_peers\n");
            Hook(chains, "forward_to", "forward", $"oifname \"{interfaceName}\" goto to_peers\n");
        }
        else
            Hook(chains, "forward", "forward", $"iifname \"{interfaceName}\" drop\noifname \"{interfaceName}\" drop\n");
        Hook(chains, "output", "output", $"oifname \"{interfaceName}\" goto to_peers\n");
        return $"{Remove(interfaceName)}table inet {TableName(interfaceName)} {{\n\tcomment \"made by mesh, which replaces it as a whole\"\n{chains}}}\n";
    }

    // Whatever reaches the input hook is for this machine; only the inner addresses are meant for peers.
    static string Inward(string interfaceName, TunnelState state)
    {
        if (state.AnyDestination)
            return $"iifname \"{interfaceName}\" goto from_peers\n";
        StringBuilder lines = new();
        foreach (var family in
            state.Addresses.Select(a => new IPAddress(a.Address.GetAddressBytes())).Distinct().GroupBy(a => a.AddressFamily == AddressFamily.InterNetworkV6))
            lines.Append(CultureInfo.InvariantCulture, $"iifname \"{interfaceName}\" {Ip(family.Key)} daddr {{ {string.Join(", ", family)} }} goto from_peers\n");
        return lines.Append(CultureInfo.InvariantCulture, $"iifname \"{interfaceName}\" drop\n").ToString();
    }

    // Prefixes of one length do not overlap, so they make one map; longer ones are asked first.
    static string Find(Dictionary<IpPrefix, int> owners, string side, string direction)
    {
        StringBuilder lines = new();
        foreach (var length in owners.GroupBy(o => (o.Key.IsIPv6, o.Key.Length)).OrderBy(g => g.Key.IsIPv6).ThenByDescending(g => g.Key.Length))
        {
            if (length.Key.Length == 0)
            {
                lines.Append(CultureInfo.InvariantCulture, $"meta nfproto {(length.Key.IsIPv6 ? "ipv6" : "ipv4")} goto rules{length.Single().Value}_{direction}\n");
                continue;
            }

            var elements = length.OrderBy(o => o.Key).Select(o => string.Create(CultureInfo.InvariantCulture, $"{Text(o.Key)} : goto rules{o.Value}_{direction}"));
            lines.Append(CultureInfo.InvariantCulture, $"{Ip(length.Key.IsIPv6)} {side} vmap {{ {string.Join(", ", elements)} }}\n");
        }

        return lines.Append("drop\n").ToString();
    }

    static string Lines(PeerRules rules, bool fromPeer)
    {
        var (own, other) = fromPeer ? (rules.Accept, rules.Send) : (rules.Send, rules.Accept);
        var (all, otherAll) = fromPeer ? (rules.AcceptsAll, rules.SendsAll) : (rules.SendsAll, rules.AcceptsAll);
        if (all)
            return "accept\n";
        StringBuilder lines = new();
        foreach (var match in Matches(own, "dport"))
            lines.Append(match).Append("accept\n");
        foreach (var match in otherAll ? [""] : Matches(other, "sport"))
            lines.Append("ct direction reply ct state established ").Append(match).Append("accept\n");
        // Errors about flows that pass; where nothing passes there is nothing to tell of.
        if (!own.IsEmpty || !other.IsEmpty)
            lines.Append("ct state related meta l4proto " + BothIcmps + " accept\n");
        return lines.Append("drop\n").ToString();
    }

    static IEnumerable<string> Matches(ImmutableArray<FilterRule> rules, string port) => rules.Select(rule => Match(rule, port)).OfType<string>().Distinct();

    // A rule that names ports never covers a protocol that has none; null: it covers nothing.
    static string? Match(FilterRule rule, string port)
    {
        var ports = rule.AllPorts ? "" : rule.FirstPort == rule.LastPort ? $"th {port} {rule.FirstPort} " : $"th {port} {rule.FirstPort}-{rule.LastPort} ";
        return rule.Protocol switch
        {
            null => rule.AllPorts ? "" : $"meta l4proto {WithPorts} {ports}",
            IpProtocol.Icmp or IpProtocol.IcmpV6 => rule.AllPorts ? $"meta l4proto {BothIcmps} " : null,
            IpProtocol.Tcp or IpProtocol.Udp or IpProtocol.Sctp or IpProtocol.UdpLite => $"meta l4proto {rule.Protocol} {ports}",
            { } other => rule.AllPorts ? $"meta l4proto {other} " : null,
        };
    }

    static void Hook(StringBuilder text, string name, string hook, string lines) =>
        Chain(text, name, $"type filter hook {hook} priority filter; policy accept;\n{lines}");

    static void Chain(StringBuilder text, string name, string lines)
    {
        text.Append("\tchain ").Append(name).Append(" {\n");
        foreach (var line in lines.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            text.Append("\t\t").Append(line).Append('\n');
        text.Append("\t}\n");
    }

    static string Text(IpPrefix prefix) => prefix.Length == prefix.AddressLength * 8 ? prefix.ToString().Split('/')[0] : prefix.ToString();

    static string Ip(bool v6) => v6 ? "ip6" : "ip";
}
