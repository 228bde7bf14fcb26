using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;
using Mesh.Node.Device.Native;

namespace Mesh.Node.Device;

// What fits through the path to a peer where that is less than the device's MTU.
sealed partial class PeerSlot
{
    // As long as Linux keeps what a router said (net.ipv4.route.mtu_expires); then the full size is tried again.
    static readonly TimeSpan PathMtuLifetime = TimeSpan.FromMinutes(10);

    // Below these no path may go: RFC 791 (576 for reassembly) and RFC 8200.
    const int LeastOuter4 = 576, LeastOuter6 = 1280;

    volatile PathMtu? _path;

    /// <summary>Whether the path is known to be narrower than usual.</summary>
    public bool IsNarrow => _path is not null;

    /// <summary>Largest inner packet that a datagram to the peer carries over its path without fragments, in bytes.</summary>
    /// <param name="device">The device's MTU, an upper bound.</param>
    /// <param name="now">The present moment.</param>
    public int InnerMtu(int device, Instant now)
    {
        if (_path is not { } path)
            return device;
        if (now < path.Until && ReferenceEquals(path.Endpoint, _endpoint))
            return Math.Min(device, path.Inner);
        _path = null;
        return device;
    }

    /// <summary>Takes in what the system says about the path to an endpoint of the peer.</summary>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="outer">MTU of the path in bytes, IP header included.</param>
    /// <param name="now">The present moment.</param>
    public void NotePathMtu(SocketEndpoint endpoint, int outer, Instant now)
    {
        var v6 = endpoint.Raw.Family == LibC.AF_INET6;
        var headers = (v6 ? 40 : 20) + 8 + TransportMessage.Overhead;
        _path = new PathMtu(endpoint, Math.Max(outer, v6 ? LeastOuter6 : LeastOuter4) - headers, now + PathMtuLifetime);
    }

    sealed record PathMtu(SocketEndpoint Endpoint, int Inner, Instant Until);
}
