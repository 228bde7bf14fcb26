using System.Globalization;
using Mesh.Tests.E2E.Lab;

namespace Mesh.Tests.E2E.Interop;

/// <summary>
/// Two machines with a router between them, each with one WireGuard interface that <c>wg</c> has told of the other: the topology of the
/// WireGuard project's own test script, with links where that has the sockets of one shared namespace.
/// <code>
///   ns1: 192.0.2.1, 2001:db8:1::1  --eth1--  (.254, ::fe) router (.254, ::fe)  --eth2--  198.51.100.2, 2001:db8:2::2 : ns2
///        192.168.241.1, fd00:241::1 (inside)                                              192.168.241.2, fd00:241::2
/// </code>
/// </summary>
sealed class WireGuardLab : IAsyncDisposable
{
    /// <summary>The ports that ns1 and ns2 begin with.</summary>
    public const int Port1 = 1, Port2 = 2;

    readonly NetnsTopology _topology = new("mwg");

    WireGuardLab(string one, string two)
    {
        var folder = _topology.TempFolder();
        var (ns1, ns2) = (_topology.Add("1"), _topology.Add("2"));
        Router = _topology.Add("r");
        _topology.Connect(ns1, ["192.0.2.1/24", "2001:db8:1::1/64"], Router, ["192.0.2.254/24", "2001:db8:1::fe/64"], "eth1");
        _topology.Connect(ns2, ["198.51.100.2/24", "2001:db8:2::2/64"], Router, ["198.51.100.254/24", "2001:db8:2::fe/64"], "eth2");
        Router.Sysctl("net.ipv4.ip_forward", "1");
        Router.Sysctl("net.ipv6.conf.all.forwarding", "1");
        AddDefaultRoutes(ns1, "192.0.2.254", "2001:db8:1::fe");
        AddDefaultRoutes(ns2, "198.51.100.254", "2001:db8:2::fe");
        One = new WireGuardInterface(one, ns1, folder, 1);
        Two = new WireGuardInterface(two, ns2, folder, 2);
    }

    /// <summary>Gets the interface in ns1.</summary>
    public WireGuardInterface One { get; }

    /// <summary>Gets the interface in ns2.</summary>
    public WireGuardInterface Two { get; }

    /// <summary>Gets the machine in between.</summary>
    public Netns Router { get; }

    /// <summary>Gives the outside address that ns1 or ns2 begins with.</summary>
    public static string Outside(int number, bool v6) => (number, v6) switch
    {
        (1, false) => "192.0.2.1",
        (1, true) => "2001:db8:1::1",
        (_, false) => "198.51.100.2",
        (_, true) => "2001:db8:2::2",
    };

    /// <summary>Writes an endpoint as <c>wg</c> does.</summary>
    public static string Endpoint(string address, int port) =>
        string.Create(CultureInfo.InvariantCulture, $"{(address.Contains(':') ? $"[{address}]" : address)}:{port}");

    /// <summary>Starts both programs and configures them; neither knows an endpoint yet.</summary>
    public static async Task<WireGuardLab> StartAsync(string one, string two)
    {
        WireGuardLab lab = new(one, two);
        try
        {
            await Task.WhenAll(lab.One.StartAsync(), lab.Two.StartAsync());
            Configure(lab.One, Port1, lab.Two);
            Configure(lab.Two, Port2, lab.One);
            // The programs learn in their own time that their interface went up; a handshake before that would be lost, and the next is 5 s away.
            foreach (var (end, port) in new[] { (lab.One, Port1), (lab.Two, Port2) })
            {
                foreach (var family in new[] { "-4", "-6" })
                    await Eventually.TrueAsync($"port {port} to be open, {family}", TimeSpan.FromSeconds(10),
                        () => end.Ns.Run("ss", "-Huln", family, "sport", "=", $":{port}").Output.Length > 0);
            }
            return lab;
        }
        catch
        {
            await lab.DisposeAsync();
            throw;
        }
    }

    /// <summary>Tells both where the other is, over one address family.</summary>
    public void Introduce(bool v6)
    {
        One.Set("peer", Two.PublicKey, "endpoint", Endpoint(Outside(2, v6), Port2));
        Two.Set("peer", One.PublicKey, "endpoint", Endpoint(Outside(1, v6), Port1));
    }

    /// <summary>Sets the MTU of all links.</summary>
    public void SetLinkMtu(int mtu)
    {
        foreach (var (ns, link) in new[] { (One.Ns, "eth1"), (Router, "eth1"), (Router, "eth2"), (Two.Ns, "eth2") })
            ns.Ip("link", "set", "dev", link, "mtu", mtu.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>Gives ns1 other outside addresses in place of those that it has.</summary>
    public void MoveOne(string address4, string address6)
    {
        One.Ns.Ip("address", "flush", "dev", "eth1", "scope", "global");
        One.Ns.Ip("address", "add", address4 + "/24", "dev", "eth1");
        One.Ns.Ip("address", "add", address6 + "/64", "dev", "eth1", "nodad");
        AddDefaultRoutes(One.Ns, "192.0.2.254", "2001:db8:1::fe");
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _topology.DisposeAsync();

    static void AddDefaultRoutes(Netns ns, string via4, string via6)
    {
        ns.Ip("-4", "route", "replace", "default", "via", via4);
        ns.Ip("-6", "route", "replace", "default", "via", via6);
    }

    static void Configure(WireGuardInterface end, int port, WireGuardInterface peer)
    {
        end.Set("private-key", end.KeyFile, "listen-port", port.ToString(CultureInfo.InvariantCulture),
            "peer", peer.PublicKey, "allowed-ips", $"{peer.Inside(v6: false)}/32,{peer.Inside(v6: true)}/128");
        end.Ns.Ip("address", "add", end.Inside(v6: false) + "/24", "dev", end.Name);
        end.Ns.Ip("address", "add", end.Inside(v6: true) + "/64", "dev", end.Name, "nodad");
        end.Ns.Ip("link", "set", "dev", end.Name, "mtu", "1420", "up");
    }
}
