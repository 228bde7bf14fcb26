using System.Collections.Immutable;
using Mesh.Actors.Peers;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Device;

/// <summary>
/// The tunnel of our own: the actors <c>device</c> and <c>peers</c> below a node's root, over a data plane. Disposing stops both; the tables and their
/// keys belong to whoever made them.
/// </summary>
public sealed class ManagedTunnelBackend : ITunnelBackend
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    readonly WantedState _wanted = new();
    readonly IActorRef _node;
    readonly IDataPlane _plane;
    readonly X25519 _deviceKey;
    readonly ITunnelClock _clock;
    readonly IEntropy _entropy;
    readonly SemaphoreSlim _one = new(1, 1);
    IActorRef? _device;
    IActorRef? _peers;
    IActorRef? _listener;
    int _opened;
    bool _stopped;

    /// <summary>Takes a running <see cref="NodeSupervisor"/> and what the tunnel is made of.</summary>
    public ManagedTunnelBackend(IActorRef node, IDataPlane plane, X25519 deviceKey, ITunnelClock clock, IEntropy entropy) =>
        (_node, _plane, _deviceKey, _clock, _entropy) = (node, plane, deviceKey, clock, entropy);

    /// <inheritdoc/>
    public TunnelCapabilities Capabilities =>
        TunnelCapabilities.PacketFilter | TunnelCapabilities.DropCounters | TunnelCapabilities.EndpointCandidates;

    /// <inheritdoc/>
    public async Task<TunnelDeviceInfo> StartAsync(CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken);
        try
        {
            if (_device is not null || _stopped)
                throw new InvalidOperationException("a tunnel backend starts once");
            TaskCompletionSource<object> first = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _listener = await StartChildAsync("device-watch", Props.Create<OpenListener>((Action<object>)Note), cancellationToken);
            _device = await StartChildAsync("device", Props.Create<DeviceActor>(_wanted, _plane, _listener), cancellationToken);
            _peers = await StartChildAsync("peers", Props.Create<PeersSupervisor>(_wanted, _plane, _deviceKey, _clock, _entropy), cancellationToken);
            var outcome = await first.Task.WaitAsync(Patience, cancellationToken);
            return outcome is DeviceActor.Opened opened ? opened.Info : throw new IOException(((DeviceActor.OpenFailed)outcome).Error);

            void Note(object message)
            {
                if (message is DeviceActor.Opened)
                    Interlocked.Increment(ref _opened);
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
            _wanted.State = state;
            // Peers first: no packet may find its way to the device before there is somebody who may or may not have it.
            await _peers.Ask<PeersSupervisor.Applied>(PeersSupervisor.Apply.Instance, Patience, cancellationToken);
            var configured = await _device.Ask<DeviceActor.Configured>(DeviceActor.Configure.Instance, Patience, cancellationToken);
            if (configured.Error is { } error)
                throw new IOException(error);
        }
        finally
        {
            _one.Release();
        }
    }

    /// <inheritdoc/>
    public TunnelStatistics ReadStatistics() =>
        new(_plane.ReadPeers(), _plane.Drops.Snapshot(), Math.Max(0, Volatile.Read(ref _opened) - 1));

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

    /// <summary>Passes what the device says to the backend. It supervises nothing and cannot fail.</summary>
    sealed class OpenListener : ReceiveActor
    {
        public OpenListener(Action<object> note) => ReceiveAny(note);
    }
}
