using System.Collections.Immutable;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Routing;
using Mesh.Protocol.Tunnel;

namespace Mesh.Protocol.Uapi;

/// <summary>What set requests have made of a device. Immutable; a peer that a request does not change is the same object after it.</summary>
public sealed record UapiConfiguration
{
    /// <summary>No key, any port, no mark, no peers.</summary>
    public static readonly UapiConfiguration Empty = new();

    /// <summary>The device's key, or null.</summary>
    public TunnelPrivateKey? PrivateKey { get; init; }

    /// <summary>The public half of <see cref="PrivateKey"/>, or null.</summary>
    public TunnelPublicKey? PublicKey { get; init; }

    /// <summary>UDP port as set; 0: the system chooses.</summary>
    public int ListenPort { get; init; }

    /// <summary>Mark of outer packets; 0: none.</summary>
    public uint FirewallMark { get; init; }

    /// <summary>The peers, in the order in which they were added. Keys are unique, and so are prefixes over all peers.</summary>
    public ImmutableArray<UapiPeer> Peers { get; init; } = [];

    /// <summary>Every key held; compared by reference.</summary>
    public IReadOnlySet<SecretKey> Secrets
    {
        get
        {
            HashSet<SecretKey> secrets = new(ReferenceEqualityComparer.Instance);
            if (PrivateKey is not null)
                secrets.Add(PrivateKey);
            foreach (var peer in Peers)
            {
                if (peer.PresharedKey is not null)
                    secrets.Add(peer.PresharedKey);
            }

            return secrets;
        }
    }

    /// <summary>Applies operations in their order. Pure; a peer with the device's own key is not kept.</summary>
    public UapiConfiguration Apply(IReadOnlyCollection<UapiOperation> operations)
    {
        UapiChange change = new(this, operations.Count);
        foreach (var operation in operations)
            change.Apply(operation);
        return change.ToConfiguration();
    }
}

/// <summary>A peer as set requests made it.</summary>
public sealed record UapiPeer
{
    /// <summary>The peer's public key.</summary>
    public required TunnelPublicKey Key { get; init; }

    /// <summary>The pre-shared key, or null.</summary>
    public PresharedKey? PresharedKey { get; init; }

    /// <summary>The endpoint set last; none if none ever was. The peer may have moved since.</summary>
    public EndpointAddress Endpoint { get; init; }

    /// <summary>How often an endpoint has been set.</summary>
    public int EndpointCommands { get; init; }

    /// <summary>Interval of persistent keepalives in seconds, 0 to 65535; 0: none.</summary>
    public int PersistentKeepalive { get; init; }

    /// <summary>Allowed addresses, in the order in which they were given.</summary>
    public ImmutableArray<IpPrefix> AllowedIps { get; init; } = [];
}
