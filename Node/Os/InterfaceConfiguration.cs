using Mesh.Actors.Device;
using Mesh.Node.Device.Native;
using Mesh.Protocol.Routing;

namespace Mesh.Node.Os;

/// <summary>
/// What the node sets on its interface: MTU, addresses and routes. Applying a new state removes what the last one had and this one has not.
/// <see cref="Revert"/> removes all of it. Not safe for concurrent use.
/// </summary>
sealed class InterfaceConfiguration
{
    readonly HashSet<InterfaceAddress> _addresses = [];
    readonly HashSet<IpPrefix> _routes = [];
    readonly string _interface;
    readonly int _index;

    /// <param name="interfaceName">An interface that exists.</param>
    /// <exception cref="IOException">There is none of that name.</exception>
    public InterfaceConfiguration(string interfaceName)
    {
        _interface = interfaceName;
        _index = Netlink.IndexOf(interfaceName);
    }

    /// <summary>Index of the interface.</summary>
    public int Index => _index;

    /// <summary>Takes for its own what an earlier run of this program left on the interface.</summary>
    /// <exception cref="IOException">The kernel does not say what is set.</exception>
    public void Adopt()
    {
        using Netlink netlink = new();
        _addresses.UnionWith(netlink.OwnAddresses(_index));
        _routes.UnionWith(netlink.OwnRoutes(_index));
    }

    /// <summary>Brings the interface up with exactly these addresses and routes. A route that an address's own prefix makes is not repeated.</summary>
    /// <exception cref="IOException">The kernel refused; what was set before stays recorded and <see cref="Revert"/> removes it.</exception>
    public void Apply(int mtu, IReadOnlyCollection<InterfaceAddress> addresses, IReadOnlyCollection<IpPrefix> routes)
    {
        using Netlink netlink = new();
        var connected = addresses.Select(a => a.Network).ToHashSet();
        foreach (var address in _addresses.Except(addresses).ToArray())
        {
            netlink.RemoveAddress(_index, address.Address, address.PrefixLength);
            _addresses.Remove(address);
        }

        netlink.SetLink(_index, mtu, up: true);
        foreach (var address in addresses.Where(a => !_addresses.Contains(a)))
        {
            netlink.AddAddress(_index, address.Address, address.PrefixLength);
            _addresses.Add(address);
        }

        var wanted = routes.Where(r => !connected.Contains(r)).ToHashSet();
        foreach (var route in _routes.Except(wanted).ToArray())
        {
            netlink.RemoveRoute(_index, route);
            _routes.Remove(route);
        }

        IOException? refused = null;
        foreach (var route in wanted.Where(r => !_routes.Contains(r)))
        {
            try
            {
                netlink.AddRoute(_index, route);
                _routes.Add(route);
            }
            catch (IOException e)
            {
                // One range that somebody else routes must not keep the others from working.
                refused ??= e.HResult == LibC.EEXIST
                    ? new IOException($"cannot add route {route}: another interface has it; remove that route or change the network's range", e.HResult)
                    : e;
            }
        }

        if (refused is not null)
            throw refused;
    }

    /// <summary>Removes addresses and routes that <see cref="Apply"/> set. An interface that is gone took them with it.</summary>
    public void Revert()
    {
        try
        {
            if (Netlink.IndexOf(_interface) != _index)
                return;
            using Netlink netlink = new();
            foreach (var route in _routes)
                netlink.RemoveRoute(_index, route);
            foreach (var address in _addresses)
                netlink.RemoveAddress(_index, address.Address, address.PrefixLength);
        }
        catch (IOException) when (!Exists(_interface))
        {
            // The device was closed meanwhile: its addresses and routes went with it.
        }

        _routes.Clear();
        _addresses.Clear();
    }

    static bool Exists(string name) => LibC.IfNameToIndex(name) != 0;
}
