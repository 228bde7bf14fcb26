using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Mesh.Actors.Device;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Filter;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Routing;
using Mesh.Protocol.Tunnel;

namespace Mesh.Node.Runtime;

/// <summary>
/// A network written by hand instead of received from a controller: own key and addresses, and peers by their keys. Everything is allowed between
/// such peers, as in plain WireGuard, unless <c>accept</c> or <c>send</c> say less. Disposing zeroes the keys.
/// </summary>
/// <example><code>
/// mesh {
///   interface = mesh0
///   port = 51820
///   mtu = 1420
///   private-key-file = /etc/mesh/tunnel.key
///   addresses = ["10.7.0.1/24", "fd00:7::1/64"]
///   suites = ["aes-256-gcm"]                         // optional: what is accepted beside plain WireGuard
///   peers.gateway {
///     public-key = "base64"
///     preshared-key-file = /etc/mesh/gateway.psk    // optional
///     endpoint = "192.0.2.1:51820"                   // optional
///     allowed-ips = ["10.7.0.2/32", "fd00:7::2/128"]
///     persistent-keepalive = 25s                     // optional
///     accept = ["icmp", "tcp:5201"]                  // optional: what the peer may open towards this node, by default "*"
///     send = ["*"]                                   // optional: what this node may open towards the peer, by default "*"
///     suites = ["aes-256-gcm"]                       // optional: the peer is a node of this program that announces it
///   }
/// }
/// </code></example>
sealed class StaticNetwork : IDisposable
{
    static readonly string[] PeerKeys = ["public-key", "preshared-key-file", "endpoint", "allowed-ips", "persistent-keepalive", "accept", "send", "suites"];

    readonly List<IDisposable> _secrets = [];

    StaticNetwork()
    {
    }

    /// <summary>Interface, MTU.</summary>
    public TunnelConfiguration Tunnel { get; private set; } = null!;

    /// <summary>Key, port, addresses, routes and peers.</summary>
    public TunnelState State { get; private set; } = TunnelState.Empty;

    /// <summary>Whether a configuration describes a static network.</summary>
    public static bool IsIn(Config config) => config.HasPath("mesh.private-key-file");

    /// <summary>Reads the network from a configuration and the key files that it names.</summary>
    /// <param name="config">The whole configuration; only <c>mesh</c> is read.</param>
    /// <param name="suites">The suites that this machine announces; a peer's are used as far as they are among them.</param>
    /// <param name="readSecret">Reads a key file, given its path and what it is ("private key file").</param>
    /// <exception cref="ConfigurationException">A value is missing or will not do: the message names it and says what would.</exception>
    public static StaticNetwork Read(Config config, ImmutableArray<CipherSuite> suites, Func<string, string, byte[]> readSecret)
    {
        StaticNetwork network = new();
        try
        {
            network.ReadFrom(config, suites, readSecret);
            return network;
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var secret in _secrets)
            secret.Dispose();
        _secrets.Clear();
    }

    void ReadFrom(Config config, ImmutableArray<CipherSuite> suites, Func<string, string, byte[]> readSecret)
    {
        var keyFile = config.GetString("mesh.private-key-file") ?? throw new ConfigurationException("mesh.private-key-file is missing");
        var key = ReadKey(keyFile, "private key file", readSecret, static text => TunnelPrivateKey.TryParse(text, out var k) ? k : null);
        Tunnel = new TunnelConfiguration
        {
            Interface = config.GetString("mesh.interface", "mesh0")!,
            Mtu = Range(config, "mesh.mtu", 1420, 576, 9000),
            Suites = suites,
        };
        var addresses = config.GetStringList("mesh.addresses").Select(text =>
            InterfaceAddress.TryParse(text, out var address)
                ? address
                : throw new ConfigurationException($"mesh.addresses: '{text}' is not an address such as 10.7.0.1/24 or fd00:7::1/64")).ToImmutableArray();
        var peers = PeerNames(config).Select(name => ReadPeer(name, config.GetConfig($"mesh.peers.{Quote(name)}")!, suites, readSecret)).ToImmutableArray();
        if (peers.GroupBy(p => p.Key).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new ConfigurationException($"mesh.peers: {string.Join(" and ", twice.Select(p => p.Name))} have the same public key");
        // A default route through the tunnel would carry the tunnel's own datagrams too: whoever wants one sets it with its exceptions.
        State = new TunnelState
        {
            PrivateKey = key,
            ListenPort = Range(config, "mesh.port", 51820, 0, 65535),
            Addresses = addresses,
            Peers = peers,
            Routes = [.. peers.SelectMany(p => p.AllowedIps).Where(p => p.Length > 0).Distinct()],
        };
    }

    TunnelPeer ReadPeer(string name, Config peer, ImmutableArray<CipherSuite> suites, Func<string, string, byte[]> readSecret)
    {
        foreach (var path in peer.Keys().Select(k => k.Path))
        {
            if (!PeerKeys.Contains(path))
                throw new ConfigurationException($"unknown key mesh.peers.{name}.{path}");
        }

        if (!TypedOctets.TryParse<TunnelPublicKey>(peer.GetString("public-key"), out var key))
            throw new ConfigurationException($"mesh.peers.{name}.public-key must be 32 bytes in base64 (44 characters)");
        var psk = peer.GetString("preshared-key-file") is { } file
            ? ReadKey(file, "pre-shared key file", readSecret, static text => PresharedKey.TryParse(text, out var k) ? k : null)
            : null;
        return new TunnelPeer
        {
            Key = key,
            Name = name,
            PresharedKey = psk,
            Rules = ReadRules(name, peer),
            Suite = ReadSuites(name, peer, suites).FirstOrDefault(),
            Endpoints = peer.GetString("endpoint") is { } endpoint ? [ResolveEndpoint(name, endpoint)] : [],
            AllowedIps = [.. peer.GetStringList("allowed-ips").Select(text => IpPrefix.TryParse(text, out var prefix)
                ? prefix
                : throw new ConfigurationException($"mesh.peers.{name}.allowed-ips: '{text}' is not a prefix such as 10.7.0.2/32"))],
            PersistentKeepalive = ReadKeepalive(name, peer),
        };
    }

    static PeerRules ReadRules(string name, Config peer)
    {
        if (!peer.HasPath("accept") && !peer.HasPath("send"))
            return PeerRules.All;
        return new PeerRules(Read("accept"), Read("send"));

        ImmutableArray<FilterRule> Read(string direction) => !peer.HasPath(direction)
            ? [FilterRule.Any]
            : [.. peer.GetStringList(direction).Select(text => FilterRule.TryParse(text, out var rule)
                ? rule
                : throw new ConfigurationException($"mesh.peers.{name}.{direction}: '{text}' is not a rule such as *, icmp, tcp, udp:53 or tcp:8000-8099"))];
    }

    static ImmutableArray<CipherSuite> ReadSuites(string name, Config peer, ImmutableArray<CipherSuite> announced) =>
        [.. peer.GetStringList("suites").Select(text => CipherSuites.TryParseAnnounced(text, out var suite)
            ? suite
            : throw new ConfigurationException($"mesh.peers.{name}.suites: '{text}' is not a suite; there is {CipherSuites.Aes256Gcm}"))
            .Where(announced.Contains)];

    static TimeSpan ReadKeepalive(string name, Config peer)
    {
        // A bare number is seconds, as in wg-quick files; with a unit it is what it says.
        var interval = int.TryParse(peer.GetString("persistent-keepalive"), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            ? TimeSpan.FromSeconds(seconds)
            : peer.GetTimeSpan("persistent-keepalive", TimeSpan.Zero, allowInfinite: false);
        return interval >= TimeSpan.Zero && interval <= TimeSpan.FromSeconds(65535)
            ? interval
            : throw new ConfigurationException($"mesh.peers.{name}.persistent-keepalive is 0 to 65535 seconds");
    }

    static EndpointAddress ResolveEndpoint(string name, string text)
    {
        if (EndpointAddress.TryParse(text, out var endpoint))
            return endpoint;
        var colon = text.LastIndexOf(':');
        if (colon > 0 && ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port != 0)
        {
            try
            {
                if (Dns.GetHostAddresses(text[..colon]).FirstOrDefault() is { } address)
                    return EndpointAddress.From(new IPEndPoint(address, port));
            }
            catch (SocketException e)
            {
                throw new ConfigurationException($"mesh.peers.{name}.endpoint: cannot resolve {text[..colon]}: {e.Message}", e);
            }
        }

        throw new ConfigurationException($"mesh.peers.{name}.endpoint: '{text}' is not host:port, such as 192.0.2.1:51820 or [2001:db8::1]:51820");
    }

    TKey ReadKey<TKey>(string path, string what, Func<string, string, byte[]> readSecret, Func<string, TKey?> parse) where TKey : SecretKey
    {
        var bytes = readSecret(path, what);
        var key = parse(Encoding.ASCII.GetString(bytes));
        CryptographicOperations.ZeroMemory(bytes);
        if (key is null)
            throw new ConfigurationException($"the {what} {path} must hold 32 bytes in base64 (44 characters), as wg genkey prints them");
        _secrets.Add(key);
        return key;
    }

    static int Range(Config config, string path, int @default, int least, int greatest)
    {
        var value = config.GetInt(path, @default);
        return value >= least && value <= greatest ? value : throw new ConfigurationException($"{path} is {least} to {greatest}, not {value}");
    }

    static IEnumerable<string> PeerNames(Config config)
    {
        var peers = config.GetConfig("mesh.peers");
        return peers is null ? [] : peers.Keys().Select(k => FirstSegment(k.Path)).Distinct();
    }

    // A key with dots or other odd characters is written, and listed, in quotes.
    static string FirstSegment(string path)
    {
        if (!path.StartsWith('"'))
            return path.IndexOf('.', StringComparison.Ordinal) is >= 0 and var dot ? path[..dot] : path;
        return path[1..path.IndexOf('"', 1)];
    }

    static string Quote(string name) => $"\"{name}\"";
}
