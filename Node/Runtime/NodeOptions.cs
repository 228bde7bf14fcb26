using Mesh.Actors.Device;

namespace Mesh.Node.Runtime;

/// <summary>What carries a node's packets.</summary>
enum BackendKind
{
    /// <summary>This program, on an interface that it makes.</summary>
    Managed,

    /// <summary>Another WireGuard that runs already, with its interface; this program drives it.</summary>
    Uapi,
}

/// <summary>What a node's tunnel starts with.</summary>
sealed record NodeOptions
{
    /// <summary>What carries the packets. Default: this program.</summary>
    public BackendKind Backend { get; init; }

    /// <summary>Interface, MTU, what is managed and used.</summary>
    public required TunnelConfiguration Tunnel { get; init; }

    /// <summary>Key, port, addresses, routes and peers at the start; more come by <see cref="NodeRuntime.ApplyAsync"/>.</summary>
    public TunnelState State { get; init; } = TunnelState.Empty;

    /// <summary>Time; another one only in tests.</summary>
    public ITunnelClock Clock { get; init; } = SystemTunnelClock.Instance;

    /// <summary>Configuration of the actor system.</summary>
    public Config Actors { get; init; } = ConfigurationFactory.Empty;
}
