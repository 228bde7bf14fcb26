using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Mesh.Controller.Tls;

/// <summary>Connects to a controller where it is found; whether it is one, TLS shows afterwards.</summary>
static class ControllerDial
{
    /// <summary>Connects to the first address of a <c>host:port</c> that answers.</summary>
    /// <exception cref="SocketException">None does, or the name has none.</exception>
    public static async ValueTask<Stream> ConnectAsync(string address, CancellationToken cancellationToken)
    {
        var colon = address.LastIndexOf(':');
        var port = int.Parse(address.AsSpan(colon + 1), CultureInfo.InvariantCulture);
        var host = address[..colon].Trim('[', ']');
        // One socket per family: a machine without IPv6 cannot make a dual-mode one.
        var addresses = IPAddress.TryParse(host, out var literal) ? [literal] : await Dns.GetHostAddressesAsync(host, cancellationToken);
        SocketException? last = null;
        foreach (var one in addresses)
        {
            var socket = new Socket(one.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(one, port, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (SocketException failure)
            {
                socket.Dispose();
                last = failure;
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
        throw last ?? new SocketException((int)SocketError.HostNotFound);
    }
}
