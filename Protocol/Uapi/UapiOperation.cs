using Mesh.Protocol.Identity;
using Mesh.Protocol.Routing;
using Mesh.Protocol.Tunnel;

namespace Mesh.Protocol.Uapi;

/// <summary>
/// One line of a set request (https://www.wireguard.com/xplatform/), checked. Lines about a peer concern the peer that was named last.
/// Keys belong to whoever made the operation, until they are in a <see cref="UapiConfiguration"/>.
/// </summary>
public abstract record UapiOperation
{
    UapiOperation() { }

    /// <summary><c>private_key</c>; null (32 zero bytes on the line) takes the key away.</summary>
    public sealed record SetPrivateKey(TunnelPrivateKey? Key) : UapiOperation;

    /// <summary><c>listen_port</c>, 0 to 65535; 0 lets the system choose.</summary>
    public sealed record SetListenPort(int Port) : UapiOperation;

    /// <summary><c>fwmark</c>; 0 takes it away.</summary>
    public sealed record SetFirewallMark(uint Mark) : UapiOperation;

    /// <summary><c>replace_peers=true</c>: removes every peer.</summary>
    public sealed record ReplacePeers : UapiOperation;

    /// <summary><c>public_key</c>: names the peer that the next lines are about, and adds it if it is new.</summary>
    public sealed record Peer(TunnelPublicKey Key) : UapiOperation;

    /// <summary><c>protocol_version=1</c>: the only version there is; changes nothing.</summary>
    public sealed record ProtocolVersion : UapiOperation;

    /// <summary><c>update_only=true</c>: a peer that this request would add is not added, and what is said about it is ignored.</summary>
    public sealed record UpdateOnly : UapiOperation;

    /// <summary><c>remove=true</c>: removes the peer; what more is said about it is ignored.</summary>
    public sealed record Remove : UapiOperation;

    /// <summary><c>preshared_key</c>; null (32 zero bytes on the line) takes it away.</summary>
    public sealed record SetPresharedKey(PresharedKey? Key) : UapiOperation;

    /// <summary><c>endpoint</c>.</summary>
    public sealed record SetEndpoint(EndpointAddress Endpoint) : UapiOperation;

    /// <summary><c>persistent_keepalive_interval</c> in seconds, 0 to 65535; 0 turns it off.</summary>
    public sealed record SetPersistentKeepalive(int Seconds) : UapiOperation;

    /// <summary><c>replace_allowed_ips=true</c>: takes all allowed addresses from the peer.</summary>
    public sealed record ReplaceAllowedIps : UapiOperation;

    /// <summary><c>allowed_ip</c>: gives the prefix to the peer, and takes it from whoever had it.</summary>
    public sealed record AllowIp(IpPrefix Prefix) : UapiOperation;

    /// <summary><c>allowed_ip</c> with a leading <c>-</c>: takes the prefix from the peer, if the peer has it.</summary>
    public sealed record DisallowIp(IpPrefix Prefix) : UapiOperation;
}
