using System.Net;
using System.Net.Sockets;
using Mesh.Protocol;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Actors.Sessions;

/// <summary>Decides which endpoint hints of a node are carried to its peers. Pure.</summary>
public static class HintRules
{
    /// <summary>The greatest number of endpoints in a hint.</summary>
    public const int MaximumEndpoints = 8;

    /// <summary>The greatest length of a hint's payload, in bytes.</summary>
    public const int MaximumSize = 2048;

    /// <summary>How long a hint may count at most.</summary>
    public static readonly TimeSpan MaximumLife = TimeSpan.FromHours(24);

    /// <summary>Reads which node a hint speaks of, whoever signed it; null where it is none.</summary>
    public static NodeId? NodeOf(DsseEnvelope envelope) =>
        envelope.PayloadType == PayloadTypes.EndpointHint && envelope.Payload.Length <= MaximumSize
        && ProtocolJson.TryDecode(envelope.Payload, ProtocolJson.Default.EndpointHint, out var read)
            ? read.Node
            : null;

    /// <summary>Verifies a hint that came up a node's own stream; says in a few words what is wrong with it.</summary>
    /// <param name="envelope">The signed hint.</param>
    /// <param name="network">The network.</param>
    /// <param name="node">The node whose stream it came up.</param>
    /// <param name="key">The node's signing key.</param>
    /// <param name="newest">When the newest hint carried so far was issued.</param>
    /// <param name="now">The time.</param>
    /// <param name="hint">The hint.</param>
    public static string? Check(
        DsseEnvelope envelope, NetworkId network, NodeId node, SigningPublicKey key, WallTime newest, WallTime now, out EndpointHint hint)
    {
        hint = null!;
        if (envelope.Payload.Length > MaximumSize)
            return "too long";
        if (!envelope.Verify(PayloadTypes.EndpointHint, key))
            return "not signed by the node";
        if (!ProtocolJson.TryDecode(envelope.Payload, ProtocolJson.Default.EndpointHint, out var read))
            return "not readable";
        if (read.Network != network || read.Node != node)
            return "of another node";
        if (read.Issued > now + MapTrust.Skew)
            return "from the future";
        if (read.Issued <= newest)
            return "not newer";
        if (read.Expires <= now || read.Expires - read.Issued > MaximumLife)
            return "out of its time";
        if (read.Endpoints.Count > MaximumEndpoints || !read.Endpoints.All(IsEndpoint))
            return "not endpoints";
        hint = read;
        return null;
    }

    static bool IsEndpoint(string text) =>
        text.Length <= 64 && IPEndPoint.TryParse(text, out var endpoint) && endpoint.Port != 0
        && !endpoint.Address.Equals(IPAddress.Any) && !endpoint.Address.Equals(IPAddress.IPv6Any) && !IsMulticast(endpoint.Address);

    static bool IsMulticast(IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetworkV6 ? address.IsIPv6Multicast : address.GetAddressBytes()[0] >= 224;
}
