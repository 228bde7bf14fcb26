using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Routing;
using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;

namespace Mesh.Protocol.Uapi;

/// <summary>A device as a get request shows it. Keys belong to whoever made the value.</summary>
/// <param name="PrivateKey">The device's key, or null.</param>
/// <param name="ListenPort">The UDP port in use; 0: none.</param>
/// <param name="FirewallMark">Mark of outer packets; 0: none.</param>
/// <param name="Peers">The peers.</param>
public sealed record UapiDevice(TunnelPrivateKey? PrivateKey, int ListenPort, uint FirewallMark, ImmutableArray<UapiPeerStatus> Peers)
{
    /// <summary>The lines of a get request, without the empty one.</summary>
    public const string Request = "get=1";

    /// <summary>Writes the answer to a get request, with <c>errno=0</c> and the empty line.</summary>
    public void WriteReply(UapiBuffer output, UapiScopes scopes)
    {
        if (PrivateKey is not null)
            output.WriteKey("private_key", PrivateKey.Span);
        if (ListenPort != 0)
            output.Write("listen_port", ListenPort);
        if (FirewallMark != 0)
            output.Write("fwmark", FirewallMark);
        foreach (var peer in Peers)
            peer.Write(output, scopes);
        WriteErrno(output, UapiErrno.None);
    }

    /// <summary>Writes <c>errno=</c> and the empty line: the whole answer to a set request, and the end of every other.</summary>
    public static void WriteErrno(UapiBuffer output, int errno)
    {
        output.Write("errno", errno);
        output.WriteLine("");
    }

    /// <summary>Reads the answer to a get request, up to its empty line. Keys of lines that are not known here are ignored.</summary>
    /// <param name="reply">ASCII; the caller zeroes it: it holds keys.</param>
    /// <param name="scopes">Reads names of interfaces in link-local endpoints.</param>
    /// <param name="device">The device; null when the errno is not 0 or the answer is no answer.</param>
    /// <param name="errno">The errno of the answer, or <see cref="UapiErrno.Protocol"/> when it is no answer.</param>
    public static bool TryParseReply(ReadOnlySpan<byte> reply, UapiScopes scopes, [NotNullWhen(true)] out UapiDevice? device, out int errno) =>
        UapiReplyReader.TryRead(reply, scopes, out device, out errno);

    /// <summary>Reads the answer to a set request.</summary>
    /// <returns>Its errno, or <see cref="UapiErrno.Protocol"/> when it is no answer.</returns>
    public static int ParseErrno(ReadOnlySpan<byte> reply)
    {
        UapiReplyReader.TryRead(reply, UapiScopes.Numeric, out _, out var errno);
        return errno;
    }
}

/// <summary>A peer as a get request shows it.</summary>
public sealed record UapiPeerStatus
{
    /// <summary>The peer's public key.</summary>
    public required TunnelPublicKey Key { get; init; }

    /// <summary>The pre-shared key, or null.</summary>
    public PresharedKey? PresharedKey { get; init; }

    /// <summary>Where packets go now; none when unknown.</summary>
    public EndpointAddress Endpoint { get; init; }

    /// <summary>When the last handshake completed, or null. On the wire in seconds and nanoseconds; here to the millisecond.</summary>
    public WallTime? LastHandshake { get; init; }

    /// <summary>Bytes sent.</summary>
    public long SentBytes { get; init; }

    /// <summary>Bytes received.</summary>
    public long ReceivedBytes { get; init; }

    /// <summary>Interval of persistent keepalives in seconds; 0: none.</summary>
    public int PersistentKeepalive { get; init; }

    /// <summary>Allowed addresses.</summary>
    public ImmutableArray<IpPrefix> AllowedIps { get; init; } = [];

    internal void Write(UapiBuffer output, UapiScopes scopes)
    {
        output.WriteKey("public_key", Key.Value.Span);
        output.WriteKey("preshared_key", PresharedKey is null ? default : PresharedKey.Span);
        output.Write("protocol_version", 1);
        if (!Endpoint.IsNone)
            output.Write("endpoint", UapiText.Print(Endpoint, scopes));
        var milliseconds = LastHandshake?.UnixMilliseconds ?? 0;
        output.Write("last_handshake_time_sec", milliseconds / 1000);
        output.Write("last_handshake_time_nsec", milliseconds % 1000 * 1_000_000);
        output.Write("tx_bytes", SentBytes);
        output.Write("rx_bytes", ReceivedBytes);
        output.Write("persistent_keepalive_interval", PersistentKeepalive);
        foreach (var prefix in AllowedIps)
            output.Write("allowed_ip", prefix.ToString());
    }
}
