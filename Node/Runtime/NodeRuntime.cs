using Mesh.Actors.Configuration;
using Mesh.Actors.Device;
using Mesh.Node.Device;
using Mesh.Node.Uapi;
using Mesh.Protocol.Identity;

namespace Mesh.Node.Runtime;

/// <summary>
/// A running node: the actor system, the root actor <c>node</c> and the tunnel below it. Members may be called from any thread. Disposing stops the
/// actors, joins the packet threads, removes the interface with what was set on it, and zeroes the sessions' keys.
/// </summary>
sealed class NodeRuntime : IAsyncDisposable
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    readonly DataPlane? _plane;
    readonly TunnelContext? _context;
    int _disposed;

    NodeRuntime(ActorSystem system, IActorRef node, DataPlane? plane, TunnelContext? context, ITunnelBackend tunnel)
    {
        (System, Node, _plane, _context, Tunnel) = (system, node, plane, context, tunnel);
        Lost = tunnel is ManagedTunnelBackend managed ? managed.Lost : new TaskCompletionSource<Exception>().Task;
    }

    /// <summary>The actor system that everything of this node lives in.</summary>
    public ActorSystem System { get; }

    /// <summary>The root actor, <see cref="NodeSupervisor"/>.</summary>
    public IActorRef Node { get; }

    /// <summary>The tunnel.</summary>
    public ITunnelBackend Tunnel { get; }

    /// <summary>Completes, with the cause, when the device failed and is not opened again because it is somebody else's to manage.</summary>
    public Task<Exception> Lost { get; }

    /// <summary>A descriptor of the open device, for what can only be asked by it; it is closed with the device.</summary>
    /// <exception cref="InvalidOperationException">The device is not open.</exception>
    public int TunDescriptor => _context?.Device is LinuxTunnelDevice device ? device.TunDescriptor : throw new InvalidOperationException("the device is not open");

    /// <summary>What the device was called when it was opened first.</summary>
    public TunnelDeviceInfo Device { get; private set; } = null!;

    /// <summary>This node's static key now; null: none.</summary>
    public TunnelPublicKey? PublicKey => _plane is { } plane ? plane.DeviceKey?.PublicKey : ((UapiTunnelBackend)Tunnel).PublicKey;

    /// <summary>Starts actor system and tunnel, and applies the first state.</summary>
    /// <exception cref="IOException">Device, port or addresses cannot be had; nothing is left behind. The message says why and what to do.</exception>
    public static async Task<NodeRuntime> StartAsync(NodeOptions options, CancellationToken cancellationToken = default)
    {
        var system = ActorSystem.Create("mesh", DefaultConfiguration.ForActors(options.Actors));
        var node = system.ActorOf(Props.Create<NodeSupervisor>(), "node");
        var plane = options.Backend == BackendKind.Managed ? new DataPlane(options.Tunnel, options.Clock, SystemEntropy.Instance) : null;
        var context = plane is null
            ? null
            : new TunnelContext(plane, options.Clock, SystemEntropy.Instance) { ReopenDevice = options.Tunnel.ManageInterface };
        ITunnelBackend tunnel = context is null
            ? new UapiTunnelBackend(node, options.Tunnel, options.Clock)
            : new ManagedTunnelBackend(node, context);
        NodeRuntime runtime = new(system, node, plane, context, tunnel);
        try
        {
            runtime.Device = await tunnel.StartAsync(options.State, cancellationToken);
            HeapTrim.Soon();
            return runtime;
        }
        catch
        {
            await runtime.DisposeAsync();
            throw;
        }
    }

    /// <summary>Makes addresses, routes and peers what the state says; peers that did not change keep their sessions.</summary>
    /// <exception cref="IOException">The system refused an address or a route.</exception>
    public Task ApplyAsync(TunnelState state, CancellationToken cancellationToken = default) => Tunnel.ApplyAsync(state, cancellationToken);

    /// <summary>Says what MTU the interface was given by others; packets are padded up to it.</summary>
    public void SetMtu(int mtu)
    {
        if (_plane is not null)
            _plane.Mtu = mtu;
    }

    /// <summary>Starts another actor of the node below <see cref="Node"/>.</summary>
    public async Task<IActorRef> StartChildAsync(string name, Props props, CancellationToken cancellationToken = default) =>
        (await Node.Ask<NodeSupervisor.ChildStarted>(new NodeSupervisor.StartChild(name, props), Patience, cancellationToken)).Child;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        await Tunnel.DisposeAsync();
        await System.Terminate();
        _plane?.Dispose();
    }
}
