using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Map;

namespace Mesh.Tests.E2E.Lab;

/// <summary>
/// Is a member of the network that keeps none of its rules: enrolled by the real API, its keys in wireguard-go, which sends
/// whatever it is given to whoever is in its map.
/// </summary>
sealed class RogueNode : IAsyncDisposable
{
    static int _counter;
    readonly ApiNode _node;
    readonly RunningProcess _wireguard;

    RogueNode(Netns ns, ApiNode node, RunningProcess wireguard, string interfaceName)
    {
        Ns = ns;
        _node = node;
        _wireguard = wireguard;
        Interface = interfaceName;
    }

    /// <summary>Gets its machine.</summary>
    public Netns Ns { get; }

    /// <summary>Gets its network interface.</summary>
    public string Interface { get; }

    /// <summary>Gets its entry in the map.</summary>
    public SelfEntry Self => _node.Body.Self;

    /// <summary>Gets its IPv4 address inside the tunnel.</summary>
    public string V4 => Self.Addresses[0];

    /// <summary>Gets its IPv6 address inside the tunnel.</summary>
    public string V6 => Self.Addresses[1];

    /// <summary>Joins and brings the tunnel up towards the nodes of the lab that are in its map.</summary>
    public static async Task<RogueNode> JoinAsync(MeshLab lab, string name, string user)
    {
        var (ns, _) = lab.AddStranger();
        Assert.True(CredentialString.TryParse(lab.Controller.CreateCredential(user), out var credential));
        ApiNode node = new(ns, name);
        Assert.Null(await node.EnrollAsync(credential));

        // The name is unique on this machine: wireguard-go's control sockets lie in one folder for all namespaces.
        var interfaceName = $"wg{Environment.ProcessId % 100000}x{Interlocked.Increment(ref _counter)}";
        ns.Topology.Own($"/var/run/wireguard/{interfaceName}.sock");
        var wireguard = ns.Start("wireguard-go", "-f", interfaceName);
        await Eventually.TrueAsync("wireguard-go is up", TimeSpan.FromSeconds(5), () => ns.Run("wg", "show", interfaceName).ExitCode == 0);
        var keyFile = Path.Combine(lab.Folder, $"{name}.key");
        await File.WriteAllTextAsync(keyFile, node.Tunnel.ExportBase64() + "\n");
        ns.Run("wg", "set", interfaceName, "listen-port", "51820", "private-key", keyFile).MustExit();
        foreach (var address in node.Body.Self.Addresses)
            ns.Ip(["address", "add", address + (address.Contains(':') ? "/128" : "/32"), "dev", interfaceName, .. address.Contains(':') ? ["nodad"] : Array.Empty<string>()]);
        ns.Ip("link", "set", interfaceName, "mtu", "1420", "up");
        foreach (var peer in node.Body.Peers)
        {
            ns.Run("wg", "set", interfaceName, "peer", peer.TunnelKey.ToString(), "endpoint", $"{lab[peer.Name].Underlay}:51820",
                "persistent-keepalive", "1", "allowed-ips", string.Join(',', peer.Addresses)).MustExit();
            foreach (var address in peer.Addresses)
                ns.Ip("route", "add", address, "dev", interfaceName);
        }
        return new RogueNode(ns, node, wireguard, interfaceName);
    }

    /// <summary>Waits until it has a session with every peer.</summary>
    public Task ConnectedAsync() => Eventually.TrueAsync("the rogue node has its sessions", TimeSpan.FromSeconds(10), () =>
        Ns.Run("wg", "show", Interface, "latest-handshakes").Output.TrimEnd().Split('\n').All(line => !line.EndsWith("\t0", StringComparison.Ordinal) && line.Length > 0));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _wireguard.DisposeAsync();
        _node.Dispose();
    }
}
