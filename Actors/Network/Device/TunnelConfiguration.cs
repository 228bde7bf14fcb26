using System.Collections.Immutable;
using System.Net;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Filter;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Routing;
using Mesh.Protocol.Tunnel;

namespace Mesh.Actors.Device;

/// <summary>What a tunnel device is made of; fixed while it runs.</summary>
public sealed record TunnelConfiguration
{
    /// <summary>Interface name, 1 to 15 bytes. Default: mesh0.</summary>
    public string Interface { get; init; } = "mesh0";

    /// <summary>Largest inner packet in bytes, 576 (1280 with IPv6) to 9000. Default: 1420, which fits a 1500-byte path over IPv6.</summary>
    public int Mtu { get; init; } = 1420;

    /// <summary>
    /// Whether addresses, routes, MTU and up or down of the interface are the tunnel's business. False leaves them to somebody else, such as
    /// wg-quick or ip, and a device that fails is not opened again: who deleted it meant that. Default: true.
    /// </summary>
    public bool ManageInterface { get; init; } = true;

    /// <summary>Queues of the device that packets are carried by in parallel; 0 (default): as many as the machine's cores call for.</summary>
    public int Queues { get; init; }

    /// <summary>
    /// Suites beside plain WireGuard that initiations may ask for; others are dropped without an answer. Default: none.
    /// </summary>
    public ImmutableArray<CipherSuite> Suites { get; init; } = [];

    /// <summary>Offloads and queues that are not to be used even where the machine has them. Default: none.</summary>
    public OffloadFeatures Disabled { get; init; }
}

/// <summary>What changes while a tunnel runs: its key and port, this node's inner addresses, the routes towards the device, and the peers.</summary>
public sealed record TunnelState
{
    /// <summary>No key, any port, no addresses, no routes, no peers.</summary>
    public static readonly TunnelState Empty = new();

    /// <summary>
    /// This node's static key; null: there is none yet, no handshakes are made, and everything from outside is dropped silently. A peer with
    /// this very key is not used. Whoever made the state disposes the key, once a state with another key has been applied or the backend has
    /// stopped; the tunnel works with a copy of its own, which it zeroes. Compared by its bytes where it is applied.
    /// </summary>
    public TunnelPrivateKey? PrivateKey { get; init; }

    /// <summary>
    /// A second key of this node that peers' handshakes are answered under as well, for a planned change: before it the next key, after it
    /// the former one. Where <see cref="PrivateKey"/> and it change places, or one of them was the other before, sessions go on. Null
    /// (default): none. Owned as <see cref="PrivateKey"/> is.
    /// </summary>
    public TunnelPrivateKey? AlternateKey { get; init; }

    /// <summary>
    /// UDP port for IPv4 and IPv6; 0 (default) lets the system choose, and what it chose is kept until another number is wanted.
    /// </summary>
    public int ListenPort { get; init; }

    /// <summary>Mark (SO_MARK) of the datagrams sent, by which the system's rules can tell them apart; 0 (default): none.</summary>
    public uint FirewallMark { get; init; }

    /// <summary>
    /// Whether a peer may send to any inner address, as in plain WireGuard and on routers. False (default): only to our own addresses.
    /// </summary>
    public bool AnyDestination { get; init; }

    /// <summary>This node's inner addresses with the prefix length of the interface ("100.64.0.1/10" or "/32").</summary>
    public ImmutableArray<InterfaceAddress> Addresses { get; init; } = [];

    /// <summary>Ranges that the system sends to the device, beside those that the addresses' own prefixes make.</summary>
    public ImmutableArray<IpPrefix> Routes { get; init; } = [];

    /// <summary>The peers; keys are unique.</summary>
    public ImmutableArray<TunnelPeer> Peers { get; init; } = [];
}

/// <summary>
/// The state that actors work towards. It outlives them: one that was restarted makes it again. Safe for concurrent use.
/// </summary>
public sealed class WantedState
{
    volatile TunnelState _state = TunnelState.Empty;

    /// <summary>The state wanted now.</summary>
    public TunnelState State { get => _state; set => _state = value; }
}

/// <summary>An inner address and the prefix length of its network.</summary>
public readonly record struct InterfaceAddress(IPAddress Address, int PrefixLength)
{
    /// <summary>The network that the address lies in.</summary>
    public IpPrefix Network => new(Address.GetAddressBytes(), PrefixLength);

    /// <summary>Reads "address/length"; without a length the address stands for itself (32 or 128).</summary>
    public static bool TryParse(string text, out InterfaceAddress address)
    {
        address = default;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (!IPAddress.TryParse(slash < 0 ? text : text[..slash], out var ip))
            return false;
        var bits = ip.GetAddressBytes().Length * 8;
        var length = bits;
        if (slash >= 0 && (!int.TryParse(text.AsSpan(slash + 1), out length) || length < 0 || length > bits))
            return false;
        address = new InterfaceAddress(ip, length);
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Address}/{PrefixLength}";
}

/// <summary>A peer as the tunnel needs it. Compared by value except for lists, so that an unchanged peer is left alone.</summary>
public sealed record TunnelPeer
{
    /// <summary>The peer's static public key: its identity in the tunnel.</summary>
    public required TunnelPublicKey Key { get; init; }

    /// <summary>
    /// The key that the same peer had before, where it changed it by plan: a peer that is present under that key goes on under the new one.
    /// Null (default): none.
    /// </summary>
    public TunnelPublicKey? FormerKey { get; init; }

    /// <summary>What people call it; only for messages.</summary>
    public string Name { get; init; } = "";

    /// <summary>A key mixed into every handshake, or null.</summary>
    public PresharedKey? PresharedKey { get; init; }

    /// <summary>Inner addresses that the peer may use and that are routed to it.</summary>
    public ImmutableArray<IpPrefix> AllowedIps { get; init; } = [];

    /// <summary>Where it may be reached, best first. Until the peer has proven one, initiations go to all of them.</summary>
    public ImmutableArray<EndpointAddress> Endpoints { get; init; } = [];

    /// <summary>
    /// Number of the command that set the endpoint. When it changes, packets go to the first of <see cref="Endpoints"/> at once, whatever the
    /// peer has proven. 0 (default): the endpoints are hints, and one that works is not given up for them.
    /// </summary>
    public int EndpointCommand { get; init; }

    /// <summary>Interval of keepalives that hold a NAT binding open; zero: none.</summary>
    public TimeSpan PersistentKeepalive { get; init; }

    /// <summary>The suite that handshakes with the peer ask for: one that both ends announce. Default: plain WireGuard.</summary>
    public CipherSuite Suite { get; init; }

    /// <summary>What each side may open towards the other. Default: nothing.</summary>
    public PeerRules Rules { get; init; } = PeerRules.None;
}
