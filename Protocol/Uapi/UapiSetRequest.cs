using System.Collections.Immutable;
using Mesh.Protocol.Identity;

namespace Mesh.Protocol.Uapi;

/// <summary>
/// The lines of a set request behind <c>set=1</c>. A line that will not do ends the request: the lines before it take effect, as in
/// wireguard-go, which applies each as it reads it; the errno says that one was bad.
/// </summary>
/// <param name="Operations">The lines before the first bad one.</param>
/// <param name="Errno">0, or why the rest was not read.</param>
public sealed record UapiSetRequest(ImmutableArray<UapiOperation> Operations, int Errno)
{
    /// <summary>The line that opens a set request.</summary>
    public const string Opening = "set=1";

    /// <summary>Reads the lines up to the empty one or the end; a carriage return before a line feed is ignored. Never throws for what is in
    /// them.</summary>
    /// <param name="lines">ASCII, each line ended by a line feed. The caller zeroes it: it holds keys.</param>
    /// <param name="scopes">Reads names of interfaces in link-local endpoints.</param>
    public static UapiSetRequest Parse(ReadOnlySpan<byte> lines, UapiScopes scopes)
    {
        var operations = ImmutableArray.CreateBuilder<UapiOperation>();
        var inPeer = false;
        while (UapiText.TryReadLine(ref lines, out var line) && !line.IsEmpty)
        {
            var equals = line.IndexOf((byte)'=');
            if (equals < 0)
                return new UapiSetRequest(operations.DrainToImmutable(), UapiErrno.Protocol);
            var key = line[..equals];
            var value = line[(equals + 1)..];
            var namesPeer = key.SequenceEqual("public_key"u8);
            var operation = namesPeer ? ParsePublicKey(value) : inPeer ? ParsePeerLine(key, value, scopes) : ParseDeviceLine(key, value);
            if (operation is null)
                return new UapiSetRequest(operations.DrainToImmutable(), UapiErrno.Invalid);
            inPeer |= namesPeer;
            operations.Add(operation);
        }

        return new UapiSetRequest(operations.DrainToImmutable(), UapiErrno.None);
    }

    /// <summary>Writes a whole request: opening line, operations, empty line.</summary>
    public static void Write(IEnumerable<UapiOperation> operations, UapiBuffer output, UapiScopes scopes)
    {
        output.WriteLine(Opening);
        foreach (var operation in operations)
        {
            switch (operation)
            {
                case UapiOperation.SetPrivateKey { Key: var key }:
                    output.WriteKey("private_key", key is null ? default : key.Span);
                    break;
                case UapiOperation.SetListenPort { Port: var port }:
                    output.Write("listen_port", port);
                    break;
                case UapiOperation.SetFirewallMark { Mark: var mark }:
                    output.Write("fwmark", mark);
                    break;
                case UapiOperation.ReplacePeers:
                    output.WriteLine("replace_peers=true");
                    break;
                case UapiOperation.Peer { Key: var peer }:
                    output.WriteKey("public_key", peer.Value.Span);
                    break;
                case UapiOperation.ProtocolVersion:
                    output.WriteLine("protocol_version=1");
                    break;
                case UapiOperation.UpdateOnly:
                    output.WriteLine("update_only=true");
                    break;
                case UapiOperation.Remove:
                    output.WriteLine("remove=true");
                    break;
                case UapiOperation.SetPresharedKey { Key: var psk }:
                    output.WriteKey("preshared_key", psk is null ? default : psk.Span);
                    break;
                case UapiOperation.SetEndpoint { Endpoint: var endpoint }:
                    output.Write("endpoint", UapiText.Print(endpoint, scopes));
                    break;
                case UapiOperation.SetPersistentKeepalive { Seconds: var seconds }:
                    output.Write("persistent_keepalive_interval", seconds);
                    break;
                case UapiOperation.ReplaceAllowedIps:
                    output.WriteLine("replace_allowed_ips=true");
                    break;
                case UapiOperation.AllowIp { Prefix: var prefix }:
                    output.Write("allowed_ip", prefix.ToString());
                    break;
                case UapiOperation.DisallowIp { Prefix: var prefix }:
                    output.Write("allowed_ip", "-" + prefix.ToString());
                    break;
            }
        }

        output.WriteLine("");
    }

    /// <summary>Zeroes the keys in the operations that are not in the configuration.</summary>
    public void DisposeUnused(UapiConfiguration configuration)
    {
        var used = configuration.Secrets;
        foreach (var operation in Operations)
        {
            SecretKey? secret = operation switch
            {
                UapiOperation.SetPrivateKey { Key: var key } => key,
                UapiOperation.SetPresharedKey { Key: var psk } => psk,
                _ => null,
            };
            if (secret is not null && !used.Contains(secret))
                secret.Dispose();
        }
    }

    static UapiOperation? ParseDeviceLine(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (key.SequenceEqual("private_key"u8))
            return UapiText.TryReadSecret(value, static octets => new TunnelPrivateKey(octets), out var secret) ? new UapiOperation.SetPrivateKey(secret) : null;
        if (key.SequenceEqual("listen_port"u8))
            return UapiText.TryReadNumber(value, ushort.MaxValue, out var port) ? new UapiOperation.SetListenPort((int)port) : null;
        if (key.SequenceEqual("fwmark"u8))
            return UapiText.TryReadNumber(value, uint.MaxValue, out var mark) ? new UapiOperation.SetFirewallMark(mark) : null;
        return key.SequenceEqual("replace_peers"u8) && value.SequenceEqual("true"u8) ? new UapiOperation.ReplacePeers() : null;
    }

    static UapiOperation? ParsePeerLine(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, UapiScopes scopes)
    {
        if (key.SequenceEqual("allowed_ip"u8))
        {
            var take = value.StartsWith("-"u8);
            if (!UapiText.TryReadPrefix(take ? value[1..] : value, out var prefix))
                return null;
            return take ? new UapiOperation.DisallowIp(prefix) : new UapiOperation.AllowIp(prefix);
        }

        if (key.SequenceEqual("endpoint"u8))
            return UapiText.TryReadEndpoint(value, scopes, out var endpoint) ? new UapiOperation.SetEndpoint(endpoint) : null;
        if (key.SequenceEqual("preshared_key"u8))
            return UapiText.TryReadSecret(value, static octets => new PresharedKey(octets), out var psk) ? new UapiOperation.SetPresharedKey(psk) : null;
        if (key.SequenceEqual("persistent_keepalive_interval"u8))
            return UapiText.TryReadNumber(value, ushort.MaxValue, out var seconds) ? new UapiOperation.SetPersistentKeepalive((int)seconds) : null;
        if (key.SequenceEqual("protocol_version"u8))
            return value.SequenceEqual("1"u8) ? new UapiOperation.ProtocolVersion() : null;
        if (!value.SequenceEqual("true"u8))
            return null;
        if (key.SequenceEqual("replace_allowed_ips"u8))
            return new UapiOperation.ReplaceAllowedIps();
        if (key.SequenceEqual("remove"u8))
            return new UapiOperation.Remove();
        return key.SequenceEqual("update_only"u8) ? new UapiOperation.UpdateOnly() : null;
    }

    static UapiOperation? ParsePublicKey(ReadOnlySpan<byte> value)
    {
        Span<byte> octets = stackalloc byte[Octets32.Size];
        return UapiText.TryReadHex(value, octets) ? new UapiOperation.Peer(new TunnelPublicKey(octets)) : null;
    }
}
