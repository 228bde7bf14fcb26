using System.Collections.Immutable;
using Mesh.Actors.Peers;

namespace Mesh.Actors.Device;

/// <summary>
/// The tunnel of our own: the actors <c>device</c> and <c>peers</c> below a node's root, over a data plane. Disposing stops both; the tables and their
/// keys belong to whoever made them.
/// </summary>
public sealed class ManagedTunnelBackend : ITunnelBackend
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    readonly IActorRef _node;
    readonly TunnelContext _tunnel;
    readonly SemaphoreSlim _one = new(1, 1);
    readonly TaskCompletionSource<Exception> _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
    IActorRef? _device;
    IActorRef? _peers;
    IActorRef? _listener;
    int _opened;
    bool _stopped;

    /// <summary>Takes a running <see cref="NodeSupervisor"/> and what the tunnel is made of.</summary>
    public ManagedTunnelBackend(IActorRef node, TunnelContext tunnel) => (_node, _tunnel) = (node, tunnel);

    /// <inheritdoc/>
    public string Name => "managed";

    /// <inheritdoc/>
    public TunnelCapabilities Capabilities =>
        TunnelCapabilities.PacketFilter | TunnelCapabilities.DropCounters | TunnelCapabilities.EndpointCandidates | TunnelCapabilities.PacketCounters
        | TunnelCapabilities.CipherSuites | TunnelCapabilities.KeyRotation;

    /// <summary>Completes, with the cause, when the device failed and is not opened again.</summary>
    public Task<Exception> Lost => _lost.Task;

    /// <inheritdoc/>
    public async Task<TunnelDeviceInfo> StartAsync(TunnelState state, CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken);
        try
        {
            if (_device is not null || _stopped)
                throw new InvalidOperationException("a tunnel backend starts once");
            TaskCompletionSource<object> first = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _tunnel.Wanted.State = state;
            _listener = await StartChildAsync("device-watch", Props.Create<OpenListener>(new Listener(Note)), cancellationToken);
            // Peers first: no packet may find its way to the device before there is somebody who may or may not have it.
            _peers = await StartChildAsync("peers", Props.Create<PeersSupervisor>(_tunnel), cancellationToken);
            await _peers.Ask<PeersSupervisor.Applied>(PeersSupervisor.Apply.Instance, Patience, cancellationToken);
            _device = await StartChildAsync("device", Props.Create<DeviceActor>(_tunnel, _listener), cancellationToken);
            var outcome = await first.Task.WaitAsync(Patience, cancellationToken);
            return outcome is DeviceActor.Opened opened
                ? opened.Info
                : throw new IOException((outcome as DeviceActor.OpenFailed)?.Error ?? ((DeviceActor.Lost)outcome).Cause.Message);

            void Note(object message)
            {
                if (message is DeviceActor.Opened)
                    Interlocked.Increment(ref _opened);
                if (message is DeviceActor.Lost lost)
                    _lost.TrySetResult(lost.Cause);
                first.TrySetResult(message);
            }
        }
        finally
        {
            _one.Release();
        }
    }

    /// <inheritdoc/>
    public async Task ApplyAsync(TunnelState state, CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken);
        try
        {
            if (_device is null || _peers is null)
                throw new InvalidOperationException("the tunnel backend is not running");
            _tunnel.Wanted.State = state;
            await _peers.Ask<PeersSupervisor.Applied>(PeersSupervisor.Apply.Instance, Patience, cancellationToken);
            var configured = await _device.Ask<DeviceActor.Configured>(DeviceActor.Configure.Instance, Patience, cancellationToken);
            if (configured.Error is { } error)
                throw new IOException(error.Message, error.HResult);
        }
        finally
        {
            _one.Release();
        }
    }

    /// <inheritdoc/>
    public TunnelStatistics ReadStatistics()
    {
        var device = _tunnel.Device;
        return new(_tunnel.Plane.ReadPeers(), _tunnel.Plane.Drops.Snapshot(), Math.Max(0, Volatile.Read(ref _opened) - 1))
        {
            Features = device?.Features ?? [],
            ListenPort = device?.Info.ListenPort ?? 0,
        };
    }

    /// <inheritdoc/>
    public async Task StopAsync()
    {
        await _one.WaitAsync();
        try
        {
            _stopped = true;
            // Sessions first: their last messages still leave by the device.
            foreach (var child in new[] { _peers, _device, _listener })
            {
                if (child is not null)
                    await child.GracefulStop(Patience);
            }

            _peers = _device = _listener = null;
        }
        finally
        {
            _one.Release();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _one.Dispose();
    }

    async Task<IActorRef> StartChildAsync(string name, Props props, CancellationToken cancellationToken) =>
        (await _node.Ask<NodeSupervisor.ChildStarted>(new NodeSupervisor.StartChild(name, props), Patience, cancellationToken)).Child;

    sealed record Listener(Action<object> Note);

    /// <summary>Passes what the device says to the backend. It supervises nothing and cannot fail.</summary>
    sealed class OpenListener : ReceiveActor
    {
        public OpenListener(Listener listener) => ReceiveAny(listener.Note);
    }
}
