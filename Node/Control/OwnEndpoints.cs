using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Mesh.Actors.Control;

namespace Mesh.Node.Control;

/// <summary>
/// Lists where this machine's tunnel may be reached: the addresses of its interfaces with the tunnel's port, IPv4 before IPv6. The
/// kernel says when they change (rtnetlink(7)). Safe for concurrent use.
/// </summary>
sealed class OwnEndpoints : IOwnEndpoints, IDisposable
{
    readonly string _tunnel;
    readonly int _port;

    /// <summary>Begins to listen for changes.</summary>
    /// <param name="tunnel">The tunnel's own interface, whose addresses do not count.</param>
    /// <param name="port">The tunnel's UDP port.</param>
    public OwnEndpoints(string tunnel, int port)
    {
        _tunnel = tunnel;
        _port = port;
        NetworkChange.NetworkAddressChanged += OnChanged;
    }

    /// <inheritdoc/>
    public event Action? Changed;

    /// <inheritdoc/>
    public IReadOnlyList<IPEndPoint> Current
    {
        get
        {
            var addresses = NetworkInterface.GetAllNetworkInterfaces()
                .Where(face => face.Name != _tunnel
                    && face.NetworkInterfaceType != NetworkInterfaceType.Loopback
                    && face.OperationalStatus is OperationalStatus.Up or OperationalStatus.Unknown)
                .SelectMany(face => face.GetIPProperties().UnicastAddresses)
                .Select(unicast => unicast.Address)
                .Where(address => !IPAddress.IsLoopback(address) && !address.IsIPv6LinkLocal && !IsIPv4LinkLocal(address))
                .Distinct();
            return [.. addresses.OrderBy(address => address.AddressFamily == AddressFamily.InterNetwork ? 0 : 1).Select(address => new IPEndPoint(address, _port))];
        }
    }

    /// <inheritdoc/>
    public void Dispose() => NetworkChange.NetworkAddressChanged -= OnChanged;

    void OnChanged(object? sender, EventArgs arguments) => Changed?.Invoke();

    // RFC 3927: such an address means that nobody gave this machine one.
    static bool IsIPv4LinkLocal(IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetwork && address.GetAddressBytes() is [169, 254, _, _];
}
