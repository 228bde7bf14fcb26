using System.Collections.Immutable;
using System.Net;
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

    /// <summary>UDP port for IPv4 and IPv6; 0 lets the system choose. Default: 51820.</summary>
    public int ListenPort { get; init; } = 51820;

    /// <summary>This node's static key. Whoever made the configuration disposes it, after the backend has stopped.</summary>
    public required TunnelPrivateKey PrivateKey { get; init; }

    /// <summary>Largest inner packet in bytes, 576 (1280 with IPv6) to 9000. Default: 1420, which fits a 1500-byte path over IPv6.</summary>
    public int Mtu { get; init; } = 1420;
}

/// <summary>What changes while a tunnel runs: this node's inner addresses, the routes towards the device, and the peers.</summary>
public sealed record TunnelState
{
    /// <summary>No addresses, no routes, no peers.</summary>
    public static readonly TunnelState Empty = new();

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

    /// <summary>What people call it; only for messages.</summary>
    public string Name { get; init; } = "";

    /// <summary>A key mixed into every handshake, or null.</summary>
    public PresharedKey? PresharedKey { get; init; }

    /// <summary>Inner addresses that the peer may use and that are routed to it.</summary>
    public ImmutableArray<IpPrefix> AllowedIps { get; init; } = [];

    /// <summary>Where it may be reached, best first. Until the peer has proven one, initiations go to all of them.</summary>
    public ImmutableArray<EndpointAddress> Endpoints { get; init; } = [];

    /// <summary>Interval of keepalives that hold a NAT binding open; zero: none.</summary>
    public TimeSpan PersistentKeepalive { get; init; }

    /// <summary>What each side may open towards the other. Default: nothing.</summary>
    public PeerRules Rules { get; init; } = PeerRules.None;
}
