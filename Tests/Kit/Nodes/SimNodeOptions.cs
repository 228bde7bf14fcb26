using System.Net;
using System.Net.Sockets;

namespace Mesh.Tests.Kit.Nodes;

/// <summary>Says how simulated nodes behave; many share one. Immutable.</summary>
public sealed record SimNodeOptions
{
    /// <summary>Gets whether every map is verified as a node does it; without that the head is read but no signature, path or body is looked at.</summary>
    public bool VerifiesMaps { get; init; } = true;

    /// <summary>Gets how often a node says where it is, beside once at each attach; null: never. A real node does every 60 s.</summary>
    public TimeSpan? HintInterval { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Gets what a node announces when it attaches, beside plain WireGuard.</summary>
    public IReadOnlyList<string>? Suites { get; init; }

    /// <summary>Gets the pause after a first failure; it doubles up to <see cref="LongestPause"/>, each shortened by up to a half at random.</summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Gets the longest pause between two rounds over all controllers.</summary>
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>Gets how long an attach may take before the next controller is tried.</summary>
    public TimeSpan AttachTimeout { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>Gets after how much silence the connection itself is asked for a sign of life; null: never.</summary>
    public TimeSpan? KeepAliveDelay { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Gets how long that sign of life may take before the connection counts as lost.</summary>
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Gets how a node reaches an address; another one lets it connect from inside a namespace or through a proxy.</summary>
    public Func<string, CancellationToken, ValueTask<Stream>> Dial { get; init; } = DialAsync;

    /// <summary>Gets who is told what happens; called from any thread, several at once, and must not block.</summary>
    public Action<SimNodeEvent>? Watch { get; init; }

    static async ValueTask<Stream> DialAsync(string address, CancellationToken cancel)
    {
        var endpoint = IPEndPoint.Parse(address);
        var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(endpoint, cancel);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
